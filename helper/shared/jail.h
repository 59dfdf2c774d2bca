/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jail.h - what the sandbox of busflip-helper and the jail of qemu-nbd share
 */
#ifndef BUSFLIP_JAIL_H
#define BUSFLIP_JAIL_H

#include <sys/types.h>

#include "helper/shared/base.h"

/* Used if no other user is available: the kernel's overflow user. */
#define JAIL_NOBODY 65534

struct jail_limit {
	int resource;
	uint64_t limit;
};

/* jail_limits() - they can't be raised again; lower limits stay. */
int jail_limits(const struct jail_limit *limits, size_t n, struct error *err);

/*
 * jail_user() - a user, and a group, that only this process has and that owns nothing
 *
 * Other programs run as nobody, and processes of the same user can kill, trace and read each
 * other. So the number is derived from the process id, which no other process has at that time,
 * above the range that sssd gives to the users of a domain (2000200000) and below the range
 * that systemd gives to files of foreign systems (0x7ffe0000).
 */
uid_t jail_user(void);

/* jail_become() - become @user with a group of that number and no others; as root. With @keep,
 * a mask, keep those capabilities in all sets; irreversible. */
int jail_become(uid_t user, uint64_t keep, struct error *err);

/* jail_drop() - drop all capabilities except @keep, from all sets. */
int jail_drop(uint64_t keep);

/* jail_effective() - of the permitted capabilities make only @mask effective. */
int jail_effective(uint64_t mask);

#endif
