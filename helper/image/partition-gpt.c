// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * partition-gpt.c - a GUID partition table, by its primary or backup header
 *
 * UEFI specification 2.10, chapter 5. A header is valid only if its own CRC and that of the
 * entries match. The primary is at sector 1 of 512 or of 4096 bytes, the backup in the last
 * sector of the disk. If only one of them is valid the disk is still read, and the caller
 * informed.
 */

#include "helper/image/partition-formats.h"

#include <stdlib.h>
#include <string.h>

#include "helper/shared/crc32.h"
#include "helper/shared/refusal.h"

#define GPT_HEADER_MIN 92u
#define GPT_ENTRY_MIN 128u
#define GPT_ENTRY_MAX 4096u

struct gpt {
	uint64_t lba, backup;		/* of this header, of the other one */
	uint64_t first, last;		/* usable sectors */
	uint64_t entries;		/* first sector of the entries */
	uint32_t count, size, crc;	/* of the entries */
	uint8_t disk_id[16];
};

static const struct {
	uint8_t guid[16];
	enum partition_role role;
} roles[] = {
	/* C12A7328-F81F-11D2-BA4B-00A0C93EC93B */
	{ { 0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
	    0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b }, ROLE_ESP },
	/* E3C9E316-0B5C-4DB8-817D-F92DF00215AE */
	{ { 0x16, 0xe3, 0xc9, 0xe3, 0x5c, 0x0b, 0xb8, 0x4d,
	    0x81, 0x7d, 0xf9, 0x2d, 0xf0, 0x02, 0x15, 0xae }, ROLE_MSR },
	/* DE94BBA4-06D1-4D40-A16A-BFD50179D6AC */
	{ { 0xa4, 0xbb, 0x94, 0xde, 0xd1, 0x06, 0x40, 0x4d,
	    0xa1, 0x6a, 0xbf, 0xd5, 0x01, 0x79, 0xd6, 0xac }, ROLE_RECOVERY },
	/* 5808C8AA-7E8F-42E0-85D2-E1E90434CFB3: LDM metadata */
	{ { 0xaa, 0xc8, 0x08, 0x58, 0x8f, 0x7e, 0xe0, 0x42,
	    0x85, 0xd2, 0xe1, 0xe9, 0x04, 0x34, 0xcf, 0xb3 }, ROLE_DYNAMIC },
	/* AF9B60A0-1431-4F62-BC68-3311714A69AD: LDM data */
	{ { 0xa0, 0x60, 0x9b, 0xaf, 0x31, 0x14, 0x62, 0x4f,
	    0xbc, 0x68, 0x33, 0x11, 0x71, 0x4a, 0x69, 0xad }, ROLE_DYNAMIC },
	/* E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D */
	{ { 0x8f, 0xaf, 0x5c, 0xe7, 0x80, 0xf6, 0xee, 0x4c,
	    0xaf, 0xa3, 0xb0, 0x01, 0xe5, 0x6e, 0xfc, 0x2d },
	  ROLE_STORAGE_SPACES },
};

static enum partition_role role_of(const uint8_t type[16])
{
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (!memcmp(roles[i].guid, type, 16))
			return roles[i].role;
	return ROLE_DATA;
}

/* Read and check the header at @lba; false if anything is wrong. */
static bool read_header(struct image *image, uint64_t lba, unsigned int sector,
			struct gpt *gpt)
{
	uint8_t h[PARTITION_SECTOR_MAX];
	uint64_t off, table;
	uint32_t size, crc;

	if (!mul_ok(lba, sector, &off) ||
	    image_read(image, off, h, sector, NULL) < 0 ||
	    memcmp(h, "EFI PART", 8) != 0)
		return false;
	size = get_le32(h + 12);
	crc = get_le32(h + 16);
	if (size < GPT_HEADER_MIN || size > sector)
		return false;
	put_le32(h + 16, 0);
	if (crc32_update(0, h, size) != crc)
		return false;
	gpt->lba = get_le64(h + 24);
	gpt->backup = get_le64(h + 32);
	gpt->first = get_le64(h + 40);
	gpt->last = get_le64(h + 48);
	memcpy(gpt->disk_id, h + 56, 16);
	gpt->entries = get_le64(h + 72);
	gpt->count = get_le32(h + 80);
	gpt->size = get_le32(h + 84);
	gpt->crc = get_le32(h + 88);
	return gpt->lba == lba && gpt->first <= gpt->last &&
	       gpt->count <= PARTITION_LIMIT && gpt->size >= GPT_ENTRY_MIN &&
	       gpt->size <= GPT_ENTRY_MAX && gpt->size % 8 == 0 &&
	       mul_ok(gpt->entries, sector, &table) &&
	       range_ok(table, (uint64_t)gpt->count * gpt->size,
			image_size(image));
}

