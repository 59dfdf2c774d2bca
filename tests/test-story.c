// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-story.c - events of a domain are written and read back; lines that busflip did not
 * write are ignored
 *
 * The files are at a fixed path, so this runs in its own mount namespace, where it is empty.
 */

#include "hook/state/story.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "helper/shared/log.h"
#include "tests/tap.h"

#define UUID "12345678-9abc-def0-1234-56789abcdef0"
#define PATH STORY_FOLDER "/" UUID

static void enter_namespace(void)
{
	if (geteuid() != 0)
		skip_all("this test must be run by root");
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, "") < 0 ||
	    mount("test", "/var/lib", "tmpfs", 0, "mode=755") < 0)
		skip_all("no private mount namespace can be had");
}

static void write_file(const char *text, size_t len)
{
	FILE *file = fopen(PATH, "w");

	if (file) {
		fwrite(text, 1, len, file);
		fclose(file);
	}
}

static void test_telling(void)
{
	const struct step on = { .before = PHASE_STAGED, .after = PHASE_TRIAL,
				 .reason = "it was good" };
	const struct step stay = { .before = PHASE_HELD, .after = PHASE_HELD,
				   .reason = "held\n\033[31m" };
	AUTO_STORY struct story story = { 0 }, none = { 0 };
	struct error err = { 0 };
	struct stat st;

	is_int(story_read(UUID, &story, &err), 0, "nothing is told yet");
	is_int((long long)story.count, 0, "so there is none");
	story_tell(LOG_LEVEL_NOTICE, "win", UUID, "disk %s was %d", "vda", 42);
	story_step("win", UUID, &on);
	story_step("win", UUID, &stay);
	story_tell(LOG_LEVEL_NOTICE, "win", "../../etc/passwd", "not a UUID");
	is_int(story_read(UUID, &story, &err), 0, "read");
	is_int((long long)story.count, 3, "three lines");
	is_str(story.lines[0].text, "disk vda was 42", "what was told");
	is_str(story.lines[1].text, "staged -> trial: it was good", "a step");
	is_str(story.lines[2].text, "held: held??[31m", "one that stays, made printable");
	ok(story_age(story.lines[0].at, time(NULL)) >= 0 &&
	   story_age(story.lines[0].at, time(NULL)) < 60, "just now: %s", story.lines[0].at);
	ok(!story.more, "no more than these");
	ok(stat(PATH, &st) == 0 && (st.st_mode & 0777) == 0600, "for root only");
	is_int(story_read("../../etc/passwd", &none, &err), -1, "no path is made of a name");
}

static void test_rubbish(void)
{
	static const char text[] =
		"2026-11-23T06:00:00Z good\n"
		"2026-11-23T06:00:00Z\n"
		"2026-11-23T06:00:00Z \n"
		"2026-13-23T06:00:00Z no such month\n"
		"yesterday, at six o'clock\n"
		"\n"
		"2026-11-23T06:00:0\n"
		"2026-11-23T06:00:01Z \033[2Jalso\n"
		"2026-11-23T06:00:02Z cut o";
	AUTO_STORY struct story story = { 0 };
	AUTO_STORY struct story zero = { 0 };
	static char longer[2000] = "2026-11-23T06:00:00Z ";
	struct error err = { 0 };

	write_file(text, sizeof(text) - 1);
	is_int(story_read(UUID, &story, &err), 0, "a damaged file is read");
	is_int((long long)story.count, 3, "what is a line of ours");
	is_str(story.lines[0].text, "good", "the first");
	is_str(story.lines[1].text, "?[2Jalso", "made printable once more");
	is_str(story.lines[2].text, "cut o", "the last, without its end");
	memset(longer + 21, 'x', sizeof(longer) - 22);
	write_file(longer, sizeof(longer) - 1);
	is_int(story_read(UUID, &zero, &err), 0, "one line that is too long");
	is_int((long long)zero.count, 0, "is none of ours");
	unlink(PATH);
	is_int(symlink("/etc/passwd", PATH), 0, "a link in its place");
	story_free(&zero);
	is_int(story_read(UUID, &zero, &err), -1, "is not followed to read");
	story_tell(LOG_LEVEL_NOTICE, "win", UUID, "into passwd");
	story_free(&zero);
	unlink(PATH);
	is_int(story_read(UUID, &zero, &err), 0, "nor to write");
	is_int((long long)zero.count, 0, "nothing was kept");
}

static void test_growing(void)
{
	AUTO_STORY struct story story = { 0 };
	struct error err = { 0 };
	struct stat st = { 0 };
	off_t largest = 0;

	for (int i = 0; i < 3000; i++) {
		story_tell(LOG_LEVEL_INFO, "win", UUID, "line %d", i);
		if (stat(PATH, &st) == 0 && st.st_size > largest)
			largest = st.st_size;
	}
	ok(largest > 60000 && largest < 70000, "it does not grow for ever: %lld",
	   (long long)largest);
	is_int(story_read(UUID, &story, &err), 0, "read");
	is_int((long long)story.count, STORY_LINES, "the newest of it");
	is_str(story.lines[STORY_LINES - 1].text, "line 2999", "up to the last");
	is_str(story.lines[0].text, "line 2800", "and none is missing");
	ok(story.more, "there were more");
}

/* Hooks of one domain run at once. */
static void test_crowd(void)
{
	AUTO_STORY struct story story = { 0 };
	struct error err = { 0 };
	bool seen[4][40] = { { false } };
	int missing = 0;

	unlink(PATH);
	for (int who = 0; who < 4; who++)
		if (fork() == 0) {
			for (int i = 0; i < 40; i++)
				story_tell(LOG_LEVEL_INFO, "win", UUID, "who %d line %d", who, i);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	is_int(story_read(UUID, &story, &err), 0, "read");
	for (size_t i = 0; i < story.count; i++) {
		int who, line;

		if (sscanf(story.lines[i].text, "who %d line %d", &who, &line) == 2 &&
		    who >= 0 && who < 4 && line >= 0 && line < 40)
			seen[who][line] = true;
	}
	for (int i = 0; i < 160; i++)
		missing += !seen[i / 40][i % 40];
	is_int(missing, 0, "what four tell at once is all there");
}

static void test_age(void)
{
	is_int(story_age("1970-01-01T00:01:00Z", 100), 40, "an age");
	is_int(story_age("1970-01-01T00:01:00Z", 10), 0, "a clock that was set back");
	is_int(story_age("", 10), -1, "no time");
	is_int(story_age("1970-01-01T00:01:00", 10), -1, "not of this form");
	is_int(story_age("1970-01-01T00:01:00Zx", 10), -1, "with something behind it");
}

int main(void)
{
	enter_namespace();
	test_telling();
	test_rubbish();
	test_growing();
	test_crowd();
	test_age();
	return done_testing();
}
