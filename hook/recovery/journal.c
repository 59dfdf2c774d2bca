// SPDX-License-Identifier: GPL-2.0-or-later
/* journal.c - all writes of one patch, in memory and on the disk */

#include "hook/recovery/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/shared/job.h"
#include "helper/shared/refusal.h"
#include "hook/recovery/journal-file.h"

#define SECTOR 512u

int journal_new(const struct image_identity *image, struct journal **out,
		struct error *err)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return fail(err, ENOMEM, "out of memory");
	j->image = *image;
	*out = j;
	return 0;
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->count; i++) {
		free(j->runs[i].old);
		free(j->runs[i].new);
	}
	free(j->runs);
	free(j);
}

static int make_room(struct journal *j, struct error *err)
{
	size_t want = j->room ? j->room * 2 : 64;
	struct journal_run *bigger;

	if (j->count < j->room)
		return 0;
	bigger = realloc(j->runs, want * sizeof(*bigger));
	if (!bigger)
		return fail(err, ENOMEM, "out of memory");
	j->runs = bigger;
	j->room = want;
	return 0;
}

int journal_add(struct journal *j, uint64_t off, const void *data, uint32_t len,
		struct error *err)
{
	struct journal_run run = { .off = off, .len = len };

	if (!len || off < j->end || !range_ok(off, len, j->image.size) ||
	    !range_ok(j->bytes, len, IMAGE_DIRTY_LIMIT) ||
	    j->count >= JOURNAL_RUN_LIMIT)
		return fail(err, EPROTO,
			    "%u bytes at %llu are not a valid change of this disk",
			    len, (unsigned long long)off);
	if (make_room(j, err) < 0)
		return -1;
	run.old = malloc(len);
	run.new = malloc(len);
	if (!run.old || !run.new) {
		free(run.old);
		free(run.new);
		return fail(err, ENOMEM, "out of memory");
	}
	memcpy(run.new, data, len);
	j->runs[j->count++] = run;
	j->end = off + len;
	j->bytes += len;
	return 0;
}

/* The runs as pieces to read or write: the old content, or the new. */
static struct nbd_piece *pieces_of(const struct journal *j, bool new)
{
	struct nbd_piece *p = calloc(j->count + 1, sizeof(*p));

	for (size_t i = 0; p && i < j->count; i++)
		p[i] = (struct nbd_piece){
			.off = j->runs[i].off, .len = j->runs[i].len,
			.buf = new ? j->runs[i].new : j->runs[i].old,
		};
	return p;
}

int journal_read_old(struct journal *j, struct nbd_client *disk, struct error *err)
{
	AUTO_FREE struct nbd_piece *pieces = pieces_of(j, false);

	if (!pieces)
		return fail(err, ENOMEM, "out of memory");
	if (nbd_client_read(disk, pieces, j->count, err) < 0)
		return -1;
	for (size_t i = 0; i < j->count; i++)
		if (memcmp(j->runs[i].old, j->runs[i].new, j->runs[i].len))
			return 1;
	return 0;
}

int journal_apply(const struct journal *j, struct nbd_client *disk, struct error *err)
{
	AUTO_FREE struct nbd_piece *pieces = pieces_of(j, true);

	if (!pieces)
		return fail(err, ENOMEM, "out of memory");
	if (nbd_client_write(disk, pieces, j->count, err) < 0)
		return -1;
	return nbd_client_flush(disk, err);
}

/* The present content of a disk, in sectors, because a power failure may leave half of a page
 * written. Sectors that the patch does not change are not counted. */
struct sectors {
	int old, new;
	bool foreign;		/* one is neither old nor new, in the run at */
	uint64_t where;		/* this offset */
};

static void count_sectors(const struct journal_run *run, const uint8_t *now,
			  struct sectors *count)
{
	for (uint32_t at = 0; at < run->len; at += SECTOR) {
		uint32_t n = run->len - at < SECTOR ? run->len - at : SECTOR;

		if (memcmp(now + at, run->new + at, n) == 0) {
			count->new += memcmp(run->old + at, run->new + at, n) != 0;
		} else if (memcmp(now + at, run->old + at, n) == 0) {
			count->old++;
		} else {
			count->foreign = true;
			count->where = run->off;
			return;
		}
	}
}

/* Ends at a foreign one. */
static int look_at_disk(const struct journal *j, struct nbd_client *disk,
			struct sectors *count, struct error *err)
{
	memset(count, 0, sizeof(*count));
	for (size_t i = 0; i < j->count && !count->foreign; i++) {
		const struct journal_run *run = &j->runs[i];
		AUTO_FREE uint8_t *now = malloc(run->len);
		struct nbd_piece piece = { run->off, run->len, now };

		if (!now)
			return fail(err, ENOMEM, "out of memory");
		if (nbd_client_read(disk, &piece, 1, err) < 0)
			return -1;
		count_sectors(run, now, count);
	}
	return 0;
}

int journal_redo(const struct journal *j, struct nbd_client *disk, struct error *err)
{
	struct sectors count;

	if (nbd_client_size(disk) != j->image.size)
		return fail(err, REFUSE_JOURNAL,
			    "the disk had %llu bytes when a patch was "
			    "interrupted and has %llu now",
			    (unsigned long long)j->image.size,
			    (unsigned long long)nbd_client_size(disk));
	if (look_at_disk(j, disk, &count, err) < 0)
		return -1;
	if (count.foreign)
		return fail(err, REFUSE_JOURNAL,
			    "the disk has changed since an interrupted "
			    "patch: at byte %llu it is neither as "
			    "before nor as it should be",
			    (unsigned long long)count.where);
	/* All new: written, but perhaps not flushed. */
	if ((count.old ? journal_apply(j, disk, err) : nbd_client_flush(disk, err)) < 0)
		return -1;
	return count.old;
}

int journal_is_half_done(const struct journal *j, struct nbd_client *disk, struct error *err)
{
	struct sectors count;

	if (nbd_client_size(disk) != j->image.size)
		return 0;
	if (look_at_disk(j, disk, &count, err) < 0)
		return -1;
	return !count.foreign && count.old && count.new;
}
