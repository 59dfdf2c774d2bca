/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * remedy.h - what cures a condition for VirtIO that does not hold; pure
 *
 * In the texts DOMAIN stands for the domain's name.
 */
#ifndef BUSFLIP_REMEDY_H
#define BUSFLIP_REMEDY_H

#include "hook/disk/findings.h"

/* What most of them need, a clause. */
#define REMEDY_SESSION "start it, let Windows come up, and shut it down inside Windows"

enum remedy_drivers { REMEDY_ALWAYS, REMEDY_WITHOUT_DRIVERS, REMEDY_WITH_DRIVERS };

struct remedy {
	const char *condition;
	const char *found;	/* it applies if what was found begins with this; NULL: always */
	enum remedy_drivers drivers;	/* ... and if virtio_win is of use or not */
	const char *cure;	/* a clause */
	const char *next;	/* a clause: what comes next when a session on SATA did not cure it;
				 * NULL: one more such session */
	const char *waits;	/* the same in two words; NULL: a start */
};

/* remedy_of() - NULL if there is none. @has_drivers: virtio_win is of use. */
const struct remedy *remedy_of(const struct finding *finding, bool has_drivers);

/* remedy_is_driver() - true if the condition is about the driver for VirtIO. */
bool remedy_is_driver(const struct finding *finding);

/*
 * remedy_next() - the first condition in @now that fails and that one more session on SATA does
 * not cure, or NULL
 *
 * @last: what failed at the end of the last session: what busflip does before each session comes
 * next only if it did not help there.
 */
const struct finding *remedy_next(const struct findings *now, const struct findings *last,
				  bool has_drivers);

#endif
