/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * findings.h - what the helper says about each condition for VirtIO
 *
 * It comes from a process that has read a hostile disk: lines "key=value" in the
 * evidence section of its reply, printable when they come out of here. A condition
 * is five of them, "condition" first:
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

/* findings_each() - all lines, in order. */
typedef void findings_fn(void *context, const char *key, const char *value);
void findings_each(const struct guestdisk_result *result, findings_fn *each,
		   void *context);

enum holds { HOLDS_UNKNOWN, HOLDS_NO, HOLDS_YES };

struct finding {
	char name[32];
	enum holds holds;
	bool gates;		/* must hold before the disk goes to VirtIO */
	char found[256];
	char where[384];	/* place in the registry, or file */
};

/* More than the helper knows conditions. */
#define FINDINGS_LIMIT 32

struct findings {
	struct finding list[FINDINGS_LIMIT];
	size_t count;
	bool flip;		/* all that gate hold */
};

void findings_read(const struct guestdisk_result *result, struct findings *findings);

#endif
