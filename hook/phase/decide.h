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

/* What happened to a domain. A session is one run of the guest. The phase in its live XML says
 * whether it ran on SATA or on VirtIO. */
enum happening {
	HAPPENED_SEEN,		/* a tagged definition was found or is being started */
	HAPPENED_SATA_CLEAN,	/* a session on SATA ended and all conditions hold */
	HAPPENED_SATA_NOT_READY, /* it ended cleanly, but the disk is not ready */
	HAPPENED_SATA_UNCLEAN,	/* a session on SATA ended in any other way */
	HAPPENED_VIRTIO_CLEAN,	/* a trial session ended, and Windows ran in it */
	HAPPENED_VIRTIO_UNKNOWN, /* it ended cleanly, but what ran is unknown */
	HAPPENED_VIRTIO_UNCLEAN,
	HAPPENED_VIRTIO_FAILED,	/* the start failed twice */
	HAPPENED_VIRTIO_STUCK,	/* not clean, and the disk can't go back to SATA */
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
	ACTION_RESTORE,		/* restore the user's disk, remove the state */
	ACTION_REFUSE,		/* the command is not valid in this phase */
	ACTION_COUNT
};

struct decision {
	enum phase next;
	enum action action;
	bool count;		/* count one more failed attempt */
	bool reset;		/* reset attempts to 0 */
	const char *why;	/* one clause for the log and for status */
	const char *first;	/* refused: the command to run first, or NULL */
};

/*
 * phase_decide() - look up the decision; defined for all inputs.
 * @phase: the phase in the persistent definition
 * @last_attempt: a failed trial now would reach max_attempts
 * @override: the trial was ordered by "busflip promote", not by evidence
 */
struct decision phase_decide(enum phase phase, enum happening happened,
			     bool last_attempt, bool override);

/*
 * phase_decide_moved() - the same if the system disk is on another bus than @phase (staged,
 * trial or done) says. @decision: that of phase_decide(), to be replaced if needed.
 * Return: false if nothing can be decided then: a session on another bus proves nothing.
 */
bool phase_decide_moved(enum phase phase, enum happening happened, struct decision *decision);

#endif
