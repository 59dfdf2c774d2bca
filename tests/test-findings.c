// SPDX-License-Identifier: GPL-2.0-or-later
/* test-findings.c - lines of a helper that may have been taken over */

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

int main(void)
{
	test_usual();
	test_hostile();
	return done_testing();
}
