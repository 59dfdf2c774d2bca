// SPDX-License-Identifier: GPL-2.0-or-later
/* action.c - one job from the disk to the reply */

#include "helper/action/action.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/action/actions.h"
#include "helper/action/facts.h"
#include "helper/shared/refusal.h"

static int run_steps(struct action *action, struct error *err)
{
	const struct job *job = action->job;
	bool writable = job->action != JOB_INSPECT;

	if (partition_scan(action->image, &action->table, err) < 0 ||
	    target_find(action->image, &action->table, job->partition, writable,
			&action->targets, err) < 0)
		return -1;
	if (target_choose(&action->table, &action->targets, err) < 0) {
		/* The boot loader may be here, and Windows on another disk. */
		if (job->action == JOB_INSPECT)
			facts_write_table(action, NULL);
		return -1;
	}
	action->reply->partition = action->targets.list[0].part->number;
	if (writable && target_check_writable(&action->targets, err) < 0)
		return -1;
	switch (job->action) {
	case JOB_INSPECT:
		return action_inspect(action, err);
	case JOB_PATCH:
	case JOB_SETTLE:
		return action_patch(action, err);
	case JOB_UNDO:
		return action_undo(action, err);
	}
	return fail(err, EPROTO, "unknown action");
}

int action_run(const struct job *job, struct image *image,
	      const struct drivers *drivers, struct job_writer *writer, struct job_reply *reply,
	      struct error *err)
{
	struct action *action = calloc(1, sizeof(*action));
	int r;

	if (!action)
		return fail(err, ENOMEM, "out of memory");
	action->job = job;
	action->image = image;
	action->drivers = drivers;
	action->writer = writer;
	action->reply = reply;
	r = run_steps(action, err);
	/* libntfs-3g may have continued without data that could not be read. */
	if (volume_close(action->targets.volume, r == 0 ? err : NULL) < 0)
		r = -1;
	free(action);
	return r;
}
