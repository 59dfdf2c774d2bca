// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * event.c - one event of libvirt's qemu hook
 *
 * Five stages in order: read (XML, arguments), observe (what only the host
 * knows: the log, the process), decide, act (write the record, leave a process
 * behind that does the work), answer (the exit status).
 */

#include "hook/event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hook/bait.h"
#include "hook/cycle.h"
#include "hook/evidence.h"
#include "hook/gate.h"
#include "hook/pending.h"
#include "hook/recover.h"
#include "hook/session.h"
#include "hook/spawn.h"
#include "hook/story.h"

#define LIBVIRT_LOG "/var/log/libvirt/qemu/%s.log"
#define LIBVIRT_PID "/run/libvirt/qemu/%s.pid"
#define STARTING_UP ": starting up libvirt version: "
#define SHUTTING_DOWN ": shutting down, reason="
#define LIBVIRT_XML BUSFLIP_SYSCONFDIR "/libvirt/qemu/%s.xml"

struct event {
	const char *name, *op, *extra;
	const struct config *config;
	struct domain domain;
};

/* ---- observe ----------------------------------------------------------- */

static bool host_path(char *path, size_t size, const char *fmt, const char *name)
{
	const char *where = strstr(fmt, "%s");

	return !strchr(name, '/') &&
	       str_printf(path, size, "%.*s%s%s", (int)(where - fmt), fmt, name,
			  where + 2);
}

/*
 * The end of a text file, at most @size - 1 bytes of it.
 */
static size_t read_tail(const char *path, char *buf, size_t size)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	ssize_t n = -1;

	if (end >= 0)
		n = pread(fd, buf, size - 1,
			  end > (off_t)size - 1 ? end - (off_t)size + 1 : 0);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static const char *last_occurrence(const char *text, const char *what)
{
	const char *found = NULL;

	for (const char *p = text; (p = strstr(p, what)); p++)
		found = p;
	return found;
}

/*
 * libvirt writes "<time>: shutting down, reason=<reason>" into the domain's
 * log before it calls the stopped and release hooks (qemuProcessStop() in
 * src/qemu/qemu_process.c, 9.0.0). Kept as a second source: the reason that
 * libvirt is asked for afterwards is lost when the daemon is restarted or the
 * guest started again before anybody asks.
 */
static void logged_reason(const char *name, char *buf, size_t size)
{
	char path[4096], tail[16384];
	const char *down, *up;
	size_t len;

	buf[0] = '\0';
	if (!host_path(path, sizeof(path), LIBVIRT_LOG, name) ||
	    !read_tail(path, tail, sizeof(tail)))
		return;
	down = last_occurrence(tail, SHUTTING_DOWN);
	up = last_occurrence(tail, STARTING_UP);
	if (!down || (up && up > down))
		return;
	down += strlen(SHUTTING_DOWN);
	len = strcspn(down, "\n");
	if (len < size) {
		memcpy(buf, down, len);
		buf[len] = '\0';
	}
}

/*
 * QEMU says who ended it: when a start fails for a reason of its own it says
 * something else. A "started" hook that was killed makes libvirt end a guest whose
 * disk is all right.
 */
static bool was_taken_down(const char *name)
{
	char path[4096], tail[16384];
	const char *up, *down;

	if (!host_path(path, sizeof(path), LIBVIRT_LOG, name) ||
	    !read_tail(path, tail, sizeof(tail)))
		return false;
	up = last_occurrence(tail, STARTING_UP);
	down = last_occurrence(tail, SHUTTING_DOWN);
	/* Of this start, not of one before that came further. */
	return up && down && strstr(up, SHUTTING_DOWN) == down &&
	       strstr(up, ": terminating on signal ");
}

/*
 * Guests that continue (restored, migrated in, reverted to a snapshot) are
 * started by QEMU with -incoming or -loadvm. To take one of those down would
 * throw its memory away.
 */
static bool continues(const char *name)
{
	char path[4096], text[65536], pid[16] = "";
	size_t len;

	if (!host_path(path, sizeof(path), LIBVIRT_PID, name) ||
	    !read_tail(path, text, sizeof(pid)))
		return false;
	text[strcspn(text, "\n")] = '\0';
	if (!str_fits(pid, sizeof(pid), text) || strspn(pid, "0123456789") != strlen(pid))
		return false;
	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	{
		AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

		len = n > 0 ? (size_t)n : 0;
	}
	text[len] = '\0';
	for (const char *arg = text; arg < text + len; arg += strlen(arg) + 1)
		if (strcmp(arg, "-incoming") == 0 || strcmp(arg, "-loadvm") == 0)
			return true;
	return false;
}

/*
 * Before QEMU exists, only the migrate and restore hooks that ran just before
 * tell that the guest will continue. They leave a mark for the two hooks that
 * follow; one that was left by a start that failed soon means nothing.
 */
