// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * event.c - one event of libvirt's qemu hook
 *
 * Five stages in order: read (XML, arguments), observe (what only this host knows: the log, the
 * process), decide, act (write the record, start a process that does the work later), answer
 * (the exit status).
 */

#include "hook/lifecycle/event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/log.h"
#include "helper/shared/text.h"
#include "hook/domain/domain.h"
#include "hook/host/baitimage.h"
#include "hook/host/qemuuser.h"
#include "hook/libvirt/files.h"
#include "hook/lifecycle/diskcheck.h"
#include "hook/lifecycle/endreason.h"
#include "hook/lifecycle/recover.h"
#include "hook/lifecycle/spawn.h"
#include "hook/phase/decide.h"
#include "hook/phase/place.h"
#include "hook/phase/rewrite.h"
#include "hook/phase/step.h"
#include "hook/state/lock.h"
#include "hook/state/mark.h"
#include "hook/state/pending.h"
#include "hook/state/session.h"
#include "hook/state/story.h"

struct event {
	const char *name, *op, *extra;
	const struct config *config;
	struct domain domain;
	bool may_write;		/* prepare: nothing else uses its disks */
};

/* ---- observe ----------------------------------------------------------- */

/*
 * The XML of a session is that of its start. Its conversion may have been ended meanwhile by
 * disable or hold, or by removal of the tag. libvirt can't be called from within a hook, but
 * its stored files can be read; if they can't, the process that calls libvirt later decides.
 */
static bool was_ended(const struct event *event)
{
	AUTO_DOMAIN struct domain now = { 0 };

	if (libvirt_definition(event->name, &now, NULL) < 0 ||
	    strcmp(now.uuid, event->domain.uuid) != 0)
		return false;
	return !now.tag.present || (now.state.phase != PHASE_STAGED &&
				    now.state.phase != PHASE_TRIAL);
}

/* ---- act ---------------------------------------------------------------- */

static void leave_to_settle(const struct event *event, struct pending *pending)
{
	struct error err = { 0 };

	if (pending && pending_write(pending, &err) < 0) {
		log_msg(LOG_LEVEL_ERROR, "domain %s: cannot record the next step: %s; it stays as "
			"it is until its next session", event->name,
			err.msg);
		return;
	}
	if (spawn_settle(event->domain.uuid, &err) < 0)
		log_msg(LOG_LEVEL_ERROR, "domain %s: %s; busflip stage --all finishes "
			"it", event->name, err.msg);
}

static bool can_be_staged(struct event *event, struct error *err)
{
	struct step step;

	return step_apply(&event->domain, HAPPENED_SEEN, event->config, &step, err) == 0;
}

/* libvirt includes this in the error of the start, which the user sees. */
static void __attribute__((format(printf, 1, 2))) refuse(const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	make_printable(text);
	fprintf(stderr, "%s\n", text);
}

/* ---- the events ---------------------------------------------------- */

/*
 * An interrupted patch leaves the disk neither old nor new until its journal is replayed. A
 * guest that resumes has parts of the disk in memory: nothing may be written under it.
 */
static bool disks_are_whole(struct event *event, struct error *err)
{
	if (!event->may_write || recover_disks(&event->domain, err) == 0)
		return true;
	refuse("busflip: domain %s was not started: %s", event->name, err->msg);
	story_tell(LOG_LEVEL_ERROR, event->name, event->domain.uuid, "start refused: %s",
		   err->msg);
	return false;
}

static bool read_note(const struct event *event, struct session_note *note)
{
	const struct state *state = &event->domain.state;

	return session_read(event->domain.uuid, note) &&
	       session_is_of(note, state->phase, state->since);
}

/*
 * @failed: the session ended before it began. Return whether that counts: the prepare hook has
 * allowed the start (otherwise it was not a start on VirtIO: the hook was killed, or refused
 * it), and the start before it failed as well. One failure may be due to a missing CD-ROM or an
 * inactive network; a disk that QEMU rejects on VirtIO is rejected twice.
 */
