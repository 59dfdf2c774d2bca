// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * partition.c - the partition table of a disk as a list of checked ranges
 *
 * First the whole disk is checked for a file system of Windows, since an NTFS boot sector also
 * ends in 55 AA. Then GPT, if the protective MBR announces it, then MBR. Only a disk without a
 * table is checked for what other systems write: their headers lie behind the first sector, and
 * may be left over from before there was a table.
 */

#include "helper/image/partition.h"

#include <stdlib.h>
#include <string.h>

#include "helper/image/partition-formats.h"
#include "helper/shared/refusal.h"

/* BitLocker To Go looks like FAT32; this GUID distinguishes it. */
static const uint8_t bitlocker_to_go[16] = {
	0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a,
	0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01,
};

struct signature {
	size_t at;
	const char *bytes;
	size_t len;
	enum partition_content content;
};

/* In the first sector. */
static const struct signature signatures[] = {
	{ 3, "NTFS    ", 8, CONTENT_NTFS },
	{ 3, "-FVE-FS-", 8, CONTENT_BITLOCKER },
	{ 3, "EXFAT   ", 8, CONTENT_EXFAT },
	{ 3, "ReFS\0\0\0\0", 8, CONTENT_REFS },
	{ 424, (const char *)bitlocker_to_go, 16, CONTENT_BITLOCKER },
	{ 82, "FAT32   ", 8, CONTENT_FAT },
	{ 54, "FAT16   ", 8, CONTENT_FAT },
	{ 54, "FAT12   ", 8, CONTENT_FAT },
};

/* LUKS: both versions. LVM: a label in any of the first four sectors (lib/label/label.h of
 * LVM2). VMFS: vmfs.c of libblkid. */
static const struct signature foreign[] = {
	{ 0, "LUKS\xba\xbe", 6, CONTENT_LUKS },
	{ 0 + 24, "LVM2 001", 8, CONTENT_LVM },
	{ 512 + 24, "LVM2 001", 8, CONTENT_LVM },
	{ 1024 + 24, "LVM2 001", 8, CONTENT_LVM },
	{ 1536 + 24, "LVM2 001", 8, CONTENT_LVM },
	{ 1048576, "\x0d\xd0\x01\xc0", 4, CONTENT_VMFS },
};

static int foreign_of(struct image *image, uint64_t off, uint64_t len,
		      enum partition_content *content, struct error *err)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		const struct signature *s = &foreign[i];

		if (!range_ok(s->at, s->len, len))
			continue;
		if (image_read(image, off + s->at, bytes, s->len, err) < 0)
			return -1;
		if (memcmp(bytes, s->bytes, s->len) == 0) {
			*content = s->content;
			return 0;
		}
	}
	return 0;
}

static int content_of(struct image *image, uint64_t off, uint64_t len,
		      enum partition_content *content, struct error *err)
{
	uint8_t sector[512];

	*content = CONTENT_UNKNOWN;
	if (len < sizeof(sector))
		return 0;
	if (image_read(image, off, sector, sizeof(sector), err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
		if (memcmp(sector + signatures[i].at, signatures[i].bytes,
			   signatures[i].len) == 0) {
			*content = signatures[i].content;
			return 0;
		}
	}
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct partition *x = a, *y = b;

	return (x->off > y->off) - (x->off < y->off);
}

static int by_number(const void *a, const void *b)
{
	const struct partition *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static int check_overlap(struct partition_table *table, struct error *err)
{
	struct partition *p = table->list;

	qsort(p, table->count, sizeof(*p), by_offset);
	for (size_t i = 1; i < table->count; i++)
		if (p[i].off - p[i - 1].off < p[i - 1].len)
			return fail(err, REFUSE_PARTITION_TABLE,
				    "partitions %u and %u overlap",
				    p[i - 1].number, p[i].number);
	qsort(p, table->count, sizeof(*p), by_number);
	return 0;
}

static int whole_disk(struct image *image, struct partition_table *table,
		      struct error *err)
{
	struct partition part = { .number = 1 };
	enum partition_content content;

	if (content_of(image, 0, image_size(image), &content, err) < 0)
		return -1;
	if (content == CONTENT_UNKNOWN)
		return 0;
	table->scheme = SCHEME_NONE;
	if (partition_add(image, table, part, 0, image_size(image) / 512,
			  err) < 0)
		return -1;
	table->list[0].content = content;
	return 1;
}

static int no_table(struct image *image, struct error *err)
{
	enum partition_content content = CONTENT_UNKNOWN;

	if (foreign_of(image, 0, image_size(image), &content, err) < 0)
		return -1;
	if (content != CONTENT_UNKNOWN)
		return fail(err, REFUSE_NO_WINDOWS, "no Windows found: the disk as a whole has "
			    "%s, and no partition table", partition_content_name(content));
	return fail(err, REFUSE_PARTITION_TABLE, "the disk has no partition table");
}

static int scan_table(struct image *image, struct partition_table *table,
		      struct error *err)
{
	uint8_t mbr[512];
	int found;

	if (image_read(image, 0, mbr, sizeof(mbr), err) < 0)
		return -1;
	if (mbr[510] != 0x55 || mbr[511] != 0xAA)
		return no_table(image, err);
	table->mbr_signature = get_le32(mbr + 440);
	for (unsigned int i = 0; i < 4; i++) {
		if (mbr_entry_get(mbr, i).type != 0xEE)
			continue;
		found = partition_scan_gpt(image, table, err);
		if (found < 0)
			return -1;
		if (found)
			return 0;
		return fail(err, REFUSE_PARTITION_TABLE,
			    "the MBR announces a GPT, but neither of its headers exists");
	}
	return partition_scan_mbr(image, mbr, table, err);
}

int partition_scan(struct image *image, struct partition_table *table,
		   struct error *err)
{
	int found;

	memset(table, 0, sizeof(*table));
	table->sector = 512;
	if (image_size(image) < 512)
		return fail(err, REFUSE_PARTITION_TABLE,
			    "the disk is smaller than one sector");
	found = whole_disk(image, table, err);
	if (found)
		return found < 0 ? -1 : 0;
	if (scan_table(image, table, err) < 0 ||
	    check_overlap(table, err) < 0)
		return -1;
	for (size_t i = 0; i < table->count; i++) {
		struct partition *p = &table->list[i];

		if (content_of(image, p->off, p->len, &p->content, err) < 0 ||
		    (p->content == CONTENT_UNKNOWN &&
		     foreign_of(image, p->off, p->len, &p->content, err) < 0))
			return -1;
	}
	return 0;
}
