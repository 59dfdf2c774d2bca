// SPDX-License-Identifier: GPL-2.0-or-later
/* test-findings.c - output lines of a helper that may have been taken over */

#include "hook/disk/findings.h"

#include "tests/tap.h"

static struct findings read_text(const char *text)
{
	static char copy[70000];
	struct guestdisk_result result = { .evidence_len = strlen(text) };
	struct findings f;

	strcpy(copy, text);
	result.evidence = (uint8_t *)copy;
	findings_read(&result, &f);
	return f;
}

static void test_usual(void)
{
	struct findings f = read_text(
		"flip=no\nbooted=unknown\n"
		"condition=volume-clean\nholds=yes\ngates=yes\nfound=clean\nfrom=volume\n"
		"condition=booted\nholds=unknown\ngates=yes\nfound=never\nfrom=SYSTEM\\a=b\n"
		"condition=sata-ready\nholds=no\ngates=no\nfound=\nfrom=\n"
		"last_use=12\n");

	is_int((long long)f.count, 3, "three conditions");
	ok(!f.flip, "no flip");
	is_str(f.list[0].name, "volume-clean", "its name");
	ok(f.list[0].holds == VERDICT_YES && f.list[1].holds == VERDICT_UNKNOWN &&
	   f.list[2].holds == VERDICT_NO, "yes, unknown, no");
	ok(f.list[0].gates && f.list[1].gates && !f.list[2].gates, "which ones gate");
	is_str(f.list[0].found, "clean", "what was found");
	is_str(f.list[1].where, "SYSTEM\\a=b", "and where");
	is_str(f.list[2].found, "", "or nothing");
	ok(read_text("flip=yes\n").flip, "flip");
}

static void test_hostile(void)
{
	static char text[70000];
	struct findings f;

	f = read_text("condition=\033[31m\nholds=maybe\nfound=a\033]0;x\a\xc2\x9b""1m\n");
	is_int((long long)f.count, 1, "one with a name that is none");
	is_str(f.list[0].name, "", "is not called so");
	ok(f.list[0].holds == VERDICT_UNKNOWN && f.list[0].gates,
	   "what is not said is not known, and gates");
	ok(!strpbrk(f.list[0].found, "\033\a") && !strstr(f.list[0].found, "\xc2\x9b"),
	   "nothing in it that a terminal obeys");
	is_int((long long)read_text("holds=yes\nfound=x\nno line\n=\n").count, 0,
	       "values of no condition");
	for (int i = 0; i < 100; i++)
		strcat(text, "condition=a\nholds=yes\n");
	is_int((long long)read_text(text).count, FINDINGS_LIMIT, "too many");
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "condition=a\nfound=", 18);
	is_int((long long)read_text(text).count, 0, "too much");
	text[40000] = '\0';
	f = read_text(text);
	is_str(f.list[0].found, "", "a line that is too long");
	findings_read(&(struct guestdisk_result){ .changed = false }, &f);
	is_int((long long)f.count, 0, "nothing at all");
}

/* What fails, as a text and back. */
static void test_list(void)
{
	struct findings f = { .count = 3, .list = {
		{ .name = "booted", .gates = true, .holds = VERDICT_YES },
		{ .name = "driver-service", .gates = true, .holds = VERDICT_NO,
		  .found = "not set up" },
		{ .name = "device-bound", .gates = true, .found = "no instance; none of it" },
	} };
	struct findings read;
	char text[256], reason[512] = "";

	findings_list(&f, text, sizeof(text));
	is_str(text, "driver-service (not set up); device-bound (no instance; none of it)",
	       "those that fail");
	snprintf(reason, sizeof(reason), "stays on SATA, as it was: not ready: %s", text);
	is_int((long long)findings_parse(reason, &read), 2, "as many come back");
	ok(finding_fails(&read.list[0]) && finding_fails(&read.list[1]), "they fail");
	is_str(read.list[0].name, "driver-service", "the first of them");
	is_str(read.list[0].found, "not set up", "what was found");
	is_str(read.list[1].name, "device-bound", "and the second");
	findings_list(&f, text, 36);
	is_str(text, "driver-service (not set up)...", "as much as fits, in words");
	is_int((long long)findings_parse(text, &read), 1, "of which one comes back");
	is_int((long long)findings_parse("no Windows found (MBR table); a: b (c", &read), 1,
	       "a text that is no list");
	is_str(read.list[0].found, "c", "one that is cut off");
	is_int((long long)findings_parse("", &read), 0, "nothing");
	memset(reason, 'x', sizeof(reason) - 1);
	memcpy(reason, "a (", 3);
	is_int((long long)findings_parse(reason, &read), 1, "too long");
	is_int((long long)strlen(read.list[0].found), sizeof(read.list[0].found) - 1, "is cut");
	memcpy(reason, ": name", 6);
	memset(reason + 6, 'x', 100);
	is_int((long long)findings_parse(reason, &read), 0, "a name that is too long");
	for (size_t i = 0; i < sizeof(reason) - 7; i += 7)
		memcpy(reason + i, "; a (b)", 7);
	is_int((long long)findings_parse(reason, &read), FINDINGS_LIMIT, "too many");
}

int main(void)
{
	test_list();
	test_usual();
	test_hostile();
	return done_testing();
}