static bool failure_counts(struct session_note *note, bool failed)
{
	bool held = mark_was_preparing(note->front);

	if (!failed)
		note->failed = 0;
	else if (!held)
		note->failed++;
	return !held && note->failed != 1;
}

static void end_session(const struct event *event, const struct session_note *note)
{
	struct error err = { 0 };

	if (session_end(event->domain.uuid, note->failed, &err) < 0)
		log_msg(LOG_LEVEL_ERROR, "domain %s: cannot record its end: %s", event->name,
			err.msg);
}

/*
 * Before QEMU exists: does the start resume memory, or use other images than those of the
 * definition? Then its disks must not be touched.
 */
static bool may_write(const struct event *event)
{
	const struct domain *domain = &event->domain;

	if (mark_is_continuing(event->domain.uuid))
		return false;
	if (!libvirt_names_other_images(domain, NULL))
		return true;
	if (domain->state.phase != PHASE_STAGED && domain->state.phase != PHASE_TRIAL)
		return false;
	/* The record is from another session. */
	session_remove(domain->uuid);
	story_tell(LOG_LEVEL_NOTICE, event->name, domain->uuid,
		   "starts with its disks as they are: they differ from its definition, as after a "
		   "revert to a snapshot");
	return false;
}

/* libvirt checks after this hook whether the bait exists, and continues without it. */
static void prepare_bait(const struct event *event)
{
	const char *path = event->config->bait;
	struct error err = { 0 };

	if (rewrite_lacks_bait(&event->domain))
		story_tell(LOG_LEVEL_WARNING, event->name, event->domain.uuid,
			   "starts without its bait, which was removed from its definition: "
			   "Windows can't set up its VirtIO device in this session; afterwards the "
			   "bait is put back");
	if (!domain_bait(&event->domain) ||
	    (baitimage_ready(path, &err) == 0 &&
	     qemu_reads_bait(NULL, &event->domain, path, &err) == 0))
		return;
	story_tell(LOG_LEVEL_WARNING, event->name, event->domain.uuid, "%s: %s",
		   baitimage_leave_out(path) ? "starts without its bait" :
		   "may be kept from starting by its bait", err.msg);
}

static int on_prepare(struct event *event)
{
	const struct state *state = &event->domain.state;
	struct session_note note;
	char word[DOMAIN_WORD];
	struct error err = { 0 };

	event->may_write = may_write(event);
	if (!disks_are_whole(event, &err))
		return EXIT_REFUSE_START;
	if (state->phase == PHASE_DONE || state->phase == PHASE_HELD)
		return EXIT_DONE;
	/* Left by an earlier session, from a process that was killed. */
	if (pending_exists(event->domain.uuid))
		leave_to_settle(event, NULL);
	if (state->phase == PHASE_STAGED)
		prepare_bait(event);
	if ((state->phase == PHASE_STAGED || state->phase == PHASE_TRIAL) &&
	    state->valid && event->may_write) {
		diskcheck_before_session(&event->domain, event->config);
		/* It may have got no further than into the journal. */
		if (!disks_are_whole(event, &err)) {
			if (read_note(event, &note)) {
				failure_counts(&note, false);
				end_session(event, &note);
			}
			return EXIT_REFUSE_START;
		}
	}
	if (state->phase != PHASE_NONE || !state->valid ||
	    event->config->late_start != LATE_START_REFUSE || !event->may_write ||
	    !libvirt_is_defined(event->name))
		return EXIT_DONE;
	if (!can_be_staged(event, &err))
		return EXIT_DONE;
	refuse("busflip: domain %s is tagged but not yet staged for its first boot on SATA, and "
	       "late_start = refuse. Run: busflip stage %s, then start it again.", event->name,
	       domain_word(event->name, event->domain.uuid, word));
	story_tell(LOG_LEVEL_NOTICE, event->name, event->domain.uuid,
		   "start refused: not staged yet");
	return EXIT_REFUSE_START;
}

