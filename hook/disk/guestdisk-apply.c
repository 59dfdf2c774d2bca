// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guestdisk-apply.c - apply the pages of a reply: journal, write, flush
 *
 * Before each step the remaining time is checked. From the moment in which the journal has its
 * final name until it is removed, the patch is decided: it is finished, and if anything stops
 * this process, the next run finishes it. Termination signals are blocked for these few
 * milliseconds.
 */

#include "hook/disk/guestdisk-run.h"

#include <errno.h>
#include <signal.h>

#include "helper/shared/refusal.h"

static int collect_pages(const struct run *s, struct journal *journal,
			 struct error *err)
{
	uint64_t at = 0;

	for (size_t i = 0; i < job_reply_runs(&s->parsed); i++) {
		struct job_run run = job_reply_run(&s->parsed, i, &at);

		if (journal_add(journal, run.off, run.data, run.len, err) < 0)
			return error_prefix(err, "reply");
	}
	return 0;
}

static int keep_backup(struct run *s, struct error *err)
{
	const struct backup_source source = {
		.fd = s->reply, .base = s->map, .reply = &s->parsed,
		.image = s->image.path,
	};

	if (!s->parsed.kept)
		return 0;
	if (backup_finish(s->backups, &s->work, &source, err) < 0) {
		run_in_time(s, err);
		return -1;
	}
	return run_in_time(s, err);
}

/* @decided: the journal was complete, even if it is removed by now. */
static int write_pages(const struct run *s, const struct journal *journal,
		       bool *decided, struct error *err)
{
	char name[4096];

	if (journal_name(JOURNAL_FOLDER, &s->image, name, sizeof(name), err) < 0 ||
	    journal_store(journal, JOURNAL_FOLDER, err) < 0)
		return -1;
	/* Point of no return: from here on the journal decides the content of the disk. */
	*decided = true;
	nbd_client_extend(s->nbd, monotonic_ms() + s->options->timeout_ms);
	if (journal_apply(journal, s->nbd, err) < 0 ||
	    journal_remove(name, err) < 0)
		return error_prefix(err, "%s: interrupted while writing; the next busflip command "
				    "on it finishes the patch", s->image.path);
	return 0;
}

static int write_undisturbed(const struct run *s,
			     const struct journal *journal, bool *decided,
			     struct error *err)
{
	sigset_t ending, before;
	int r;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGQUIT);
	sigaddset(&ending, SIGPIPE);
	sigprocmask(SIG_BLOCK, &ending, &before);
	r = write_pages(s, journal, decided, err);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

/* undo must not find the backup of a patch that will not happen, but the ones before it. */
static void settle_backup(const struct run *s, int r, bool decided)
{
	char name[4096];

	if (!s->work.finished[0])
		return;
	if (r >= 0) {
		backup_prune(s->backups, s->image.path, s->options->keep);
	} else if (!decided && journal_find(JOURNAL_FOLDER, &s->image, name, sizeof(name),
				NULL) == 0) {
		backup_discard(s->work.finished);
	}
}

int run_apply(struct run *s, uint64_t *bytes, struct error *err)
{
	struct journal *journal = NULL;
	bool decided = false;
	int r;

	*bytes = s->parsed.section[JOB_SECTION_PAGES].len;
	s->image.size = nbd_client_size(s->nbd);
	if (journal_new(&s->image, &journal, err) < 0)
		return -1;
	r = collect_pages(s, journal, err);
	if (r == 0)
		r = journal_read_old(journal, s->nbd, err);
	if (r < 0)
		run_in_time(s, err);
	if (r == 1 && (keep_backup(s, err) < 0 || run_in_time(s, err) < 0 ||
		       write_undisturbed(s, journal, &decided, err) < 0))
		r = -1;
	settle_backup(s, r, decided);
	journal_free(journal);
	return r;
}
