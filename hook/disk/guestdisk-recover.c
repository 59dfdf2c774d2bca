// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guestdisk-recover.c - finish an interrupted patch
 *
 * The journal of another image of the same path is not redone (journal.h gives the reason),
 * except by patch --force, for a copy. The disk is compared with it, and refused if it is half
 * patched. If the comparison fails, the disk is used as it is.
 */

#include "hook/disk/guestdisk-run.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "helper/shared/log.h"
#include "helper/shared/refusal.h"

static int redo(struct run *s, const char *name, struct error *err)
{
	struct journal *journal = NULL;
	int r = journal_load(name, &journal, err);

	if (r == 0)
		r = journal_redo(journal, s->nbd, err);
	journal_free(journal);
	if (r < 0 && err && !is_refusal(err->code))
		return error_prefix(err, "%s: an interrupted patch could not be finished; the next "
				    "busflip command on it tries again (journal %s)",
				    s->image.path, name);
	if (r < 0)
		return error_prefix(err, "journal %s of %s", name,
				    s->image.path);
	log_msg(LOG_LEVEL_NOTICE, "%s: finished an interrupted patch (%d "
		"sectors were missing)", s->image.path, r);
	return journal_remove(name, err);
}

/* Return 1, or -1. */
static int recover(struct run *s, const char *name, struct error *err)
{
	int r = session_start_writer(s, err);

	if (r == 0)
		r = run_connect(s, err);
	/* With the lock held: check whether another process has finished it. */
	if (r == 0 && access(name, F_OK) == 0)
		r = redo(s, name, err);
	r = session_stop_servers(s, r, err);
	session_close(s);
	return r < 0 ? -1 : 1;
}

/* ---- a journal of another image of this path --------------------------------- */

static int compare_open(struct run *s, const struct journal *journal, struct error *err)
{
	int r = session_start_reader(s, false, err);

	if (r == 0)
		r = nbd_client_open(steal_fd(&s->reader.client), s->deadline, &s->nbd, err);
	if (r == 0)
		r = journal_is_half_done(journal, s->nbd, err);
	r = session_stop_servers(s, r, err);
	session_close(s);
	return r;
}

/* Return 1 if the disk holds a part of the patch of the journal @name. */
static int compare(struct run *s, const char *name)
{
	struct journal *journal = NULL;
	struct error err = { 0 };
	int r = journal_load(name, &journal, &err);

	if (r == 0)
		r = compare_open(s, journal, &err);
	journal_free(journal);
	if (r < 0)
		log_msg(LOG_LEVEL_WARNING, "%s: it could not be compared with journal %s, of "
			"another image that had its path: %s", s->image.path, name, err.msg);
	return r > 0;
}

struct look {
	struct run *run;
	char name[4096];	/* of the journal whose patch is on the disk in part */
};

static int look_at(void *context, const char *name, const struct image_identity *image)
{
	struct look *look = context;
	struct run *s = look->run;

	return image && identity_match(image, &s->image) == IDENTITY_SAME_PATH &&
	       compare(s, name) && str_fits(look->name, sizeof(look->name), name);
}

static int refuse_copy(struct run *s, const char *name, struct error *err)
{
	return fail(err, REFUSE_JOURNAL, "journal %s of %s: this is not the image that was being "
		    "patched, but it holds a part of that patch; if it is a copy of that image, "
		    "busflip patch --force finishes the patch", name, s->image.path);
}

int run_recover(struct run *s, struct error *err)
{
	struct look look = { .run = s };
	int r = journal_find(JOURNAL_FOLDER, &s->image, look.name, sizeof(look.name), err);

	if (r > 0)
		return recover(s, look.name, err);
	if (r == 0)
		r = journal_each(JOURNAL_FOLDER, look_at, &look, err);
	if (r <= 0)
		return r;
	return s->job->action == JOB_PATCH && s->job->force && run_will_write(s->job)
		? recover(s, look.name, err) : refuse_copy(s, look.name, err);
}

/* ---- before a start ---------------------------------------------------------- */

static bool knows_chain(struct run *s, struct error *err)
{
	return backing_find(s->image.path, s->disk->format, s->disk->qemu, BACKING_OF_JOURNAL,
			    &s->backing, err) == 0;
}

/* For any disk that QEMU can use: the journal of another disk must not keep it from starting,
 * even if it has backing files that busflip would not patch. */
static int recover_if_pending(struct run *s, struct error *err)
{
	char name[4096];
	int r = journal_find(JOURNAL_FOLDER, &s->image, name, sizeof(name), err);

	if (r < 0)
		return -1;
	if (knows_chain(s, err))
		return run_recover(s, err);
	if (r == 0)
		log_msg(LOG_LEVEL_WARNING, "%s: its backing files were not checked: %s",
			s->image.path, err->msg);
	return r ? -1 : 0;
}

static int is_half_patched(struct run *s, struct error *err)
{
	struct look look = { .run = s };
	int r = journal_find(JOURNAL_FOLDER, &s->image, look.name, sizeof(look.name), err);

	return r || !knows_chain(s, err) ? r
		: journal_each(JOURNAL_FOLDER, look_at, &look, err);
}

/* @backing: where the list of its backing files goes, or NULL. */
static int for_one(const struct guestdisk *disk, const struct guestdisk_options *options,
		   int (*what)(struct run *s, struct error *err), struct backing *backing,
		   struct error *err)
{
	const struct job nothing = { .action = JOB_INSPECT };
	struct run *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return fail(err, ENOMEM, "out of memory");
	r = session_begin(s, disk, options, &nothing, err);
	/* Not even root may read it (NFS with root_squash): it was never patched from here. */
	if (r < 0 && err && err->code == EACCES)
		err->code = ENOENT;
	if (r == 0)
		r = what(s, err);
	session_close(s);
	if (backing)
		*backing = s->backing;
	else
		backing_free(&s->backing);
	free(s);
	return r;
}

int guestdisk_recover(const struct guestdisk *disk,
		      const struct guestdisk_options *options,
		      struct error *err)
{
	struct backing below = { 0 }, ignored = { 0 };
	int r = for_one(disk, options, recover_if_pending, &below, err), one;

	/* Since it was half patched it may have become a backing file. */
	for (size_t i = 0; r >= 0 && i < below.count; i++) {
		const struct guestdisk next = { .path = below.paths[i], .qemu = disk->qemu,
						.format = below.formats[i] };

		if (!next.format[0])
			continue;
		one = for_one(&next, options, recover_if_pending, &ignored, err);
		backing_free(&ignored);
		r = one < 0 ? -1 : r | one;
	}
	backing_free(&below);
	return r;
}

int guestdisk_is_half_patched(const struct guestdisk *disk,
			      const struct guestdisk_options *options, struct error *err)
{
	return for_one(disk, options, is_half_patched, NULL, err);
}