static void watch_trial_of(const struct event *event, const struct start *start)
{
	struct error err = { 0 };

	if (spawn_watch(event->domain.uuid, start->id, &err) < 0)
		log_msg(LOG_LEVEL_ERROR, "domain %s: %s; when it ends, its disk shows whether "
			"Windows came up on VirtIO", event->name, err.msg);
}

/* Not staged: to be started again on SATA. */
static void bounce(struct event *event, const struct start *start)
{
	struct pending pending;
	struct error err = { 0 };

	if (!can_be_staged(event, &err)) {
		story_tell(LOG_LEVEL_WARNING, event->name, event->domain.uuid,
			   "can't be staged and runs as it is: %s", err.msg);
		return;
	}
	pending_new(&pending, PENDING_BOUNCE, event->domain.uuid, event->name);
	pending.id = start->id;
	pending.paused = start->kind == START_BOOTS_PAUSED;
	leave_to_settle(event, &pending);
}

static int on_started(struct event *event)
{
	const struct state *state = &event->domain.state;
	bool marked = mark_continues_no_more(event->domain.uuid);
	struct start start;
	struct error err = { 0 };

	if (!state->valid || state->phase == PHASE_DONE || state->phase == PHASE_HELD)
		return EXIT_DONE;
	if (libvirt_start(event->name, &start, &err) < 0) {
		log_msg(LOG_LEVEL_WARNING, "domain %s: cannot find out whether it boots or resumes "
			"a session, so it is left alone: %s", event->name, err.msg);
		return EXIT_DONE;
	}
	/* Reverted to a snapshot, or a restore that has failed, and this start boots: the record
	 * is from another session. */
	if ((start.kind == START_CONTINUES) != marked)
		session_remove(event->domain.uuid);
	if (start.kind == START_CONTINUES)
		return EXIT_DONE;
	if (state->phase == PHASE_TRIAL && !place_is_moved(&event->domain))
		watch_trial_of(event, &start);
	else if (state->phase == PHASE_NONE && event->config->late_start == LATE_START_BOUNCE)
		bounce(event, &start);
	return EXIT_DONE;
}

static int on_continues(struct event *event)
{
	/* The record is from another session: this one began elsewhere. */
	if (strcmp(event->op, "migrate") == 0)
		session_remove(event->domain.uuid);
	mark_continues(event->domain.uuid);
	return EXIT_DONE;
}

/* Now and not later: nobody can start the guest again before this is done. */
static void ask_disk(const struct event *event, struct pending *pending)
{
	const char *reason = pending->reason[0] ? pending->reason : pending->logged;
	bool clean = session_end_of(reason) == SESSION_END_CLEAN;
	struct diskcheck_result result;

	if (!clean && !session_end_is_guess(reason))
		return;
	diskcheck_after_session(&event->domain, event->config, clean, &result);
	if (!clean && !result.shut_down)
		return;
	if (!clean) {
		story_tell(LOG_LEVEL_NOTICE, event->name, event->domain.uuid,
			   "libvirt reports \"%s\" as the reason of its end, but Windows was shut "
			   "down: the shutdown counts", reason);
		str_fits(pending->reason, sizeof(pending->reason), "shutdown");
	}
	str_fits(pending->disk, sizeof(pending->disk), diskcheck_name(&result));
	str_fits(pending->disk_why, sizeof(pending->disk_why), result.why);
}

/* The status file is gone when the release hook runs. */
static int on_stopped(struct event *event)
{
	struct session_note note;
	struct error err = { 0 };

	if (!libvirt_has_block_job(event->name) || !read_note(event, &note))
		return EXIT_DONE;
	if (session_add_job(event->domain.uuid, &err) < 0)
		log_msg(LOG_LEVEL_ERROR, "domain %s: cannot record its block job: %s",
			event->name, err.msg);
	return EXIT_DONE;
}

