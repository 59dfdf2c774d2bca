/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spawn.h - leave a process behind that outlives the hook
 */
#ifndef BUSFLIP_SPAWN_H
#define BUSFLIP_SPAWN_H

#include "helper/shared/base.h"

/*
 * spawn_settle() - run "busflip settle @uuid" in a session of its own.
 *
 * libvirt waits until a hook's stdout and stderr are closed by everybody, so
 * the new process has none of our descriptors. It is nobody's child: the hook
 * does not wait for it, and a stop of the daemon's service leaves it alone
 * (libvirt's units have KillMode=process).
 */
int spawn_settle(const char *uuid, struct error *err);

/* spawn_watch() - run "busflip watch @uuid @id" in the same way; @id is libvirt's number of
 * the run that is to be watched. */
int spawn_watch(const char *uuid, int id, struct error *err);

#endif
