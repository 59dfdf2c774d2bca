// SPDX-License-Identifier: GPL-2.0-or-later
/* test-record.c - structs as lines of key and value, written and read back */

#include "hook/state/record.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/domain/phase.h"
#include "tests/tap.h"

struct thing {
	char text[16], bytes[16];
	bool flag;
	int small;
	long long large;
	uint32_t half;
	uint64_t whole;
	enum phase phase;
	enum { RED, GREEN } colour;
};

static const char *const colours[] = { "red", "green", NULL };

#define MEMBER(member) RECORD_MEMBER(struct thing, member)
static const struct record_field fields[] = {
	{ "text", RECORD_TEXT, MEMBER(text), NULL },
	{ "bytes", RECORD_BYTES, MEMBER(bytes), NULL },
	{ "flag", RECORD_FLAG, MEMBER(flag), NULL },
	{ "small", RECORD_INT, MEMBER(small), NULL },
	{ "large", RECORD_INT, MEMBER(large), NULL },
	{ "half", RECORD_UINT, MEMBER(half), NULL },
	{ "whole", RECORD_UINT, MEMBER(whole), NULL },
	{ "phase", RECORD_PHASE, MEMBER(phase), NULL },
	{ "colour", RECORD_WORD, MEMBER(colour), colours },
};

static const struct thing full = {
	"a b=c", "x\xff", true, -2147483647 - 1, -9223372036854775807 - 1, UINT32_MAX,
	UINT64_MAX, PHASE_TRIAL, GREEN,
};

static char path[] = "/tmp/busflip-record.XXXXXX";

static int set(struct thing *t, const char *key, const char *value)
{
	return record_set(fields, ARRAY_SIZE(fields), t, key, value);
}

static void test_values(void)
{
	static const struct {
		const char *key, *value;
		int want;
	} cases[] = {
		{ "text", "fifteen letters", 1 }, { "text", "sixteen letters.", -1 },
		{ "text", "", 1 }, { "flag", "1", 1 }, { "flag", "0", 1 },
		{ "small", "2147483647", 1 }, { "small", "2147483648", -1 },
		{ "small", "-2147483649", -1 }, { "small", "x", -1 }, { "small", "1x", -1 },
		{ "small", "", -1 }, { "large", "-9223372036854775808", 1 },
		{ "large", "9223372036854775808", -1 }, { "half", "4294967295", 1 },
		{ "half", "4294967296", -1 }, { "whole", "18446744073709551615", 1 },
		{ "whole", "18446744073709551616", -1 }, { "phase", "held", 1 },
		{ "phase", "gone", -1 }, { "colour", "red", 1 }, { "colour", "blue", -1 },
		{ "shape", "round", 0 }, { "", "", 0 }, { "tex", "x", 0 },
	};
	struct thing t = full;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		is_int(set(&t, cases[i].key, cases[i].value), cases[i].want, "%s: \"%s\"",
		       cases[i].key, cases[i].value);
	ok(t.colour == RED && t.half == UINT32_MAX && t.small == 2147483647,
	   "a value that is none changes nothing");
	is_int(t.phase, PHASE_COUNT, "but for a phase");
}

static int read_back(struct thing *t)
{
	struct error err;

	memset(t, 0, sizeof(*t));
	return record_read(path, fields, ARRAY_SIZE(fields), t, &err);
}

static void test_file(void)
{
	static const char want[] =
		"busflip 1\ntext a b=c\nbytes x\xff\nflag 1\nsmall -2147483648\n"
		"large -9223372036854775808\nhalf 4294967295\nwhole 18446744073709551615\n"
		"phase trial\ncolour green\nend\n";
	AUTO_FD int fd = -1;
	struct thing t;
	struct error err = { 0 };
	char text[512] = "";

	ok(record_write(path, fields, ARRAY_SIZE(fields), &full, &err) == 0, "written");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ok(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "there is a file");
	is_str(text, want, "as it ever was");
	is_int(read_back(&t), 1, "read");
	ok(!strcmp(t.text, full.text) && !strcmp(t.bytes, full.bytes) && t.flag &&
	   t.small == full.small && t.large == full.large && t.half == full.half &&
	   t.whole == full.whole && t.phase == full.phase && t.colour == full.colour,
	   "all of it");
	t = full;
	strcpy(t.text, "x\nflag 0\nend");
	ok(record_write(path, fields, ARRAY_SIZE(fields), &t, &err) == 0 && read_back(&t) == 1 &&
	   t.flag, "text begins no line");
	is_str(t.text, "x?flag 0?end", "it is made printable");
	unlink(path);
	is_int(read_back(&t), 0, "none is none");
}

int main(void)
{
	int fd = mkstemp(path);

	cleanup_close(&fd);
	test_values();
	test_file();
	return done_testing();
}
