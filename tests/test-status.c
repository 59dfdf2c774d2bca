// SPDX-License-Identifier: GPL-2.0-or-later
/* test-status.c - the table of status fits its width with any content; ages; metrics */

#include "hook/command/status.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "tests/tap.h"

static struct summary row(const char *name, enum phase phase, const char *reason)
{
	struct summary s = {
		.tagged = true, .has_state = true, .valid = true, .phase = phase,
		.bus = BUS_SATA, .target_bus = BUS_VIRTIO,
		.disk = "sda", .since = "1970-01-01T00:00:00Z",
		.at = "1970-01-01T00:00:00Z",
		.uuid = "12345678-9abc-def0-1234-56789abcdef0",
	};

	str_fits(s.name, sizeof(s.name), name);
	str_fits(s.reason, sizeof(s.reason), reason);
	return s;
}

/* The caller frees it. */
static char *table_of(struct summary *rows, size_t count, struct status_look look)
{
	const struct status_list list = { .rows = rows, .count = count };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out) {
		status_table(&list, &look, out);
		fclose(out);
	}
	return text;
}

/* Of the widest line, in columns of a terminal; -1: one that is no text. */
static int width_of(char *text)
{
	int widest = 0;

	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		wchar_t wide[512];
		size_t n = mbstowcs(wide, line, ARRAY_SIZE(wide));
		int width = n == (size_t)-1 ? -1 : wcswidth(wide, n);

		if (width < 0)
			return -1;
		widest = width > widest ? width : widest;
	}
	return widest;
}

static void test_width(void)
{
	struct summary rows[] = {
		row("win", PHASE_STAGED, "short"),
		row("a-name-that-is-as-long-as-some-people-think-a-name-should-be-0123456789",
		    PHASE_HELD, "and a reason which is a good deal longer than any line of a "
		    "terminal, since it tells all conditions that did not hold"),
		row("\344\270\255\346\226\207\344\270\255\346\226\207\344\270\255\346\226\207"
		    "\344\270\255\346\226\207\344\270\255\346\226\207\344\270\255\346\226\207",
		    PHASE_TRIAL, "\360\237\246\206\360\237\246\206\360\237\246\206 ducks"),
		row("b\303\274ro\033[31m\n", PHASE_DONE, "\xff\xfe broken \033]0;x\007"),
		row("", PHASE_NONE, ""),
	};
	static const int widths[] = { 60, 61, 79, 80, 81, 100, 132, 400 };

	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		AUTO_FREE char *text = table_of(rows, ARRAY_SIZE(rows),
			(struct status_look){ .width = widths[i], .now = 90 });
		int lines = 0;

		for (const char *p = text; *p; p++)
			lines += *p == '\n';
		is_int(lines, 6, "a header and a line for each");
		ok(!strpbrk(text, "\033\007\177"), "nothing that a terminal obeys");
		has_str(text, "sata>virtio", "where it is and where it is to end");
		ok(width_of(text) > 0 && width_of(text) <= widths[i], "%d columns fit %d",
		   width_of(text), widths[i]);
	}
}

/* A reason is cut between words, and says in a word what is to be done. */
static void test_words(void)
{
	struct summary rows[] = {
		row("win", PHASE_STAGED, "no shutdown, but not ready for VirtIO: stays"),
		row("long", PHASE_STAGED, "averylongwordthatisinthereasonwhereverthatcomesfrom"),
		row("two words of a long name", PHASE_STAGED, "short"),
	};
	AUTO_FREE char *text = NULL;

	rows[0].waits = "virtio_win";
	rows[1].waits = "virtio_win";
	rows[1].running = true;
	text = table_of(rows, ARRAY_SIZE(rows), (struct status_look){ .width = 80, .now = 90 });
	has_str(text, " no shutdown...\n", "words");
	has_str(text, " averylongwordth...\n", "a part of a long one");
	has_str(text, "virtio_win", "what it waits for");
	has_str(text, "a shutdown", "once it is off");
}

