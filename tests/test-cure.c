// SPDX-License-Identifier: GPL-2.0-or-later
/* test-cure.c - the cure for each refusal */

#include "hook/host/cure.h"

#include <errno.h>
#include <string.h>

#include "helper/shared/refusal.h"
#include "tests/tap.h"

/* What these refuse says itself what to do: it differs from case to case. */
static const enum refusal on_their_own[] = {
	REFUSE_IN_USE, REFUSE_FORMAT, REFUSE_BITLOCKER,
	REFUSE_HIBERNATED, REFUSE_FAST_STARTUP, REFUSE_LOG_UNCLEAN, REFUSE_VOLUME_DIRTY,
	REFUSE_CONTROL_SET, REFUSE_MOVED_ON, REFUSE_NO_BACKUP,
};

static bool is_on_its_own(int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(on_their_own); i++)
		if ((int)on_their_own[i] == code)
			return true;
	return false;
}

static void test_each(void)
{
	for (int code = (int)REFUSE_FIRST; code <= (int)REFUSE_LAST; code++) {
		const char *always = cure_of(code), *at_import = cure_at_import(code);

		ok(!always == is_on_its_own(code), "refusal %d: %s", refusal_exit_code(code),
		   always ? always : "says it itself");
		ok(!always || at_import, "also at the import: %s",
		   at_import ? at_import : "nothing");
	}
	ok(!cure_of(ENOENT) && !cure_at_import(EINVAL) && !cure_of(0),
	   "an error that says itself what is not there, or wrong, has none");
}

/* What the host or busflip itself lacks, whatever it was doing. */
static void test_host(void)
{
	static const int codes[] = { ENOMEM, ENOSPC, EIO, EMFILE, ENFILE, ENAMETOOLONG, EPROTO };

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		ok(cure_of(codes[i]) && cure_of(codes[i]) == cure_at_import(codes[i]), "%s: %s",
		   strerror(codes[i]), cure_of(codes[i]) ? cure_of(codes[i]) : "nothing");
}

static void test_append(void)
{
	struct error err;

	fail(&err, REFUSE_NO_SPACE, "no space");
	is_int(cure_append(&err), -1, "it gives -1");
	is_str(err.msg, "no space; free space on the volume of Windows", "behind what is wrong");
	fail(&err, ENOENT, "not there");
	is_int(cure_append(&err), -1, "without a cure too");
	is_str(err.msg, "not there", "which leaves the words as they are");
	is_int(cure_append(NULL), -1, "no error to put it behind");
}

int main(void)
{
	test_each();
	test_host();
	test_append();
	return done_testing();
}
