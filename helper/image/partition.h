/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * partition.h - the partition table of a disk as a list of checked ranges
 *
 * partition_scan() reads the table through image.h, and examines the first bytes of each
 * partition for its content. Every range in the list lies within the disk, is not empty, and
 * overlaps no other; a table that violates this is refused as a whole, because on such a disk
 * it is not known whose bytes a write would change.
 */
#ifndef BUSFLIP_PARTITION_H
#define BUSFLIP_PARTITION_H

#include "helper/image/partition-list.h"

/* partition_scan() - Return 0 with @table filled, or -1: REFUSE_PARTITION_TABLE if there is
 * none or it is damaged, REFUSE_NO_WINDOWS if the whole disk is something of another system,
 * an errno value if reading failed. */
int partition_scan(struct image *image, struct partition_table *table,
		   struct error *err);

#endif
