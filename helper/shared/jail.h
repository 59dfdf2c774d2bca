/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jail.h - what the sandbox of busflip-helper and the jail of qemu-nbd have in common
 */
#ifndef BUSFLIP_JAIL_H
#define BUSFLIP_JAIL_H

#include <sys/types.h>

#include "helper/shared/base.h"

/* Where the other one can't be had: the kernel's overflow user. */
#define JAIL_NOBODY 65534

struct jail_limit {
	int resource;
	uint64_t limit;
};

/* jail_limits() - neither may be raised again; lower ones stay. */
int jail_limits(const struct jail_limit *limits, size_t n, struct error *err);

/*
 * jail_user() - a user, and a group, that is this process alone and owns nothing
 *
 * Other programs run as nobody, and what shares its user can be killed, traced and
 * read by it. So it is made of the process's number, which at that time is nobody
 * else's, above what sssd gives to the users of a domain (2000200000) and below what
 * systemd gives to files of foreign systems (0x7ffe0000).
 */
uid_t jail_user(void);

/* jail_become() - @user with a group of that number and no others; as root. With
 * @keep, a mask, of capabilities those, in all sets; and no way back. */
int jail_become(uid_t user, uint64_t keep, struct error *err);

/* jail_drop() - all capabilities but those of @keep, from all sets. */
int jail_drop(uint64_t keep);

/* jail_effective() - of the capabilities that are permitted only @mask in force. */
int jail_effective(uint64_t mask);

#endif
