/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * phase.h - where a domain is on its way to VirtIO
 */
#ifndef BUSFLIP_PHASE_H
#define BUSFLIP_PHASE_H

#include <stdbool.h>

enum phase {
	PHASE_NONE,	/* the tag only: nothing done yet */
	PHASE_STAGED,	/* on SATA, with the bait: waits for a good session */
	PHASE_TRIAL,	/* on VirtIO, not yet proven */
	PHASE_DONE,	/* on VirtIO for good */
	PHASE_HELD,	/* stays as it is until "busflip retry" */
	PHASE_COUNT
};

const char *phase_name(enum phase phase);
/* phase_parse() - PHASE_COUNT when @name is no phase. */
enum phase phase_parse(const char *name);

#endif
