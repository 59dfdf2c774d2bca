// SPDX-License-Identifier: GPL-2.0-or-later
/* test-evidence.c - what each of libvirt's shutoff reasons means */

#include "hook/lifecycle/endreason.h"

#include "tests/tap.h"

int main(void)
{
	/* Every virDomainShutoffReason of libvirt 9.0.0 to 11.3.0, as
	 * virDomainShutoffReasonTypeToString() writes it. */
	static const struct {
		const char *reason;
		enum evidence want;
	} cases[] = {
		{ "unknown", EVIDENCE_FAILS },
		{ "shutdown", EVIDENCE_HOLDS },
		{ "destroyed", EVIDENCE_FAILS },
		{ "crashed", EVIDENCE_FAILS },
		{ "migrated", EVIDENCE_OPEN },
		{ "saved", EVIDENCE_OPEN },
		{ "failed", EVIDENCE_FAILS },
		{ "from snapshot", EVIDENCE_OPEN },
		{ "daemon", EVIDENCE_OPEN },
		/* and what is none of them */
		{ "", EVIDENCE_FAILS },
		{ "-", EVIDENCE_FAILS },
		{ "Shutdown", EVIDENCE_FAILS },
		{ "shutdown ", EVIDENCE_FAILS },
		{ " shutdown", EVIDENCE_FAILS },
		{ "shutdown\n", EVIDENCE_FAILS },
		{ "shutdownx", EVIDENCE_FAILS },
		{ "shut", EVIDENCE_FAILS },
		{ "a reason that libvirt may invent one day", EVIDENCE_FAILS },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int(evidence_from_reason(cases[i].reason), cases[i].want,
		       "reason \"%s\"", cases[i].reason);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int(evidence_is_guess(cases[i].reason),
		       strcmp(cases[i].reason, "crashed") == 0 ||
		       strcmp(cases[i].reason, "unknown") == 0,
		       "reason \"%s\", a guess", cases[i].reason);
	return done_testing();
}
