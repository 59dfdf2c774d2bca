// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guestdisk.c - read a guest's disk, patch it, or restore its registry
 *
 * One run: if a journal is pending, finish it. For a patch, start a qemu-nbd that takes the
 * lock, and keep the connection to it until the end; if this alone changes the image, do the
 * whole job without writing before. Start the helper on another qemu-nbd, which can only read.
 * Check what the helper returns, and apply it. If a journal turns up only now, another process
 * was killed between the first look and the lock: what was read is inconsistent, and the run
 * begins again.
 */

#include "hook/disk/guestdisk-run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/shared/json.h"
#include "helper/shared/refusal.h"
#include "helper/shared/text.h"
#include "hook/host/child.h"
#include "hook/image/header.h"

#ifndef BUSFLIP_QEMU_NBD
#define BUSFLIP_QEMU_NBD "/usr/bin/qemu-nbd"
#endif

#define ATTEMPTS 3

struct guestdisk_options guestdisk_defaults(void)
{
	return (struct guestdisk_options){
		.helper = BUSFLIP_LIBEXECDIR "/busflip-helper",
		.qemu_nbd = BUSFLIP_QEMU_NBD,
		.keep = 3,
		.timeout_ms = 30000,
	};
}

static int check_user(const struct run *s, const char *path, bool write, struct error *err)
{
	return s->disk->not_given ? access_check(s->disk->qemu, path, write, err) : 0;
}

static int session_open(struct run *s, const struct guestdisk *disk,
			const struct guestdisk_options *options,
			const struct job *job, struct error *err)
{
	const bool write = run_will_write(job);

	if (session_begin(s, disk, options, job, err) < 0 ||
	    check_user(s, s->image.path, write, err) < 0 ||
	    backing_find(s->image.path, disk->format, disk->qemu, s->deadline, &s->backing,
			 err) < 0)
		return -1;
	for (size_t i = 0; i < s->backing.count; i++)
		if (check_user(s, s->backing.paths[i], write && s->backing.writable[i], err) < 0)
			return -1;
	return 0;
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
		r = journal_find(JOURNAL_FOLDER, &s->image, name, sizeof(name),
				 err);
		if (r)
			return r;
	}
	result->changed = s->parsed.changed;
	if (!run_will_write(s->job) || !s->parsed.changed)
		return 0;
	if (run_in_time(s, err) < 0)
		return -1;
	journal_sweep(JOURNAL_FOLDER, &s->image);
	r = run_apply(s, &result->bytes, err);
	if (r < 0)
		return -1;
	result->changed = r > 0;
	return 0;
}

static int read_and_write(struct run *s, bool live, struct guestdisk_result *result,
			  struct error *err)
{
	int r;

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

/* Opening some images for writing is writing to them, even if the job is refused then. */
static int rehearse(struct run *s, struct guestdisk_result *result, struct error *err)
{
	const struct job *real = s->job;
	struct job dry = *real;
	int r;

	dry.dry_run = true;
	s->job = &dry;
	r = read_and_write(s, false, result, err);
	s->job = real;
	return r;
}

static int attempt(struct run *s, struct guestdisk_result *result,
		   struct error *err)
{
	const bool write = run_will_write(s->job);
	bool live = s->job->live && !write;
	int r;

	if (!live) {
		r = run_recover(s, err);
		if (r < 0)
			return -1;
		result->redone |= r > 0;
	}
	if (write && !header_opens_unchanged(s->image.path, s->disk->format)) {
		r = rehearse(s, result, err);
		if (r || !result->changed)
			return r;
	}
	return read_and_write(s, live, result, err);
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
	session_close(s);
	backup_close(&s->backup);
	backing_free(&s->backing);
	free(s);
	return r;
}
