// SPDX-License-Identifier: GPL-2.0-or-later
/* evidence.c - what is known of the session that just ended */

#include "hook/evidence.h"

#include <string.h>

#include "helper/base.h"

/*
 * Saved and migrated sessions go on later or elsewhere, with the devices they
 * have: to flip the bus under them would be wrong in either direction. A
 * revert to a snapshot has replaced definition and disk together, so the
 * phase that came with it stands.
 */
static const struct {
	const char *reason;
	enum evidence evidence;
} reasons[] = {
	{ "shutdown", EVIDENCE_HOLDS },
	{ "destroyed", EVIDENCE_FAILS },
	{ "crashed", EVIDENCE_FAILS },
	{ "failed", EVIDENCE_FAILS },
	{ "daemon", EVIDENCE_FAILS },
	{ "unknown", EVIDENCE_FAILS },
	{ "saved", EVIDENCE_OPEN },
	{ "migrated", EVIDENCE_OPEN },
	{ "from snapshot", EVIDENCE_OPEN },
};

enum evidence evidence_from_reason(const char *reason)
{
	for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++)
		if (strcmp(reasons[i].reason, reason) == 0)
			return reasons[i].evidence;
	return EVIDENCE_FAILS;
}
