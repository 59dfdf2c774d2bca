/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * action.h - one job from the disk to the reply: image, partition, NTFS, hive,
 * edits. Runs in the sandbox.
 */
#ifndef BUSFLIP_ACTION_H
#define BUSFLIP_ACTION_H

#include "helper/action/reply.h"

/*
 * action_run() - do @job on @image; sections go to @writer, the rest into @reply
 *
 * @drivers: opened before the sandbox; NULL if there are none.
 * Return 0, or -1 with @err: then no pages may be returned, which the caller ensures by not
 * setting @reply->changed.
 */
int action_run(const struct job *job, struct image *image,
	      const struct drivers *drivers, struct job_writer *writer, struct job_reply *reply,
	      struct error *err);

#endif
