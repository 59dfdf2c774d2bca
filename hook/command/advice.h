/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * advice.h - what comes next for a domain, and how to fix a condition that does not hold; pure
 */
#ifndef BUSFLIP_ADVICE_H
#define BUSFLIP_ADVICE_H

#include "hook/cli/remedy.h"
#include "hook/cli/summary.h"

struct advice {
	const struct summary *summary;
	const char *odd_tag;	/* from domain_odd_tag() */
	bool saved;		/* its next start resumes a saved session */
	bool needs_disk;	/* evidence = require: the disk must be readable */
	bool has_drivers;	/* virtio_win is set */
	const char *no_drivers;	/* why virtio_win can't be used, a clause; or NULL */
	const char *unreadable;	/* why the disk can't be read, or NULL; ... */
	bool never;		/* ... and it never can be */
	const char *unfit;	/* why it can't be staged, or NULL */
	const char *stuck;	/* staged: why it can't go to VirtIO, or NULL */
	const struct finding *stop;	/* staged: what one more session does not cure, or NULL */
};

#define ADVICE_SIZE 1280

/* advice_next() - one or two sentences to follow "Next: ". */
void advice_next(const struct advice *advice, char text[ADVICE_SIZE]);

/* advice_cure() - "" if the condition holds or has no cure. */
void advice_cure(const struct advice *advice, const struct finding *finding,
		 char text[ADVICE_SIZE]);

#endif