/* The entries of @gpt, or NULL if they don't match their CRC. At most PARTITION_LIMIT *
 * GPT_ENTRY_MAX, one MiB. */
static uint8_t *read_entries(struct image *image, const struct gpt *gpt,
			     unsigned int sector)
{
	size_t len = (size_t)gpt->count * gpt->size;
	AUTO_FREE uint8_t *entries = malloc(len + 1);

	if (!entries ||
	    image_read(image, gpt->entries * sector, entries, len, NULL) < 0 ||
	    crc32_update(0, entries, len) != gpt->crc)
		return NULL;
	return steal(&entries);
}

static uint8_t *load(struct image *image, uint64_t lba, unsigned int sector,
		     struct gpt *gpt)
{
	if (!read_header(image, lba, sector, gpt))
		return NULL;
	return read_entries(image, gpt, sector);
}

static int add_entries(const struct image *image, const struct gpt *gpt,
		       const uint8_t *entries, struct partition_table *table,
		       struct error *err)
{
	static const uint8_t unused[16];

	for (uint32_t i = 0; i < gpt->count; i++) {
		const uint8_t *e = entries + (size_t)i * gpt->size;
		uint64_t first = get_le64(e + 32), last = get_le64(e + 40);
		struct partition part = { .number = i + 1 };

		if (!memcmp(e, unused, 16))
			continue;
		if (first > last || first < gpt->first || last > gpt->last)
			return fail(err, REFUSE_PARTITION_TABLE,
				    "partition %u (sectors %llu to %llu) is "
				    "outside of what the GPT calls usable",
				    part.number, (unsigned long long)first,
				    (unsigned long long)last);
		memcpy(part.type, e, 16);
		memcpy(part.id, e + 16, 16);
		part.role = role_of(e);
		/* first > 0, so the sum is at most last. */
		if (!first || partition_add(image, table, part, first,
					    last - first + 1, err) < 0)
			return first ? -1
				: fail(err, REFUSE_PARTITION_TABLE,
				       "partition %u starts at sector 0",
				       part.number);
	}
	return 0;
}

/* Two valid headers must agree. */
static bool agree(const struct gpt *a, const struct gpt *b)
{
	return a->backup == b->lba && b->backup == a->lba &&
	       a->first == b->first && a->last == b->last &&
	       a->count == b->count && a->size == b->size && a->crc == b->crc &&
	       !memcmp(a->disk_id, b->disk_id, 16);
}

static int scan(struct image *image, unsigned int sector,
		struct partition_table *table, struct error *err)
{
	uint64_t last = image_size(image) / sector - 1;
	struct gpt primary, backup;
	AUTO_FREE uint8_t *first = load(image, 1, sector, &primary);
	AUTO_FREE uint8_t *second = load(image, last, sector, &backup);

	/* A disk image that was enlarged has its backup at the former end of the disk. */
	if (first && !second && primary.backup < last)
		second = load(image, primary.backup, sector, &backup);
	if (!first && !second)
		return 0;
	if (first && second && !agree(&primary, &backup))
		return fail(err, REFUSE_PARTITION_TABLE,
			    "the two GPT headers are both valid and "
			    "contradict each other");
	table->scheme = SCHEME_GPT;
	table->sector = sector;
	table->primary_bad = !first;
	table->backup_bad = !second;
	memcpy(table->disk_id, (first ? &primary : &backup)->disk_id, 16);
	if (add_entries(image, first ? &primary : &backup,
			first ? first : second, table, err) < 0)
		return -1;
	return 1;
}

int partition_scan_gpt(struct image *image, struct partition_table *table,
		       struct error *err)
{
	static const unsigned int sectors[] = { 512, 4096 };

	for (size_t i = 0; i < ARRAY_SIZE(sectors); i++) {
		int found;

		if (image_size(image) / sectors[i] < 3)
			continue;
		found = scan(image, sectors[i], table, err);
		if (found)
			return found;
	}
	return 0;
}
