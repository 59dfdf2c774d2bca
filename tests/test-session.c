// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-session.c - session notes, and whether a note belongs to the session that ended
 *
 * Notes are at a fixed path, so this runs in its own mount namespace, where it is empty.
 */

#include "hook/state/session.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

#define UUID "12345678-9abc-def0-1234-56789abcdef0"
#define SINCE "2026-11-23T06:00:00Z"
/* The same as FILETIME. */
#define BEGAN UINT64_C(134398872000000000)
#define MINUTE UINT64_C(600000000)

static void enter_namespace(void)
{
	if (geteuid() != 0)
		skip_all("this test must be run by root");
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, "") < 0 ||
	    mount("test", "/var/lib", "tmpfs", 0, "mode=755") < 0)
		skip_all("no private mount namespace can be had");
}

static const struct session_note full = {
	.uuid = UUID, .phase = PHASE_STAGED, .since = SINCE, .from = BEGAN,
	.read = true, .why = "because", .has_before = true,
	.last_use = 11, .shutdown = 12, .boot_id = 13,
};

static void test_round_trip(void)
{
	struct session_note n;
	struct error err = { 0 };

	ok(!session_read(UUID, &n), "none yet");
	ok(session_write(&full, &err) == 0, "written: %s", err.msg);
	ok(session_read(UUID, &n), "read");
	ok(memcmp(&n, &full, sizeof(n)) == 0, "all of it is there");
	session_remove(UUID);
	ok(!session_read(UUID, &n), "removed");
}

/* What is learned of a session while it runs, and when it ends. */
static void test_life(void)
{
	struct session_note n;
	struct error err = { 0 };

	ok(session_add_writes(UUID, &err) == 0 && !session_read_any(UUID, &n),
	   "what is learned of no session makes no note");
	ok(session_write(&full, &err) == 0 && session_read(UUID, &n) && !n.writes_seen && !n.job,
	   "a session begins");
	ok(session_add_writes(UUID, &err) == 0 && session_add_job(UUID, &err) == 0 &&
	   session_read(UUID, &n) && n.writes_seen && n.job && n.last_use == 11,
	   "two things are learned, and both are kept");
	ok(!session_read_last(UUID, &n), "no session has ended");
	ok(session_end(UUID, 1, &err) == 0 && !session_read(UUID, &n), "its end is seen: %s",
	   err.msg);
	ok(session_read_last(UUID, &n) && session_read_any(UUID, &n) && n.writes_seen && n.job &&
	   n.failed == 1 && n.from == BEGAN, "it is the last one then");
	ok(session_add_writes(UUID, &err) == 0 && !session_read(UUID, &n),
	   "what comes too late does not bring it back");
	ok(session_end(UUID, 2, &err) == 0 && session_read_last(UUID, &n) && n.failed == 1,
	   "nor does a second end change it");
	ok(session_write(&full, &err) == 0 && session_read(UUID, &n) &&
	   !session_read_last(UUID, &n), "another one begins in its place");
	session_end(UUID, 0, &err);
	session_remove(UUID);
	ok(!session_read_any(UUID, &n), "both are removed");
}

