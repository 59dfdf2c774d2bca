// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guestdisk.c - read a guest's disk, patch it, or restore its registry
 *
 * One run: if a journal is pending, finish it. For a patch, start a qemu-nbd that takes the
 * lock, and keep the connection to it until the end. Start the helper on another qemu-nbd,
 * which can only read. Check what the helper returns, and apply it. If a journal turns up only
 * now, another process was killed between the first look and the lock: what was read is
 * inconsistent, and the run begins again.
 */

#include "hook/disk/guestdisk-run.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "helper/shared/json.h"
#include "helper/shared/log.h"
#include "helper/shared/refusal.h"
#include "helper/shared/text.h"
#include "hook/host/child.h"
#include "hook/state/bootid.h"

#ifndef BUSFLIP_QEMU_NBD
#define BUSFLIP_QEMU_NBD "/usr/bin/qemu-nbd"
#endif

#define ATTEMPTS 3

struct guestdisk_options guestdisk_defaults(void)
{
	return (struct guestdisk_options){
		.state = BUSFLIP_STATEDIR,
		.helper = BUSFLIP_LIBEXECDIR "/busflip-helper",
		.qemu_nbd = BUSFLIP_QEMU_NBD,
		.keep = 3,
		.timeout_ms = 30000,
	};
}

static void session_close(struct run *s)
{
	child_kill(&s->helper);
	nbd_client_close(s->nbd);
	s->nbd = NULL;
	if (s->map)
		/* munmap() does not write. */
		munmap((void *)(uintptr_t)s->map, s->map_len);
	s->map = NULL;
	memset(&s->parsed, 0, sizeof(s->parsed));
	cleanup_close(&s->reply);
	cleanup_close(&s->log);
	cleanup_close(&s->keep);
	cleanup_close(&s->kept);
	backup_abandon(s->backups, &s->work);
	nbdserver_free(&s->reader);
	nbdserver_free(&s->writer);
	imagelock_release(&s->lock);
}

/* Device numbers are valid for one boot of the host only. 0: unknown. Journals contain the
 * hash of the line as the kernel writes it, with its newline. */
static uint64_t this_boot(void)
{
	char id[BOOT_ID], line[BOOT_ID + 1];

	return boot_id_read(id) && str_printf(line, sizeof(line), "%s\n", id) ? str_hash(line) : 0;
}

/*
 * Identify the image by its file, whatever name was given. A block device keeps its given name:
 * the target of /dev/vg/win (/dev/dm-3) may be another disk after the next boot.
 */
static int identify(struct run *s, struct error *err)
{
	AUTO_FREE char *real = realpath(s->disk->path, NULL);
	struct stat st;

	if (!real || stat(real, &st) < 0)
		return fail_errno(err, "%s", s->disk->path);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return fail(err, EINVAL, "%s is neither a file nor a block "
			    "device", real);
	if (!str_fits(s->image.path, sizeof(s->image.path),
		      S_ISBLK(st.st_mode) && *s->disk->path == '/'
		      ? s->disk->path : real))
		return fail(err, ENAMETOOLONG, "%s: name too long", real);
	s->image.boot = S_ISBLK(st.st_mode) ? this_boot() : 0;
	s->image.dev = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	s->image.ino = S_ISBLK(st.st_mode) ? 0 : st.st_ino;
	return 0;
}

/* Identify the image; its backing files follow later. */
static int session_begin(struct run *s, const struct guestdisk *disk,
			 const struct guestdisk_options *options,
			 const struct job *job, struct error *err)
{
	memset(s, 0, sizeof(*s));
	s->disk = disk;
	s->options = options;
	s->job = job;
	s->deadline = options->deadline ? options->deadline
					: monotonic_ms() + options->timeout_ms;
	s->reply = s->log = s->keep = s->kept = -1;
	s->lock = imagelock_none();
	s->reader = s->writer = nbdserver_none();
	for (size_t i = 0; i < ARRAY_SIZE(s->backup.files); i++)
		s->backup.files[i] = -1;
	if (!str_printf(s->journals, sizeof(s->journals), "%s/journal",
			options->state))
		return fail(err, ENAMETOOLONG, "%s: name too long", options->state);
	return identify(s, err);
}

