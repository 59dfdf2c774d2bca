// SPDX-License-Identifier: GPL-2.0-or-later
/* decide.c - (phase, what happened, attempts) -> (phase, action): pure decisions */

#include "hook/phase/decide.h"

#include <assert.h>
#include <stddef.h>

#define GO(to, what, text) { .next = PHASE_##to, .action = ACTION_##what, .why = text }
#define COUNT(to, what, text) \
	{ .next = PHASE_##to, .action = ACTION_##what, .count = true, .why = text }
#define RESET(to, what, text) \
	{ .next = PHASE_##to, .action = ACTION_##what, .reset = true, .why = text }
#define REFUSE(at, text, command) \
	{ .next = PHASE_##at, .action = ACTION_REFUSE, .why = text, .first = command }
#define STAY(at, text) GO(at, NONE, text)

/* Two cases depend on more than phase and happening. phase_decide() checks for them before it
 * looks into this table. */
static const struct decision table[PHASE_COUNT][HAPPENING_COUNT] = {
	[PHASE_NONE] = {
		[HAPPENED_SEEN] = RESET(STAGED, STAGE, "tagged: first boot on SATA"),
		[HAPPENED_SATA_CLEAN] = STAY(NONE, "not staged"),
		[HAPPENED_SATA_NOT_READY] = STAY(NONE, "not staged"),
		[HAPPENED_SATA_UNCLEAN] = STAY(NONE, "not staged"),
		[HAPPENED_VIRTIO_CLEAN] = STAY(NONE, "not staged"),
		[HAPPENED_VIRTIO_UNKNOWN] = STAY(NONE, "not staged"),
		[HAPPENED_VIRTIO_UNCLEAN] = STAY(NONE, "not staged"),
		[HAPPENED_VIRTIO_FAILED] = STAY(NONE, "not staged"),
		[HAPPENED_VIRTIO_STUCK] = STAY(NONE, "not staged"),
		[HAPPENED_PROMOTE] = REFUSE(NONE, "is not staged", "stage"),
		[HAPPENED_ROLLBACK] = REFUSE(NONE,
			"is not staged: there is nothing to roll back", NULL),
		[HAPPENED_RETRY] = RESET(STAGED, STAGE, "retry: first boot on SATA"),
		[HAPPENED_HOLD] = GO(HELD, MARK, "held by the administrator"),
		[HAPPENED_DISABLE] = GO(NONE, RESTORE, "disabled"),
	},
	[PHASE_STAGED] = {
		[HAPPENED_SEEN] = STAY(STAGED, "already staged"),
		[HAPPENED_SATA_CLEAN] = GO(TRIAL, PROMOTE,
			"clean shutdown on SATA: next boot on VirtIO"),
		[HAPPENED_SATA_NOT_READY] = GO(STAGED, MARK,
			"clean shutdown on SATA, but not ready for VirtIO: stays on SATA"),
		[HAPPENED_SATA_UNCLEAN] = STAY(STAGED, "no clean shutdown on SATA: stays on SATA"),
		[HAPPENED_VIRTIO_CLEAN] = STAY(STAGED, "already rolled back"),
		[HAPPENED_VIRTIO_UNKNOWN] = STAY(STAGED, "already rolled back"),
		[HAPPENED_VIRTIO_UNCLEAN] = STAY(STAGED, "already rolled back"),
		[HAPPENED_VIRTIO_FAILED] = STAY(STAGED, "already rolled back"),
		[HAPPENED_VIRTIO_STUCK] = STAY(STAGED, "already rolled back"),
		[HAPPENED_PROMOTE] = GO(TRIAL, PROMOTE, "promoted by the administrator"),
		[HAPPENED_ROLLBACK] = STAY(STAGED, "already on SATA"),
		[HAPPENED_RETRY] = STAY(STAGED, "already staged"),
		[HAPPENED_HOLD] = GO(HELD, MARK, "held on SATA by the administrator"),
		[HAPPENED_DISABLE] = GO(NONE, RESTORE, "disabled"),
	},
	[PHASE_TRIAL] = {
		[HAPPENED_SEEN] = STAY(TRIAL, "already on trial"),
		[HAPPENED_SATA_CLEAN] = STAY(TRIAL, "one more clean session on SATA"),
		[HAPPENED_SATA_NOT_READY] = GO(STAGED, ROLLBACK,
			"not ready for VirtIO after a later session on SATA: back to SATA"),
		[HAPPENED_SATA_UNCLEAN] = GO(STAGED, ROLLBACK,
			"a later session on SATA did not end cleanly: back to SATA"),
		[HAPPENED_VIRTIO_CLEAN] = GO(DONE, MARK, "clean session on VirtIO: done"),
		[HAPPENED_VIRTIO_UNKNOWN] = GO(TRIAL, MARK, "clean session on VirtIO, but the disk "
			"does not show whether Windows ran: stays on trial"),
		[HAPPENED_VIRTIO_UNCLEAN] = COUNT(STAGED, ROLLBACK,
			"session on VirtIO did not end cleanly: back to SATA"),
		[HAPPENED_VIRTIO_FAILED] = COUNT(STAGED, ROLLBACK,
			"start on VirtIO failed twice: back to SATA"),
		[HAPPENED_VIRTIO_STUCK] = COUNT(HELD, MARK, "session on VirtIO did not end "
			"cleanly and the disk can't be put back on SATA: held on VirtIO"),
		[HAPPENED_PROMOTE] = STAY(TRIAL, "already on trial"),
		[HAPPENED_ROLLBACK] = GO(STAGED, ROLLBACK, "rolled back by the administrator"),
		[HAPPENED_RETRY] = STAY(TRIAL, "already on trial"),
		[HAPPENED_HOLD] = GO(HELD, ROLLBACK, "held on SATA by the administrator"),
		[HAPPENED_DISABLE] = GO(NONE, RESTORE, "disabled"),
	},
	[PHASE_DONE] = {
		[HAPPENED_SEEN] = STAY(DONE, "already done"),
		[HAPPENED_SATA_CLEAN] = STAY(DONE, "already done"),
		[HAPPENED_SATA_NOT_READY] = STAY(DONE, "already done"),
		[HAPPENED_SATA_UNCLEAN] = STAY(DONE, "already done"),
		[HAPPENED_VIRTIO_CLEAN] = STAY(DONE, "already done"),
		[HAPPENED_VIRTIO_UNKNOWN] = STAY(DONE, "already done"),
		[HAPPENED_VIRTIO_UNCLEAN] = STAY(DONE, "already done"),
		[HAPPENED_VIRTIO_FAILED] = STAY(DONE, "already done"),
		[HAPPENED_VIRTIO_STUCK] = STAY(DONE, "already done"),
		[HAPPENED_PROMOTE] = STAY(DONE, "already done"),
		[HAPPENED_ROLLBACK] = RESET(STAGED, ROLLBACK, "rolled back by the administrator"),
		[HAPPENED_RETRY] = STAY(DONE, "already done"),
		[HAPPENED_HOLD] = REFUSE(DONE, "is done: there is nothing to hold", NULL),
		[HAPPENED_DISABLE] = GO(NONE, RESTORE, "disabled"),
	},
	[PHASE_HELD] = {
		[HAPPENED_SEEN] = STAY(HELD, "left as it is until busflip retry"),
		[HAPPENED_SATA_CLEAN] = STAY(HELD, "left as it is until busflip retry"),
		[HAPPENED_SATA_NOT_READY] = STAY(HELD, "left as it is until busflip retry"),
		[HAPPENED_SATA_UNCLEAN] = STAY(HELD, "left as it is until busflip retry"),
		[HAPPENED_VIRTIO_CLEAN] = STAY(HELD, "left as it is until busflip retry"),
		[HAPPENED_VIRTIO_UNKNOWN] = STAY(HELD, "left as it is until busflip retry"),
		[HAPPENED_VIRTIO_UNCLEAN] = STAY(HELD, "left as it is until busflip retry"),
		[HAPPENED_VIRTIO_FAILED] = STAY(HELD, "left as it is until busflip retry"),
		[HAPPENED_VIRTIO_STUCK] = STAY(HELD, "left as it is until busflip retry"),
		[HAPPENED_PROMOTE] = REFUSE(HELD, "is held", "retry"),
		[HAPPENED_ROLLBACK] = STAY(HELD, "already held"),
		[HAPPENED_RETRY] = RESET(STAGED, STAGE, "retry: next boot on SATA"),
		[HAPPENED_HOLD] = STAY(HELD, "already held"),
		[HAPPENED_DISABLE] = GO(NONE, RESTORE, "disabled"),
	},
};

static const struct decision out_of_attempts = COUNT(HELD, ROLLBACK,
	"session on VirtIO did not end cleanly and no attempt is left: held on SATA");
static const struct decision out_of_starts = COUNT(HELD, ROLLBACK,
	"start on VirtIO failed twice and no attempt is left: held on SATA");
static const struct decision overridden =
	STAY(TRIAL, "promoted by the administrator: stays on VirtIO");

static const struct decision staged_again =
	RESET(STAGED, STAGE, "its disk had been moved to another bus: first boot on SATA again");

bool phase_decide_moved(enum phase phase, enum happening happened, struct decision *decision)
{
	if (happened == HAPPENED_SEEN || happened == HAPPENED_ROLLBACK ||
	    happened == HAPPENED_RETRY) {
		*decision = staged_again;
		return true;
	}
	/* Nothing can end a domain that is done. */
	return happened == HAPPENED_DISABLE ||
	       (phase == PHASE_DONE && happened < HAPPENED_PROMOTE);
}

struct decision phase_decide(enum phase phase, enum happening happened,
			     bool last_attempt, bool override)
{
	assert(phase < PHASE_COUNT && happened < HAPPENING_COUNT);

	if (phase == PHASE_TRIAL && happened == HAPPENED_VIRTIO_UNCLEAN &&
	    last_attempt)
		return out_of_attempts;
	if (phase == PHASE_TRIAL && happened == HAPPENED_VIRTIO_FAILED && last_attempt)
		return out_of_starts;
	if (phase == PHASE_TRIAL && override &&
	    (happened == HAPPENED_SATA_UNCLEAN || happened == HAPPENED_SATA_NOT_READY))
		return overridden;
	return table[phase][happened];
}
