/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * partition-formats.h - the two formats of a partition table, for partition.c
 */
#ifndef BUSFLIP_PARTITION_FORMATS_H
#define BUSFLIP_PARTITION_FORMATS_H

#include "helper/image/partition-list.h"

/* partition_scan_gpt() - Return 1 found, 0 no GPT, -1 damaged. */
int partition_scan_gpt(struct image *image, struct partition_table *table,
		       struct error *err);

/* partition_scan_mbr() - @mbr is the first sector, with its 55 AA checked. */
int partition_scan_mbr(struct image *image, const uint8_t mbr[512],
		       struct partition_table *table, struct error *err);

/* The four entries of an MBR or an extended boot record. */
struct mbr_entry {
	uint8_t type;
	uint32_t first, sectors;
};
struct mbr_entry mbr_entry_get(const uint8_t *sector, unsigned int index);

#endif
