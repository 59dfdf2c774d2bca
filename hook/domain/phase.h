/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * phase.h - the phases of a domain's conversion to VirtIO
 */
#ifndef BUSFLIP_PHASE_H
#define BUSFLIP_PHASE_H

#include <stdbool.h>

enum phase {
	PHASE_NONE,	/* only the tag: nothing done yet */
	PHASE_STAGED,	/* on SATA, with the bait: needs a good session */
	PHASE_TRIAL,	/* on VirtIO, not yet proven */
	PHASE_DONE,	/* on VirtIO for good */
	PHASE_HELD,	/* left as it is until "busflip retry" */
	PHASE_COUNT
};

const char *phase_name(enum phase phase);
/* phase_said() - the phase as the end of a sentence: "it is on trial". */
const char *phase_said(enum phase phase);
/* phase_parse() - PHASE_COUNT if @name is not a phase. */
enum phase phase_parse(const char *name);

#endif
