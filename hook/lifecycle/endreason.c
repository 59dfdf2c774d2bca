// SPDX-License-Identifier: GPL-2.0-or-later
/* endreason.c - how the session ended, from libvirt's reason */

#include "hook/lifecycle/endreason.h"

#include <string.h>

#include "helper/shared/base.h"

/*
 * Saved and migrated sessions continue later or elsewhere, with the devices they have: changing
 * the bus under them would be wrong in either direction. A revert to a snapshot has replaced
 * definition and disk together, so the phase that came with it is right. "daemon" is a libvirtd
 * that was restarted while it started the guest, and then destroys it (measured, 9.0.0, with
 * kill -9): that says nothing about Windows, and the trial is repeated.
 */
static const struct {
	const char *reason;
	enum session_end evidence;
} reasons[] = {
	{ "shutdown", SESSION_END_CLEAN },
	{ "destroyed", SESSION_END_UNCLEAN },
	{ "crashed", SESSION_END_UNCLEAN },
	{ "failed", SESSION_END_UNCLEAN },
	{ "unknown", SESSION_END_UNCLEAN },
	{ "saved", SESSION_END_OPEN },
	{ "migrated", SESSION_END_OPEN },
	{ "from snapshot", SESSION_END_OPEN },
	{ "daemon", SESSION_END_OPEN },
};

enum session_end session_end_of(const char *reason)
{
	for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++)
		if (strcmp(reasons[i].reason, reason) == 0)
			return reasons[i].evidence;
	return SESSION_END_UNCLEAN;
}

bool session_end_is_guess(const char *reason)
{
	return strcmp(reason, "crashed") == 0 || strcmp(reason, "unknown") == 0;
}

bool session_end_is_pause(const char *reason)
{
	return strcmp(reason, "saved") == 0;
}
