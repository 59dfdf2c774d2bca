/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drivers-internal.h - shared by drivers.c (reading) and driverpick.c */
#ifndef BUSFLIP_DRIVERS_INTERNAL_H
#define BUSFLIP_DRIVERS_INTERNAL_H

#include "helper/drivers/drivers.h"

/* 14 Windows versions, 3 architectures, some 4 files, in two layouts. */
#define DRIVER_ENTRIES 512u

struct driver_entry {
	char os[32], arch[32], name[64];
	char directory[FACT_TEXT];	/* for messages: "viostor/w10/amd64" */
	uint64_t size;
	int fd;			/* or -1 */
	uint8_t *data;		/* or NULL */
};

struct drivers {
	const char *driver;	/* "viostor" */
	char shown[FACT_TEXT];	/* path of the tree, for messages */
	int iso;		/* to be read; -1: read, or a directory */
	bool has_links;		/* number of links, which were not followed */
	uint64_t bytes;
	struct driver_entry entries[DRIVER_ENTRIES];
	size_t n;
};

#endif
