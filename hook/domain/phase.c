// SPDX-License-Identifier: GPL-2.0-or-later
/* phase.c - the names of the phases */

#include "hook/domain/phase.h"

#include <assert.h>
#include <string.h>

#include "helper/shared/base.h"

static const char *const names[] = {
	[PHASE_NONE] = "none",
	[PHASE_STAGED] = "staged",
	[PHASE_TRIAL] = "trial",
	[PHASE_DONE] = "done",
	[PHASE_HELD] = "held",
};
static_assert(ARRAY_SIZE(names) == PHASE_COUNT, "a name for each phase");

const char *phase_name(enum phase phase)
{
	return phase < PHASE_COUNT ? names[phase] : "unknown";
}

const char *phase_said(enum phase phase)
{
	return phase == PHASE_TRIAL ? "on trial" : phase == PHASE_NONE ? "not staged" :
		phase_name(phase);
}

enum phase phase_parse(const char *name)
{
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return (enum phase)i;
	return PHASE_COUNT;
}