static int session_open(struct run *s, const struct guestdisk *disk,
			const struct guestdisk_options *options,
			const struct job *job, struct error *err)
{
	return session_begin(s, disk, options, job, err) < 0 ? -1 :
		backing_find(s->image.path, disk->format, disk->qemu, s->deadline, &s->backing,
			     err);
}

/* ---- a journal that was left ---------------------------------------------- */

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

static int recover(struct run *s, struct error *err)
{
	char name[4096];
	int r = session_start_writer(s, err);

	if (r == 0)
		r = run_connect(s, err);
	/* With the lock held: check whether another process has finished it. */
	if (r == 0)
		r = journal_find(s->journals, &s->image, name, sizeof(name),
				 err);
	if (r > 0)
		r = redo(s, name, err);
	r = session_stop_servers(s, r, err);
	session_close(s);
	return r;
}

/* Return 1 if one was finished, 0 if there was none, -1. */
static int recover_pending(struct run *s, struct error *err)
{
	char name[4096];
	int r = journal_find(s->journals, &s->image, name, sizeof(name), err);

	if (r <= 0)
		return r;
	return recover(s, err) < 0 ? -1 : 1;
}

/* The same before a start, for any disk that QEMU can use: the journal of another disk must
 * not keep it from starting, even if it has backing files that busflip would not patch. */
static int recover_if_pending(struct run *s, struct error *err)
{
	char name[4096];
	int r = journal_find(s->journals, &s->image, name, sizeof(name), err);

	if (r < 0)
		return -1;
	if (backing_find(s->image.path, s->disk->format, s->disk->qemu, BACKING_OF_JOURNAL,
			 &s->backing, err) == 0)
		return r ? recover_pending(s, err) : 0;
	if (r == 0)
		log_msg(LOG_LEVEL_WARNING, "%s: its backing files were not checked: %s",
			s->image.path, err->msg);
	return r ? -1 : 0;
}

static int find_journal(struct run *s, struct error *err)
{
	char name[4096];

	return journal_find(s->journals, &s->image, name, sizeof(name), err);
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
	return for_one(disk, options, find_journal, NULL, err);
}

/* ---- a run ------------------------------------------------------------------ */

static char *copy_text(struct job_bytes bytes)
{
	char *text;

	if (!bytes.data || !(text = malloc(bytes.len + 1)))
		return NULL;
	memcpy(text, bytes.data, bytes.len);
	text[bytes.len] = '\0';
	return text;
}

/* Check that the text for JSON output is valid JSON and has none of busflip's own members. */
static int check_json(const struct run *s, struct guestdisk_result *result,
		      struct error *err)
{
	static const char *const own[] = { GUESTDISK_OWN_MEMBERS, NULL };

	if (!result->json || json_check(result->json, own, err) == 0)
		return 0;
	free(result->json);
	result->json = NULL;
	error_suffix(err, "nothing was written");
	return error_prefix(err, "%s: busflip-helper", s->image.path);
}

static int take_reports(const struct run *s,
			struct guestdisk_result *result, struct error *err)
{
	struct job_bytes evidence = s->parsed.section[JOB_SECTION_EVIDENCE];
	int r;

	guestdisk_result_free(result);
	result->text = copy_text(s->parsed.section[JOB_SECTION_TEXT]);
	result->json = copy_text(s->parsed.section[JOB_SECTION_JSON]);
	result->reg = copy_text(s->parsed.section[JOB_SECTION_REG]);
	result->partition = s->parsed.partition;
	if (evidence.data && evidence.len) {
		result->evidence = (void *)copy_text(evidence);
		if (!result->evidence)
			return fail(err, ENOMEM, "out of memory");
		result->evidence_len = evidence.len;
	}
	r = check_json(s, result, err);
	make_report_printable(result->text);	/* text from the guest must not contain
						 * terminal control sequences */
	make_report_printable(result->json);
	make_report_printable(result->reg);
	if (!s->parsed.result.code)
		return r;
	if (err)
		*err = s->parsed.result;
	return -1;
}