#define MARK_SECONDS 120

static bool mark_path(const struct event *event, char *path, size_t size)
{
	return uuid_ok(event->domain.uuid) &&
	       str_printf(path, size, BUSFLIP_RUNDIR "/%s.continues",
			  event->domain.uuid);
}

static bool is_marked(const struct event *event)
{
	char path[512];
	struct stat st;

	return mark_path(event, path, sizeof(path)) && stat(path, &st) == 0 &&
	       time(NULL) - st.st_mtime < MARK_SECONDS;
}

static void unmark(const struct event *event)
{
	char path[512];

	if (mark_path(event, path, sizeof(path)))
		unlink(path);
}

static bool is_persistent(const char *name)
{
	char path[4096];

	return host_path(path, sizeof(path), LIBVIRT_XML, name) &&
	       access(path, F_OK) == 0;
}

/*
 * The XML of a session is that of its start. Was its way ended meanwhile, by disable or
 * hold, or its tag taken out? libvirt can't be asked from within a hook, but what it has
 * stored can be read; where that is not so, the process that asks it later decides.
 */
static bool was_ended(const struct event *event)
{
	AUTO_DOMAIN struct domain now = { 0 };
	AUTO_FREE char *xml = NULL;
	AUTO_FD int fd = -1;
	char path[4096];
	size_t len;

	if (!host_path(path, sizeof(path), LIBVIRT_XML, event->name))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || read_all(fd, XML_LIMIT, &xml, &len, NULL) < 0 ||
	    domain_parse(xml, len, &now, NULL) < 0 ||
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
		log_msg(LOG_LEVEL_ERROR, "domain %s: cannot note what to do next: %s; "
			"it stays as it is until its next session", event->name,
			err.msg);
		return;
	}
	if (spawn_settle(event->domain.uuid, &err) < 0)
		log_msg(LOG_LEVEL_ERROR, "domain %s: %s; busflip stage --all does "
			"what is left", event->name, err.msg);
}

static bool can_be_staged(struct event *event, struct error *err)
{
	struct step step;

	return cycle_step(&event->domain, HAPPENED_SEEN, event->config, &step, err) == 0;
}

/* ---- the events ---------------------------------------------------- */

/*
 * A patch that was cut off leaves the disk neither old nor new until its journal
 * is redone. A guest that continues has its own idea of what is on the disk:
 * nothing may be written under it.
 */
static bool disks_are_whole(struct event *event, struct error *err)
{
	if (is_marked(event) || recover_disks(&event->domain, err) == 0)
		return true;
	fprintf(stderr, "busflip: domain %s was not started: %s\n", event->name,
		err->msg);
	story_tell(LOG_LEVEL_ERROR, event->name, event->domain.uuid, "start refused: %s",
		   err->msg);
	return false;
}

/*
 * @failed: it has ended before it began. Return whether that counts: the prepare hook
 * has let the start go on (without, it was not one on VirtIO: the hook was killed, or
 * has refused it), and the start before it failed as well. The first one may have been
 * for a CD-ROM that is gone or a network that is not active; a disk that QEMU refuses on
 * VirtIO is refused once more.
 */
static bool session_end(const struct event *event, bool failed)
{
	const struct state *state = &event->domain.state;
	struct session_note note;
	struct error err;
	bool held;

	if (!session_read(event->domain.uuid, &note) || note.over ||
	    !session_is_of(&note, state->phase, state->since))
		return false;
	held = session_was_held(note.front);
	note.over = true;
	if (!failed)
		note.failed = 0;
	else if (!held)
		note.failed++;
	if (session_write(&note, &err) < 0)
		log_msg(LOG_LEVEL_ERROR, "domain %s: its end can't be noted: %s", event->name,
			err.msg);
	return !held && note.failed != 1;
}

static int on_prepare(struct event *event)
{
	const struct state *state = &event->domain.state;
	char word[DOMAIN_WORD];
	struct error err = { 0 };

	if (!disks_are_whole(event, &err))
		return EXIT_REFUSE_START;
	if (state->phase == PHASE_DONE || state->phase == PHASE_HELD)
		return EXIT_DONE;
	/* Left by a session before this one, by a process that was killed. */
	if (pending_exists(event->domain.uuid))
		leave_to_settle(event, NULL);
	if (state->phase == PHASE_STAGED && bait_create(event->config->bait, &err) < 0)
		story_tell(LOG_LEVEL_WARNING, event->name, event->domain.uuid,
			   "starts without its bait: %s", err.msg);
	if ((state->phase == PHASE_STAGED || state->phase == PHASE_TRIAL) &&
	    state->valid && !is_marked(event)) {
		gate_prepare(&event->domain, event->config);
		/* It may have come no further than into the journal. */
		if (!disks_are_whole(event, &err)) {
			session_end(event, false);
			return EXIT_REFUSE_START;
		}
	}
	if (state->phase != PHASE_NONE || !state->valid ||
	    event->config->late_start != LATE_START_REFUSE || is_marked(event) ||
	    !is_persistent(event->name))
		return EXIT_DONE;
	if (!can_be_staged(event, &err))
		return EXIT_DONE;
	fprintf(stderr, "busflip: domain %s is tagged but not yet staged for its "
		"first boot on SATA, and late_start = refuse. Run: busflip stage %s, "
		"then start it again.\n", event->name,
		domain_word(event->name, event->domain.uuid, word));
	story_tell(LOG_LEVEL_NOTICE, event->name, event->domain.uuid,
		   "start refused: not staged yet");
	return EXIT_REFUSE_START;
}

