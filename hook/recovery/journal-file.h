/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journal-file.h - what journal.c and journal-file.c share */
#ifndef BUSFLIP_JOURNAL_FILE_H
#define BUSFLIP_JOURNAL_FILE_H

#include "hook/recovery/journal.h"

#define JOURNAL_RUN_LIMIT 65536u

struct journal_run {
	uint64_t off;
	uint32_t len;
	uint8_t *old, *new;	/* owned */
};

struct journal {
	struct image_identity image;
	struct journal_run *runs;
	size_t count, room;
	uint64_t end;		/* of the last run */
	uint64_t bytes;		/* of all runs */
};

#endif
