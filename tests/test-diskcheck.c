// SPDX-License-Identifier: GPL-2.0-or-later
/* test-diskcheck.c - the result of a disk check as stored in a pending record */

#include "hook/lifecycle/diskcheck.h"

#include "tests/tap.h"

int main(void)
{
	/* Of records that any version has left. */
	static const struct {
		const char *word;
		bool readable;
		enum verdict verdict;
	} cases[] = {
		{ "holds", true, VERDICT_YES },
		{ "fails", true, VERDICT_NO },
		{ "unknown", true, VERDICT_UNKNOWN },
		{ "unreadable", false, VERDICT_UNKNOWN },
	};
	static const char *const others[] = { "", "yes", "hold", "holds " };
	struct diskcheck_result result;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		diskcheck_parse(cases[i].word, &result);
		ok(result.readable == cases[i].readable && result.verdict == cases[i].verdict,
		   "%s, read", cases[i].word);
		is_str(diskcheck_name(&result), cases[i].word, "and written");
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		diskcheck_parse(others[i], &result);
		ok(!result.readable, "\"%s\" says nothing", others[i]);
	}
	return done_testing();
}