static int on_started(struct event *event)
{
	const struct state *state = &event->domain.state;
	struct pending pending;
	struct error err = { 0 };
	bool marked = is_marked(event);
	char uuid[40];

	unmark(event);
	if (state->phase == PHASE_TRIAL && state->valid && !marked && !continues(event->name) &&
	    spawn_watch(event->domain.uuid, &err) < 0)
		log_msg(LOG_LEVEL_ERROR, "domain %s: %s; whether Windows came up on VirtIO is "
			"told by its disk when it ends", event->name, err.msg);
	if (state->phase != PHASE_NONE || !state->valid || marked ||
	    event->config->late_start != LATE_START_BOUNCE || continues(event->name))
		return EXIT_DONE;
	str_fits(uuid, sizeof(uuid), event->domain.uuid);
	if (!can_be_staged(event, &err)) {
		story_tell(LOG_LEVEL_WARNING, event->name, uuid,
			   "can't be staged and runs as it is: %s", err.msg);
		return EXIT_DONE;
	}
	pending_new(&pending, PENDING_BOUNCE, uuid, event->name);
	leave_to_settle(event, &pending);
	return EXIT_DONE;
}

static int on_continues(struct event *event)
{
	char path[512];
	AUTO_FD int fd = -1;

	if (!mark_path(event, path, sizeof(path)))
		return EXIT_DONE;
	/* What is noted here is of another session: this one began elsewhere. */
	if (strcmp(event->op, "migrate") == 0)
		session_remove(event->domain.uuid);
	mkdir(BUSFLIP_RUNDIR, 0700);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		futimens(fd, NULL);
	return EXIT_DONE;
}

/* Here and not later: nobody can start the guest again before this is done. */
static void ask_disk(const struct event *event, struct pending *pending)
{
	const char *reason = pending->reason[0] ? pending->reason : pending->logged;
	bool clean = evidence_from_reason(reason) == EVIDENCE_HOLDS;
	struct gate_result result;

	if (!clean && !evidence_is_guess(reason))
		return;
	gate_judge(&event->domain, event->config, clean, &result);
	if (!clean && !result.shut_down)
		return;
	if (!clean) {
		story_tell(LOG_LEVEL_NOTICE, event->name, event->domain.uuid,
			   "libvirt gives \"%s\" as the reason of its end, but Windows was "
			   "shut down: that counts", reason);
		str_fits(pending->reason, sizeof(pending->reason), "shutdown");
	}
	str_fits(pending->disk, sizeof(pending->disk), gate_name(result.gate));
	str_fits(pending->disk_why, sizeof(pending->disk_why), result.why);
}

static int on_release(struct event *event)
{
	const struct state *state = &event->domain.state;
	struct pending pending;
	const char *reason;
	bool taken_down, failed;

	/* Where the restore failed: the next start is another one. */
	unmark(event);
	if ((state->phase != PHASE_STAGED && state->phase != PHASE_TRIAL) || was_ended(event))
		return EXIT_DONE;
	pending_new(&pending, PENDING_RELEASE, event->domain.uuid, event->name);
	pending.session = state->phase;
	/* The reason since libvirt 10.5.0, "-" before. */
	if (strcmp(event->extra, "-") != 0)
		str_fits(pending.reason, sizeof(pending.reason), event->extra);
	logged_reason(event->name, pending.logged, sizeof(pending.logged));
	ask_disk(event, &pending);
	reason = pending.reason[0] ? pending.reason : pending.logged;
	taken_down = was_taken_down(event->name);
	failed = strcmp(reason, "failed") == 0 && !taken_down;
	pending.excused = !session_end(event, failed) || taken_down;
	leave_to_settle(event, &pending);
	return EXIT_DONE;
}

static const struct {
	const char *op;
	int (*run)(struct event *event);
} events[] = {
	{ "prepare", on_prepare },
	{ "started", on_started },
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
		return EXIT_DONE;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(events); i++)
		if (strcmp(events[i].op, event.op) == 0 && event.domain.tag.present)
			answer = events[i].run(&event);
	domain_free(&event.domain);
	return answer;
}
