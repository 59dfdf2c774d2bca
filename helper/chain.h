/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain.h - one job from the disk to the reply: image, partition, NTFS, hive,
 * edits. Runs in the sandbox.
 */
#ifndef BUSFLIP_CHAIN_H
#define BUSFLIP_CHAIN_H

#include <stdio.h>

#include "helper/drivers.h"
#include "helper/image.h"
#include "helper/job.h"
#include "helper/target.h"

/* What the steps of one job share. */
struct chain {
	const struct job *job;
	struct image *image;
	struct partition_table table;
	struct targets targets;
	const struct drivers *drivers;	/* NULL: no virtio_win */
	struct job_writer *writer;
	struct job_reply *reply;
};

/*
 * chain_run() - do @job on @image; sections go to @writer, the rest into @reply
 *
 * @drivers: loaded before the sandbox; NULL when there are none.
 * Return 0, or -1 with @err: then no pages may be handed on, which the caller
 * ensures by not setting @reply->changed.
 */
int chain_run(const struct job *job, struct image *image,
	      const struct drivers *drivers, struct job_writer *writer, struct job_reply *reply,
	      struct error *err);

/* The steps of each action, after the disk was searched; one file each. */
int chain_inspect(struct chain *chain, struct error *err);
int chain_patch(struct chain *chain, struct error *err);
int chain_undo(struct chain *chain, struct error *err);

/* What a step says in one section of the reply: print to .file, then
 * section_end(), which also frees. */
struct section {
	FILE *file;
	char *text;
	size_t len;
};
int section_begin(struct section *section, struct error *err);
int section_end(struct chain *chain, enum job_section kind,
		struct section *section, struct error *err);

/* chain_print_disk() - "disk": partitions, where Windows is, as JSON member. */
void chain_print_disk(const struct chain *chain, FILE *out);

/* chain_facts() - into the evidence section: what a later run compares with, and
 * where @judged isn't NULL, the verdicts and each condition (hook/findings.h). */
struct evidence;
int chain_facts(struct chain *chain, const struct windows *win,
		const struct evidence *judged, struct error *err);

/* chain_hand_over() - unmount, and put the changed pages into the reply; in a
 * dry run too, which busflip doesn't write. */
int chain_hand_over(struct chain *chain, struct error *err);

#endif