static void put(const char *text)
{
	AUTO_FD int fd = open(SESSION_FOLDER "/" UUID, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		diag("cannot write the note");
}

#define HEAD "busflip 1\nphase trial\nsince " SINCE "\nfrom 1\n"

/* A host that lost power, and a busflip of before there was LAST_FOLDER. */
static void test_left(void)
{
	struct session_note n;
	struct error err = { 0 };

	put(HEAD "wri");
	ok(!session_read_any(UUID, &n), "half a note is none");
	put(HEAD "end\nwri");
	ok(session_read(UUID, &n) && !n.writes_seen, "what was added is not whole");
	ok(session_add_writes(UUID, &err) == 0 && session_read(UUID, &n) && n.writes_seen,
	   "and spoils nothing that is added later");
	put(HEAD "restart 1\nover 0\nend\n");
	ok(session_read(UUID, &n) && n.restart && !session_read_last(UUID, &n),
	   "a former note, of a session that runs");
	ok(session_end(UUID, 0, &err) == 0 && session_read_last(UUID, &n) && n.restart,
	   "and ends now");
	session_remove(UUID);
	put(HEAD "over 1\nend\n");
	ok(!session_read(UUID, &n) && session_read_last(UUID, &n),
	   "a former note, of a session that was over");
	session_remove(UUID);
}

/* What is in the domain's XML is not ours: it must not make lines of its own. */
static void test_forged(void)
{
	struct session_note n = full;
	struct error err = { 0 };

	memcpy(n.since, "x\nread 1\nbefore 1", sizeof("x\nread 1\nbefore 1"));
	n.has_before = n.read = false;
	ok(session_write(&n, &err) == 0 && session_read(UUID, &n), "written and read");
	ok(!n.has_before && !n.read, "no line was added");
	ok(session_is_of(&n, PHASE_STAGED, "x\nread 1\nbefore 1"),
	   "and it is known again");
}

static void test_is_of(void)
{
	struct session_note n = full;

	ok(session_is_of(&n, PHASE_STAGED, SINCE), "of this session");
	ok(!session_is_of(&n, PHASE_TRIAL, SINCE), "not of another phase");
	ok(!session_is_of(&n, PHASE_STAGED, "2026-11-23T06:00:01Z"),
	   "not of a domain that was staged anew");
	ok(!session_is_of(&n, PHASE_STAGED, ""), "not of one that does not say since when");
	n.since[0] = '\0';
	ok(!session_is_of(&n, PHASE_STAGED, SINCE), "not a note that does not say it");
}

static void test_led_to(void)
{
	static const struct {
		enum phase from, to;
		bool led;
	} ways[] = {
		{ PHASE_STAGED, PHASE_TRIAL, true }, { PHASE_TRIAL, PHASE_DONE, true },
		{ PHASE_STAGED, PHASE_HELD, true }, { PHASE_TRIAL, PHASE_HELD, true },
		{ PHASE_TRIAL, PHASE_STAGED, false }, { PHASE_STAGED, PHASE_DONE, false },
		{ PHASE_STAGED, PHASE_STAGED, false }, { PHASE_TRIAL, PHASE_NONE, false },
	};
	struct session_note n = full;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		n.phase = ways[i].from;
		ok(session_led_to(&n, ways[i].to, SINCE) == ways[i].led, "%s to %s: %s",
		   phase_name(n.phase), phase_name(ways[i].to),
		   ways[i].led ? "yes" : "no");
	}
	n.phase = PHASE_STAGED;
	n.from = BEGAN - MINUTE;
	ok(session_led_to(&n, PHASE_TRIAL, SINCE), "it began before");
	n.from = BEGAN + MINUTE;
	ok(!session_led_to(&n, PHASE_TRIAL, SINCE), "it began later: no");
}

static void test_compare(void)
{
	char began[SESSION_TIME];
	struct job job = { .action = JOB_INSPECT };

	session_compare(&full, &job);
	ok(job.has_before && job.before_last_use == 11 && job.before_shutdown == 12 &&
	   job.before_boot_id == 13 && job.run_from == BEGAN && job.run_to > BEGAN,
	   "the helper is told");
	session_began(&full, began);
	is_str(began, SINCE, "when it began");
}

static void test_since(void)
{
	struct job job = { .action = JOB_INSPECT };

	ok(session_since(SINCE, &job) && job.run_from == BEGAN && job.run_to > BEGAN &&
	   !job.has_before, "since the phase began");
	ok(!session_since("", &job), "no time");
	ok(!session_since("yesterday", &job), "nor this");
	ok(!session_since(SINCE "x", &job), "nor with more behind it");
	ok(!session_since("1960-01-01T00:00:00Z", &job), "nor before all files");
}

int main(void)
{
	enter_namespace();
	test_round_trip();
	test_life();
	test_left();
	test_forged();
	test_is_of();
	test_led_to();
	test_compare();
	test_since();
	return done_testing();
}
