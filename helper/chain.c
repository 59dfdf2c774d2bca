// SPDX-License-Identifier: GPL-2.0-or-later
/* chain.c - one job from the disk to the reply */

#include "helper/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/refusal.h"

/* The runs are collected while their pages are written: a section of the reply
 * is written in one go. */
struct runs {
	struct job_writer *writer;
	uint8_t *list;
	size_t count;
};

static int add_run(void *opaque, uint64_t off, const uint8_t *data, size_t len,
		   struct error *err)
{
	struct runs *runs = opaque;
	uint8_t *p;

	if (runs->count == JOB_RUN_LIMIT)
		return fail(err, REFUSE_WINDOWS_UNKNOWN,
			    "more pages would change than one patch takes");
	p = runs->list + runs->count++ * JOB_RUN_SIZE;
	put_le64(p, off);
	put_le32(p + 8, (uint32_t)len);
	put_le32(p + 12, 0);
	return job_writer_add(runs->writer, JOB_SECTION_PAGES, data, len, err);
}

int chain_hand_over(struct chain *chain, struct error *err)
{
	struct volume *vol = chain->targets.volume;
	AUTO_FREE uint8_t *list = malloc((size_t)JOB_RUN_LIMIT * JOB_RUN_SIZE);
	struct runs runs = { .writer = chain->writer, .list = list };

	chain->targets.volume = NULL;
	if (volume_close(vol, err) < 0)
		return -1;
	if (!list)
		return fail(err, ENOMEM, "out of memory");
	if (image_dirty_each(chain->image, add_run, &runs, err) < 0)
		return -1;
	if (!runs.count)
		return 0;
	chain->reply->changed = true;
	return job_writer_add(chain->writer, JOB_SECTION_RUNS, runs.list,
			      runs.count * JOB_RUN_SIZE, err);
}

int section_begin(struct section *section, struct error *err)
{
	*section = (struct section){ .text = NULL };
	section->file = open_memstream(&section->text, &section->len);
	return section->file ? 0 : fail(err, ENOMEM, "out of memory");
}

int section_end(struct chain *chain, enum job_section kind,
		struct section *section, struct error *err)
{
	bool bad = ferror(section->file);
	int r = -1;

	if (fclose(section->file) != 0 || bad)
		fail(err, ENOMEM, "out of memory");
	else
		r = job_writer_add(chain->writer, kind, section->text,
				   section->len, err);
	free(section->text);
	return r;
}

static int run_steps(struct chain *chain, struct error *err)
{
	const struct job *job = chain->job;
	bool writable = job->action != JOB_INSPECT;

	if (partition_scan(chain->image, &chain->table, err) < 0 ||
	    target_find(chain->image, &chain->table, job->partition, writable,
			&chain->targets, err) < 0)
		return -1;
	if (target_choose(&chain->table, &chain->targets, err) < 0)
		return -1;
	chain->reply->partition = chain->targets.list[0].part->number;
	if (writable && target_check_writable(&chain->targets, err) < 0)
		return -1;
	switch (job->action) {
	case JOB_INSPECT:
		return chain_inspect(chain, err);
	case JOB_PATCH:
	case JOB_SETTLE:
		return chain_patch(chain, err);
	case JOB_UNDO:
		return chain_undo(chain, err);
	}
	return fail(err, EPROTO, "unknown action");
}

int chain_run(const struct job *job, struct image *image,
	      const struct drivers *drivers, struct job_writer *writer, struct job_reply *reply,
	      struct error *err)
{
	struct chain *chain = calloc(1, sizeof(*chain));
	int r;

	if (!chain)
		return fail(err, ENOMEM, "out of memory");
	chain->job = job;
	chain->image = image;
	chain->drivers = drivers;
	chain->writer = writer;
	chain->reply = reply;
	r = run_steps(chain, err);
	/* libntfs-3g may have gone on without what could not be read. */
	if (volume_close(chain->targets.volume, r == 0 ? err : NULL) < 0)
		r = -1;
	free(chain);
	return r;
}
