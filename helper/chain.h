/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain.h - one job from the disk to the reply: image, partition, NTFS, hive,
 * edits. Runs in the sandbox.
 */
#ifndef BUSFLIP_CHAIN_H
#define BUSFLIP_CHAIN_H

#include "helper/image.h"
#include "helper/job.h"
#include "helper/target.h"

/* What the steps of one job share. */
struct chain {
	const struct job *job;
	struct image *image;
	struct partition_table table;
	struct targets targets;
	struct job_writer *writer;
	struct job_reply *reply;
};

/*
 * chain_run() - do @job on @image; sections go to @writer, the rest into @reply
 *
 * Return 0, or -1 with @err: then no pages may be handed on, which the caller
 * ensures by not setting @reply->changed.
 */
int chain_run(const struct job *job, struct image *image,
	      struct job_writer *writer, struct job_reply *reply,
	      struct error *err);

/* The steps of each action, after the disk was searched; one file each. */
int chain_inspect(struct chain *chain, struct error *err);
int chain_patch(struct chain *chain, struct error *err);
int chain_undo(struct chain *chain, struct error *err);

/* chain_hand_over() - unmount, and put the changed pages into the reply; in a
 * dry run too, which busflip doesn't write. */
int chain_hand_over(struct chain *chain, struct error *err);

#endif
