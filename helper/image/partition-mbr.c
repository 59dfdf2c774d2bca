// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * partition-mbr.c - the four entries of an MBR, and the chain of logical drives
 *
 * An extended partition holds a list of boot records, one per logical drive: entry 0 is the
 * drive, relative to its own record; entry 1 the next record, relative to the start of the
 * extended partition. The list is limited and must go forward, so that a loop ends.
 */

#include "helper/image/partition-formats.h"

#include "helper/shared/refusal.h"

#define MBR_ENTRIES 446u
#define MBR_TYPE_LDM 0x42

struct mbr_entry mbr_entry_get(const uint8_t *sector, unsigned int index)
{
	const uint8_t *p = sector + MBR_ENTRIES + index * 16;

	return (struct mbr_entry){ .type = p[4], .first = get_le32(p + 8),
				   .sectors = get_le32(p + 12) };
}

static bool is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0F || type == 0x85;
}

static enum partition_role role_of(uint8_t type)
{
	switch (type) {
	case MBR_TYPE_LDM:
		return ROLE_DYNAMIC;
	case 0xE7:
		return ROLE_STORAGE_SPACES;
	case 0xEF:
		return ROLE_ESP;
	case 0x27:
		return ROLE_RECOVERY;
	default:
		return ROLE_DATA;
	}
}

static int add(const struct image *image, struct partition_table *table,
	       unsigned int number, struct mbr_entry e, uint64_t base,
	       struct error *err)
{
	struct partition part = {
		.number = number, .mbr_type = e.type, .role = role_of(e.type),
	};

	return partition_add(image, table, part, base + e.first, e.sectors,
			     err);
}

static int read_record(struct image *image, uint64_t lba, uint8_t sector[512],
		       struct error *err)
{
	/* 33 bits times 512 at most: no overflow. */
	if (image_read(image, lba * 512, sector, 512, err) < 0)
		return fail(err, REFUSE_PARTITION_TABLE,
			    "extended boot record %llu can't be read",
			    (unsigned long long)lba);
	if (sector[510] != 0x55 || sector[511] != 0xAA)
		return fail(err, REFUSE_PARTITION_TABLE,
			    "extended boot record %llu has no signature",
			    (unsigned long long)lba);
	return 0;
}

static int scan_logical(struct image *image, struct mbr_entry extended,
			struct partition_table *table, struct error *err)
{
	uint64_t lba = extended.first;

	for (unsigned int n = 0; n < PARTITION_LOGICAL_LIMIT; n++) {
		struct mbr_entry drive, next;
		uint8_t sector[512];

		if (read_record(image, lba, sector, err) < 0)
			return -1;
		drive = mbr_entry_get(sector, 0);
		next = mbr_entry_get(sector, 1);
		if (drive.type && drive.sectors &&
		    add(image, table, 5 + n, drive, lba, err) < 0)
			return -1;
		if (!next.sectors || !is_extended(next.type))
			return 0;
		if (!range_ok(next.first, 1, extended.sectors) ||
		    (uint64_t)extended.first + next.first <= lba)
			return fail(err, REFUSE_PARTITION_TABLE,
				    "the chain of logical drives leaves its partition or loops at "
				    "sector %llu",
				    (unsigned long long)lba);
		lba = (uint64_t)extended.first + next.first;
	}
	return fail(err, REFUSE_PARTITION_TABLE,
		    "more than %d logical drives", PARTITION_LOGICAL_LIMIT);
}

int partition_scan_mbr(struct image *image, const uint8_t mbr[512],
		       struct partition_table *table, struct error *err)
{
	table->scheme = SCHEME_MBR;
	for (unsigned int i = 0; i < 4; i++) {
		struct mbr_entry e = mbr_entry_get(mbr, i);

		/* Windows accepts no other flags, and neither do boot loaders: this is a boot
		 * sector without a partition table. */
		if (mbr[MBR_ENTRIES + i * 16] & 0x7F)
			return fail(err, REFUSE_PARTITION_TABLE,
				    "the first sector is not a partition table");
		if (!e.type || !e.sectors)
			continue;
		if (is_extended(e.type)) {
			if (scan_logical(image, e, table, err) < 0)
				return -1;
		} else if (add(image, table, i + 1, e, 0, err) < 0) {
			return -1;
		}
	}
	return 0;
}