/* What is known without the disk. Return true if the session has a @note, and is over. */
static bool release_without_disk(const struct event *event, struct pending *pending,
				 struct session_note *note)
{
	const char *reason;
	bool taken_down, counts, noted = read_note(event, note);

	pending_new(pending, PENDING_RELEASE, event->domain.uuid, event->name);
	pending->session = event->domain.state.phase;
	pending->restart = pending_is_restart(event->domain.uuid);
	/* The reason since libvirt 10.5.0, "-" before. */
	if (strcmp(event->extra, "-") != 0)
		str_fits(pending->reason, sizeof(pending->reason), event->extra);
	libvirt_logged_reason(event->name, pending->logged, sizeof(pending->logged));
	reason = pending->reason[0] ? pending->reason : pending->logged;
	if (session_end_is_pause(reason))
		return false;
	taken_down = libvirt_ended_start(event->name);
	counts = noted &&
		 failure_counts(note, strcmp(reason, "failed") == 0 && !taken_down);
	pending->excused = !counts || taken_down;
	pending->writes = noted && note->writes_seen;
	return noted;
}

/*
 * The record comes first, and is completed when the disk was read: whatever ends this process
 * meanwhile, the end of the session is not lost.
 */
static int on_release(struct event *event)
{
	const struct state *state = &event->domain.state;
	struct pending pending;
	struct session_note note;
	bool ends;
	struct error err = { 0 };

	/* If the restore failed, the next start is a different one. */
	mark_continues_no_more(event->domain.uuid);
	if ((state->phase != PHASE_STAGED && state->phase != PHASE_TRIAL) || was_ended(event))
		return EXIT_DONE;
	ends = release_without_disk(event, &pending, &note);
	if (place_check(&event->domain, &err) < 0) {
		if (ends) {
			end_session(event, &note);
			story_tell(LOG_LEVEL_WARNING, event->name, event->domain.uuid,
				   "its session does not count: %s", err.msg);
		}
		return EXIT_DONE;
	}
	pending.asking = true;
	if (pending_write(&pending, &err) < 0)
		log_msg(LOG_LEVEL_WARNING, "domain %s: cannot record its end before its disk is "
			"read: %s", event->name, err.msg);
	pending.asking = false;
	ask_disk(event, &pending);
	if (ends)
		end_session(event, &note);
	leave_to_settle(event, &pending);
	return EXIT_DONE;
}

static const struct {
	const char *op;
	int (*run)(struct event *event);
} events[] = {
	{ "prepare", on_prepare },
	{ "started", on_started },
	{ "stopped", on_stopped },
	{ "release", on_release },
	{ "migrate", on_continues },
	{ "restore", on_continues },
};

int event_run(char *const argv[], const struct config *config)
{
	struct event event = { .name = argv[0], .op = argv[1], .extra = argv[3],
			       .config = config };
	AUTO_FREE char *xml = NULL;
	struct error err = { 0 };
	size_t len;
	int answer = EXIT_DONE;

	if (read_all(STDIN_FILENO, XML_LIMIT, &xml, &len, &err) < 0 ||
	    domain_parse(xml, len, &event.domain, &err) < 0) {
		log_msg(LOG_LEVEL_ERROR, "domain %s, hook %s: %s", event.name, event.op,
			err.msg);
		domain_free(&event.domain);
		/* The hook program lets the guest start, unless there is a journal. */
		return EXIT_FAILED;
	}
	/* Of a domain without the tag only its half patched disks matter. */
	if (!event.domain.tag.present)
		memset(&event.domain.state, 0, sizeof(event.domain.state));
	for (unsigned i = 0; i < ARRAY_SIZE(events); i++)
		if (strcmp(events[i].op, event.op) == 0)
			answer = events[i].run(&event);
	domain_free(&event.domain);
	return answer;
}
