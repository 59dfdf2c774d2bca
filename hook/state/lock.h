/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lock.h - the lock of a domain
 */
#ifndef BUSFLIP_LOCK_H
#define BUSFLIP_LOCK_H

#include "helper/shared/base.h"

/*
 * shared_lock() - take the lock of that name, for what all domains share. Waits up to @seconds.
 * Return: a descriptor that holds the lock until it is closed, or -1 and @err.
 */
int shared_lock(const char *name, unsigned seconds, struct error *err);

/*
 * domain_lock() - take the lock of domain @uuid, so that two events at once are handled one
 * after the other. Waits up to @seconds.
 * Return: a descriptor that holds the lock until it is closed, or -1.
 */
int domain_lock(const char *uuid, unsigned seconds, struct error *err);

/* state_folders_make() - create the folders below BUSFLIP_STATEDIR and BUSFLIP_RUNDIR that a
 * pending record and a lock need. */
int state_folders_make(struct error *err);

#endif