static void test_rows(void)
{
	struct summary rows[20];
	AUTO_FREE char *few = NULL, *all = NULL, *bright = NULL, *none = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		rows[i] = row("win", PHASE_STAGED, "x");
	rows[0].valid = false;
	few = table_of(rows, 20, (struct status_look){ .width = 80, .rows = 10 });
	has_str(few, "and 12 more\n", "as many as there is room for");
	all = table_of(rows, 20, (struct status_look){ .width = 80, .rows = 21 });
	ok(!strstr(all, "more"), "all, when there is just room");
	has_str(all, "disable --force", "what one that is damaged waits for");
	ok(!strchr(all, '\033'), "no colour unless it is asked for");
	bright = table_of(rows, 2, (struct status_look){ .width = 80, .colour = true });
	has_str(bright, "\033[36mstaged  \033[0m", "in colour");
	has_str(bright, "\033[31mdamaged \033[0m", "damaged has one, too");
	none = table_of(rows, 0, (struct status_look){ .width = 80 });
	is_str(none, "", "no domain, no table");
}

static void test_ages(void)
{
	static const struct {
		long long seconds;
		const char *want;
	} cases[] = {
		{ -1, "-" }, { 0, "0s" }, { 59, "59s" }, { 119, "119s" }, { 120, "2m" },
		{ 7199, "119m" }, { 7200, "2h" }, { 172799, "47h" }, { 172800, "2d" },
		{ 13 * 86400, "13d" }, { 14 * 86400, "2w" }, { 400LL * 7 * 86400, "400w" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[24];

		status_age(cases[i].seconds, text);
		is_str(text, cases[i].want, "%lld seconds", cases[i].seconds);
		ok(strlen(text) <= 4, "fits its column");
	}
}

static void test_metrics(void)
{
	struct summary rows[] = {
		row("q\"uo\\te\n", PHASE_TRIAL, ""), row("b", PHASE_TRIAL, ""),
		row("c", PHASE_NONE, ""),
	};
	const struct status_list list = { .rows = rows, .count = 3 };
	AUTO_FREE char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	rows[0].attempts = 2;
	rows[1].since[0] = '\0';
	rows[2].valid = false;
	if (!out)
		return;
	status_prometheus(&list, 1000, out);
	fclose(out);
	has_str(text, "busflip_domains{phase=\"trial\"} 2\n", "by phase");
	has_str(text, "busflip_domains{phase=\"held\"} 0\n", "also where there is none");
	has_str(text, "busflip_domain_attempts{domain=\"q\\\"uo\\\\te?\",uuid=\"12345678-9abc-"
		"def0-1234-56789abcdef0\",phase=\"trial\"} 2\n", "a label is quoted");
	has_str(text, "phase_seconds{domain=\"q\\\"uo\\\\te?\",uuid=\"12345678-9abc-def0-1234-"
		"56789abcdef0\",phase=\"trial\"} 1000\n", "seconds in its phase");
	has_str(text, "phase=\"trial\"} 0\n", "none that are known: 0");
	has_str(text, "busflip_domains{phase=\"damaged\"} 1\n", "damaged counts");
	has_str(text, "busflip_domains{phase=\"none\"} 0\n", "and not as none");
}

static void test_story(void)
{
	struct story_line lines[] = {
		{ "1970-01-01T00:00:01Z", "one" }, { "1970-01-01T00:00:02Z", "again" },
		{ "1970-01-01T00:00:03Z", "again" }, { "1970-01-01T00:00:04Z", "again" },
	};
	const struct story story = { .lines = lines, .count = 4, .more = true };
	const struct story empty = { .count = 0 };
	const struct status_look look = { .width = 80, .now = 5 };
	struct summary s = row("win", PHASE_STAGED, "why");
	AUTO_FREE char *text = NULL, *bare = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	s.attempts = 1;
	status_story(&s, &story, NULL, "go on.", &look, out);
	fclose(out);
	has_str(text, "win: staged since 1970-01-01 00:00:00 (5s)\n", "where it stands");
	has_str(text, "sda on sata, to end on virtio; it is off; 1 failed attempt\n",
		"on which bus");
	has_str(text, "(earlier lines are not kept)\n1970-01-01 00:00:01  one\n", "what happened");
	has_str(text, "one\n1970-01-01 00:00:04  again\n", "once");
	has_str(text, "(and 2 times before)\n", "and how often");
	has_str(text, "\nNext: go on.\n", "what comes next");
	out = open_memstream(&bare, &len);
	status_story(&s, &empty, "no\033", "go on.", &look, out);
	fclose(out);
	has_str(bare, "1970-01-01 00:00:00  staged: why\n", "without a story, its last decision");
	has_str(bare, "can't be read: no?\n", "and why there is none");
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	setlocale(LC_CTYPE, "C.UTF-8");
	test_width();
	test_words();
	test_rows();
	test_ages();
	test_metrics();
	test_story();
	return done_testing();
}
