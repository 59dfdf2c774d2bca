/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decide.h - (phase, what happened, attempts) -> (phase, action): pure decisions
 *
 *   none --seen--> staged --clean SATA session--> trial --clean session--> done
 *                    ^  ^                            |
 *          retry     |  +--- not clean, tries left --+
 *          held -----+  held <-- not clean, none left
 *
 * "hold" leads to held from everywhere but done. Done and held are left alone;
 * only a command leaves them.
 */
#ifndef BUSFLIP_DECIDE_H
#define BUSFLIP_DECIDE_H

#include "hook/domain/phase.h"

/* What happened to a domain. A session is one run of the guest; whether it was
 * on SATA or on VirtIO is told by the phase in its live XML. */
enum happening {
	HAPPENED_SEEN,		/* a tagged definition was found, or is started */
	HAPPENED_SATA_CLEAN,	/* a session on SATA ended and the evidence holds */
	HAPPENED_SATA_NOT_READY, /* it ended cleanly, but the disk is not ready */
	HAPPENED_SATA_UNCLEAN,	/* a session on SATA ended in any other way */
	HAPPENED_VIRTIO_CLEAN,	/* a trial session ended, and Windows ran in it */
	HAPPENED_VIRTIO_UNKNOWN, /* it ended cleanly, but no telling what ran */
	HAPPENED_VIRTIO_UNCLEAN,
	HAPPENED_VIRTIO_FAILED,	/* it did not even begin, twice */
	HAPPENED_VIRTIO_STUCK,	/* that, and the disk can't be put back on SATA */
	HAPPENED_PROMOTE,	/* commands of the administrator */
	HAPPENED_ROLLBACK,
	HAPPENED_RETRY,
	HAPPENED_HOLD,
	HAPPENED_DISABLE,
	HAPPENING_COUNT
};

enum action {
	ACTION_NONE,		/* leave the definition as it is */
	ACTION_STAGE,		/* disk to SATA, bait in */
	ACTION_PROMOTE,		/* disk to VirtIO, bait out */
	ACTION_ROLLBACK,	/* disk back to SATA, bait in again */
	ACTION_MARK,		/* only the phase changes */
	ACTION_RESTORE,		/* the user's own disk back, state removed */
	ACTION_REFUSE,		/* a command that makes no sense here */
	ACTION_COUNT
};

struct decision {
	enum phase next;
	enum action action;
	bool count;		/* one more failed attempt */
	bool reset;		/* attempts start again at 0 */
	const char *why;	/* one clause for the log and for status */
	const char *first;	/* refused: the command that comes before, or NULL */
};

/*
 * phase_decide() - look the decision up; total over all its inputs.
 * @phase: the phase in the persistent definition
 * @last_attempt: a failed trial now would use up max_attempts
 * @override: the trial was ordered by "busflip promote", not by evidence
 */
struct decision phase_decide(enum phase phase, enum happening happened,
			     bool last_attempt, bool override);

#endif
