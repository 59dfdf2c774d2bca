/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * findings.h - the helper's result for each condition for VirtIO
 *
 * It comes from a process that has read a hostile disk, as lines "key=value" in the evidence
 * section of its reply; what is returned here is printable. A condition has five lines,
 * "condition" first:
 *
 *	condition=driver-service
 *	holds=no
 *	gates=yes
 *	found=not set up
 *	from=SYSTEM\ControlSet001\Services\viostor
 */
#ifndef BUSFLIP_FINDINGS_H
#define BUSFLIP_FINDINGS_H

#include "hook/disk/guestdisk.h"
#include "hook/state/record.h"

/* findings_each() - call @each for all lines, in order. */
void findings_each(const struct guestdisk_result *result, record_line_fn *each,
		   void *context);

struct finding {
	char name[32];
	enum verdict holds;
	bool gates;		/* must hold before the disk goes to VirtIO */
	char found[256];
	char where[384];	/* place in the registry, or file */
};

/* More than the number of conditions in the helper. */
#define FINDINGS_LIMIT 32

struct findings {
	struct finding list[FINDINGS_LIMIT];
	size_t count;
	bool flip;		/* true if all gating conditions hold */
};

void findings_read(const struct guestdisk_result *result, struct findings *findings);

/* finding_fails() - true if it keeps the disk from VirtIO. */
bool finding_fails(const struct finding *finding);

/*
 * findings_list() - the conditions that fail as "NAME (FOUND); NAME (FOUND)", as much of it as
 * fits. findings_parse() - from a text that ends with such a list, which may be cut off: all in it
 * fail. "cut off" means that FOUND may be a beginning. Return: how many.
 */
void findings_list(const struct findings *findings, char *text, size_t size);
size_t findings_parse(const char *text, struct findings *findings);

#endif
