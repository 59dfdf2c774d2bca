// SPDX-License-Identifier: GPL-2.0-or-later
/* reply.c - the sections of a reply */

#include "helper/action/reply.h"

#include <errno.h>
#include <stdlib.h>

#include "helper/shared/refusal.h"

/* The runs are collected while their pages are written, because a section of the reply is
 * written in one piece. */
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
			    "more pages would change than one patch may change");
	p = runs->list + runs->count++ * JOB_RUN_SIZE;
	put_le64(p, off);
	put_le32(p + 8, (uint32_t)len);
	put_le32(p + 12, 0);
	return job_writer_add(runs->writer, JOB_SECTION_PAGES, data, len, err);
}

int reply_pages(struct action *action, struct error *err)
{
	struct volume *vol = action->targets.volume;
	AUTO_FREE uint8_t *list = malloc((size_t)JOB_RUN_LIMIT * JOB_RUN_SIZE);
	struct runs runs = { .writer = action->writer, .list = list };

	action->targets.volume = NULL;
	if (volume_close(vol, err) < 0)
		return -1;
	if (!list)
		return fail(err, ENOMEM, "out of memory");
	if (image_dirty_each(action->image, add_run, &runs, err) < 0)
		return -1;
	if (!runs.count)
		return 0;
	action->reply->changed = true;
	return job_writer_add(action->writer, JOB_SECTION_RUNS, runs.list,
			      runs.count * JOB_RUN_SIZE, err);
}

int reply_section_begin(struct section *section, struct error *err)
{
	*section = (struct section){ .text = NULL };
	section->file = open_memstream(&section->text, &section->len);
	return section->file ? 0 : fail(err, ENOMEM, "out of memory");
}

int reply_section_end(struct action *action, enum job_section kind,
		struct section *section, struct error *err)
{
	bool bad = ferror(section->file);
	int r = -1;

	if (fclose(section->file) != 0 || bad)
		fail(err, ENOMEM, "out of memory");
	else
		r = job_writer_add(action->writer, kind, section->text,
				   section->len, err);
	free(section->text);
	return r;
}
