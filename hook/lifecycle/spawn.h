/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spawn.h - start a process that outlives the hook
 */
#ifndef BUSFLIP_SPAWN_H
#define BUSFLIP_SPAWN_H

#include "helper/shared/base.h"

/*
 * spawn_settle() - run "busflip settle @uuid" in a session of its own.
 *
 * libvirt waits until a hook's stdout and stderr are closed by all processes, so the new
 * process inherits no descriptors. The hook does not wait for it, and stopping the daemon's
 * service leaves it alone (libvirt's units have KillMode=process).
 */
int spawn_settle(const char *uuid, struct error *err);

/* spawn_watch() - run "busflip watch @uuid @id" in the same way; @id is libvirt's number of
 * the run to watch. */
int spawn_watch(const char *uuid, int id, struct error *err);

#endif