void guestdisk_result_free(struct guestdisk_result *result)
{
	free(result->text);
	free(result->json);
	free(result->reg);
	free(result->evidence);
	result->text = result->json = result->reg = NULL;
	result->evidence = NULL;
	result->evidence_len = 0;
}

static int run_helper(struct run *s, bool live, struct error *err)
{
	const bool patch = run_will_write(s->job);

	/* All three start in parallel. */
	if ((patch && session_start_writer(s, err) < 0) ||
	    session_start_reader(s, live, err) < 0 || run_start_helper(s, err) < 0)
		return -1;
	if (patch && session_await_writer(s, err) < 0)
		return -1;
	if (run_wait_helper(s, err) < 0 || run_parse_reply(s, err) < 0)
		return -1;
	return patch && s->parsed.changed && !s->nbd ? run_connect(s, err) : 0;
}

/* Continue after the helper has answered. Return 1: begin again. */
static int finish(struct run *s, struct guestdisk_result *result,
		  struct error *err)
{
	char name[4096];
	int r;

	if (take_reports(s, result, err) < 0) {
		/* For some errors of the image qemu-nbd closes the connection; it has printed
		 * the reason before. */
		if (err && err->code == ENOTCONN)
			nbdserver_explain(&s->reader, s->image.path, err);
		return -1;
	}
	if (!s->job->live) {
		r = journal_find(s->journals, &s->image, name, sizeof(name),
				 err);
		if (r)
			return r;
	}
	result->changed = s->parsed.changed;
	if (!run_will_write(s->job) || !s->parsed.changed)
		return 0;
	if (run_in_time(s, err) < 0)
		return -1;
	journal_sweep(s->journals, &s->image);
	r = run_apply(s, &result->bytes, err);
	if (r < 0)
		return -1;
	result->changed = r > 0;
	return 0;
}

static int attempt(struct run *s, struct guestdisk_result *result,
		   struct error *err)
{
	bool live = s->job->live && !run_will_write(s->job);
	int r;

	if (!live) {
		r = recover_pending(s, err);
		if (r < 0)
			return -1;
		result->redone |= r > 0;
	}
	if (run_in_time(s, err) < 0 || run_find_kept(s, err) < 0)
		return -1;
	r = run_helper(s, live, err);
	if (r == 0)
		r = finish(s, result, err);
	if (r < 0)
		child_kill(&s->helper);
	r = session_stop_servers(s, r, err);
	session_close(s);
	return r;
}

int guestdisk_run(const struct guestdisk *disk,
		  const struct guestdisk_options *options,
		  const struct job *job, struct guestdisk_result *result,
		  struct error *err)
{
	struct run *s = calloc(1, sizeof(*s));
	int r;

	memset(result, 0, sizeof(*result));
	if (!s)
		return fail(err, ENOMEM, "out of memory");
	r = session_open(s, disk, options, job, err);
	for (int i = 0; r == 0 && i < ATTEMPTS; i++) {
		r = attempt(s, result, err);
		if (r <= 0)
			break;
		r = i + 1 < ATTEMPTS ? 0
			: fail(err, EBUSY, "%s: other busflip processes keep patching it: try "
			       "again later",
			       s->image.path);
	}
	if (r == 0 && job->action == JOB_UNDO && !job->dry_run)
		backup_discard(s->backup.path);
	if (r == 0 && job->action == JOB_SETTLE)
		backup_end_transition(s->backups);
	session_close(s);
	backup_close(&s->backup);
	backing_free(&s->backing);
	free(s);
	return r;
}
