// SPDX-License-Identifier: GPL-2.0-or-later
/* test-endreason.c - what each of libvirt's shutoff reasons means */

#include "hook/lifecycle/endreason.h"

#include "tests/tap.h"

int main(void)
{
	/* Every virDomainShutoffReason of libvirt 9.0.0 to 11.3.0, as
	 * virDomainShutoffReasonTypeToString() writes it. */
	static const struct {
		const char *reason;
		enum session_end want;
	} cases[] = {
		{ "unknown", SESSION_END_UNCLEAN },
		{ "shutdown", SESSION_END_CLEAN },
		{ "destroyed", SESSION_END_UNCLEAN },
		{ "crashed", SESSION_END_UNCLEAN },
		{ "migrated", SESSION_END_OPEN },
		{ "saved", SESSION_END_OPEN },
		{ "failed", SESSION_END_UNCLEAN },
		{ "from snapshot", SESSION_END_OPEN },
		{ "daemon", SESSION_END_OPEN },
		/* and what is none of them */
		{ "", SESSION_END_UNCLEAN },
		{ "-", SESSION_END_UNCLEAN },
		{ "Shutdown", SESSION_END_UNCLEAN },
		{ "shutdown ", SESSION_END_UNCLEAN },
		{ " shutdown", SESSION_END_UNCLEAN },
		{ "shutdown\n", SESSION_END_UNCLEAN },
		{ "shutdownx", SESSION_END_UNCLEAN },
		{ "shut", SESSION_END_UNCLEAN },
		{ "a reason that libvirt may invent one day", SESSION_END_UNCLEAN },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int(session_end_of(cases[i].reason), cases[i].want,
		       "reason \"%s\"", cases[i].reason);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int(session_end_is_guess(cases[i].reason),
		       strcmp(cases[i].reason, "crashed") == 0 ||
		       strcmp(cases[i].reason, "unknown") == 0,
		       "reason \"%s\", a guess", cases[i].reason);
	return done_testing();
}
