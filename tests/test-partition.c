// SPDX-License-Identifier: GPL-2.0-or-later
/* test-partition.c - partition tables in memory, valid and hostile */

#include <stdlib.h>
#include <string.h>

#include "helper/image/partition.h"
#include "helper/shared/crc32.h"
#include "helper/shared/refusal.h"
#include "tests/tap.h"

#define MIB (1024u * 1024)
#define SIZE (64u * MIB)

static uint8_t *disk;
static struct partition_table table;
static struct error err;

static void fresh(void)
{
	free(disk);
	disk = calloc(1, SIZE);
}

static int scan(uint64_t size)
{
	struct image *image = NULL;
	int r;

	memset(&err, 0, sizeof(err));
	image_open_memory(disk, size, &image, NULL);
	r = partition_scan(image, &table, &err);
	image_close(image);
	return r;
}

static void mbr_put(uint64_t sector, unsigned int index, uint8_t type,
		    uint32_t first, uint32_t count)
{
	uint8_t *p = disk + sector * 512 + 446 + index * 16;

	p[4] = type;
	put_le32(p + 8, first);
	put_le32(p + 12, count);
	disk[sector * 512 + 510] = 0x55;
	disk[sector * 512 + 511] = 0xAA;
}

static const uint8_t basic_data[16] = {
	0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44,
	0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7,
};

struct gpt_shape {
	unsigned int sector;
	uint64_t first, last;		/* of partition 1 */
};

static void gpt_entry(uint8_t *entries, unsigned int index, uint64_t first,
		      uint64_t last)
{
	memcpy(entries + index * 128, basic_data, 16);
	entries[index * 128 + 16] = (uint8_t)(index + 1);
	put_le64(entries + index * 128 + 32, first);
	put_le64(entries + index * 128 + 40, last);
}

static uint8_t *gpt_header(unsigned int sector, bool backup)
{
	return disk + (backup ? SIZE - sector : sector);
}

static uint8_t *gpt_entries(unsigned int sector, bool backup)
{
	return disk + (backup ? SIZE - sector - 128 * 128 : 2 * sector);
}

static void gpt_seal(unsigned int sector, bool backup)
{
	uint8_t *h = gpt_header(sector, backup);

	put_le32(h + 88, crc32_update(0, gpt_entries(sector, backup),
				      128 * 128));
	put_le32(h + 16, 0);
	put_le32(h + 16, crc32_update(0, h, 92));
}

static void gpt_put(const struct gpt_shape *s)
{
	uint64_t lbas = SIZE / s->sector;

	mbr_put(0, 0, 0xEE, 1, 0xFFFFFFFF);
	for (int backup = 0; backup < 2; backup++) {
		uint8_t *h = gpt_header(s->sector, backup);

		memcpy(h, "EFI PART\0\0\1\0\x5c\0\0\0", 16);
		put_le64(h + 24, backup ? lbas - 1 : 1);
		put_le64(h + 32, backup ? 1 : lbas - 1);
		put_le64(h + 40, 6 + 128 * 128 / s->sector);
		put_le64(h + 48, lbas - 6 - 128 * 128 / s->sector);
		h[56] = 42;
		put_le64(h + 72, (uint64_t)(gpt_entries(s->sector, backup) -
					    disk) / s->sector);
		put_le32(h + 80, 128);
		put_le32(h + 84, 128);
		gpt_entry(gpt_entries(s->sector, backup), 0, s->first, s->last);
		gpt_seal(s->sector, backup);
	}
}

/* What other systems write, on the whole disk or in a partition. */
static void test_foreign(void)
{
	static const struct {
		size_t at;
		const char *bytes, *name;
	} kinds[] = {
		{ 0, "LUKS\xba\xbe", "LUKS encryption" }, { 24, "LVM2 001", "LVM" },
		{ 512 + 24, "LVM2 001", "LVM" }, { 1536 + 24, "LVM2 001", "LVM" },
		{ 1048576, "\x0d\xd0\x01\xc0", "VMFS" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *bytes = kinds[i].bytes, *name = kinds[i].name;

		fresh();
		memcpy(disk + kinds[i].at, bytes, strlen(bytes));
		ok(scan(SIZE) < 0 && err.code == REFUSE_NO_WINDOWS && strstr(err.msg, name),
		   "at %zu: %s", kinds[i].at, err.msg);
		fresh();
		mbr_put(0, 0, 7, 2048, 4096);
		memcpy(disk + 2048 * 512 + kinds[i].at, bytes, strlen(bytes));
		ok(scan(SIZE) == 0 && partition_content_is_foreign(table.list[0].content),
		   "in a partition: %s", partition_content_name(table.list[0].content));
		/* A header that was left behind. */
		memcpy(disk + kinds[i].at, bytes, strlen(bytes));
		ok(kinds[i].at == 0 || (scan(SIZE) == 0 && table.scheme == SCHEME_MBR),
		   "with a partition table, that counts");
	}
}

static void test_mbr(void)
{
	fresh();
	ok(scan(SIZE) < 0 && err.code == REFUSE_PARTITION_TABLE,
	   "an empty disk has no table");
	ok(scan(100) < 0, "a disk smaller than a sector");
	test_foreign();
	fresh();
	mbr_put(0, 0, 7, 2048, 4096);
	mbr_put(0, 2, 7, 8192, 4096);
	memcpy(disk + 2048 * 512 + 3, "NTFS    ", 8);
	memcpy(disk + 8192 * 512 + 3, "-FVE-FS-", 8);
	ok(scan(SIZE) == 0 && table.scheme == SCHEME_MBR &&
	   table.count == 2, "two primary partitions");
	ok(table.list[0].number == 1 && table.list[1].number == 3 &&
	   table.list[0].off == 2048 * 512 &&
	   table.list[1].len == 4096 * 512, "numbers and places");
	ok(table.list[0].content == CONTENT_NTFS, "NTFS");
	ok(table.list[1].content == CONTENT_BITLOCKER, "BitLocker");
	mbr_put(0, 1, 0x42, 20000, 100);
	ok(scan(SIZE) == 0 && table.list[1].role == ROLE_DYNAMIC,
	   "type 42 is a dynamic disk");
	mbr_put(0, 3, 7, 10000, 100);
	ok(scan(SIZE) < 0 && err.code == REFUSE_PARTITION_TABLE,
	   "overlap is refused");
	mbr_put(0, 3, 7, 131000, 100);
	ok(scan(SIZE) < 0, "beyond the end is refused");
	mbr_put(0, 3, 7, 0xFFFFFFFF, 0xFFFFFFFF);
	ok(scan(SIZE) < 0, "the largest numbers are refused");
	mbr_put(0, 3, 7, 130000, 0);
	ok(scan(SIZE) == 0 && table.count == 3, "an empty one is left out");
	disk[446] = 0x33;
	ok(scan(SIZE) < 0, "a boot sector of something else");
}

static void test_logical(void)
{
	fresh();
	mbr_put(0, 0, 7, 2048, 2048);
	mbr_put(0, 1, 0x0f, 8192, 40000);
	mbr_put(8192, 0, 7, 64, 1000);
	mbr_put(8192, 1, 5, 10000, 2000);
	mbr_put(18192, 0, 7, 64, 1000);
	memcpy(disk + (18192 + 64) * 512 + 3, "NTFS    ", 8);
	ok(scan(SIZE) == 0 && table.count == 3, "two logical drives");
	ok(table.list[1].number == 5 && table.list[2].number == 6 &&
	   table.list[2].off == (18192 + 64) * 512 &&
	   table.list[2].content == CONTENT_NTFS, "and where they are");
	mbr_put(18192, 1, 5, 0, 2000);
	ok(scan(SIZE) < 0 || table.count == 3,
	   "a chain back to its start is refused");
	mbr_put(18192, 1, 5, 10000, 2000);
	ok(scan(SIZE) < 0, "a chain that stays is refused");
	mbr_put(18192, 1, 5, 39999, 1);
	ok(scan(SIZE) < 0, "a record without signature is refused");
	mbr_put(18192, 1, 5, 40000, 1);
	ok(scan(SIZE) < 0, "a chain that leaves is refused");
	fresh();
	mbr_put(0, 1, 5, 1000, 100000);
	for (uint32_t i = 0; i < 65; i++) {
		mbr_put(1000 + i * 10, 0, 7, 1, 1);
		mbr_put(1000 + i * 10, 1, 5, (i + 1) * 10, 10);
	}
	ok(scan(SIZE) < 0, "an endless chain is refused");
}

static void test_gpt(unsigned int sector)
{
	const struct gpt_shape shape = { sector, 8192, 9000 };
	uint8_t *p;

	fresh();
	gpt_put(&shape);
	memcpy(disk + 8192 * sector + 3, "NTFS    ", 8);
	ok(scan(SIZE) == 0 && table.scheme == SCHEME_GPT &&
	   table.sector == sector && table.count == 1, "GPT of %u", sector);
	ok(table.list[0].off == 8192ull * sector &&
	   table.list[0].len == 809ull * sector &&
	   table.list[0].content == CONTENT_NTFS && table.disk_id[0] == 42,
	   "its partition");
	ok(!table.primary_bad && !table.backup_bad, "both headers good");

	gpt_header(sector, false)[60] ^= 1;
	ok(scan(SIZE) == 0 && table.primary_bad && table.count == 1,
	   "bad CRC of the primary: the backup is used");
	gpt_header(sector, true)[60] ^= 1;
	ok(scan(SIZE) < 0 && err.code == REFUSE_PARTITION_TABLE,
	   "both bad: refused, not taken for an MBR");
	gpt_header(sector, false)[60] ^= 1;
	ok(scan(SIZE) == 0 && table.backup_bad, "only the primary is good");

	gpt_put(&shape);
	gpt_entries(sector, false)[40] ^= 1;
	ok(scan(SIZE) == 0 && table.primary_bad, "bad CRC of the entries");

	gpt_put(&shape);
	p = gpt_header(sector, true);
	p[56] = 43;
	gpt_seal(sector, true);
	ok(scan(SIZE) < 0, "headers that contradict each other: refused");

	gpt_put(&shape);
	ok(scan(SIZE / 2 + 4096 * 4096) == 0 ? table.backup_bad
	   : err.code == REFUSE_PARTITION_TABLE,
	   "cut short: the backup is gone");
}

/* One partition with these bounds, in both tables, with right CRCs. */
static int scan_bounds(uint64_t first, uint64_t last)
{
	const struct gpt_shape shape = { 512, first, last };

	fresh();
	gpt_put(&shape);
	return scan(SIZE);
}

static void test_gpt_bounds(void)
{
	ok(scan_bounds(9000, 8192) < 0, "ends before it starts");
	ok(scan_bounds(9000, 9000) == 0, "one sector");
	ok(scan_bounds(9000, UINT64_MAX) < 0, "ends at 2^64");
	ok(scan_bounds(0, UINT64_MAX) < 0, "everything");
	/* A product that wraps to something small. */
	ok(scan_bounds(0x38000000000000, 0x38000000000001) < 0,
	   "far behind the end");
	ok(scan_bounds(0x80000000000000, 0x80000000001000) < 0,
	   "wraps to zero");
	ok(scan_bounds(2, 100) < 0, "over the entries");

	fresh();
	gpt_put(&(struct gpt_shape){ 512, 8192, 9000 });
	for (int backup = 0; backup < 2; backup++) {
		gpt_entry(gpt_entries(512, backup), 5, 9000, 9100);
		gpt_seal(512, backup);
	}
	ok(scan(SIZE) < 0 && err.code == REFUSE_PARTITION_TABLE,
	   "overlap is refused");
}

static void gpt_number(size_t at, uint64_t value, size_t width)
{
	fresh();
	gpt_put(&(struct gpt_shape){ 512, 8192, 9000 });
	for (int backup = 0; backup < 2; backup++) {
		uint8_t *h = gpt_header(512, backup);

		if (width == 8)
			put_le64(h + at, value);
		else
			put_le32(h + at, (uint32_t)value);
		put_le32(h + 16, 0);
		put_le32(h + 16, crc32_update(0, h, 92));
	}
}

static void test_gpt_header(void)
{
	static const struct {
		const char *name;
		size_t at;
		uint64_t value;
		size_t width;
	} cases[] = {
		{ "header size 0", 12, 0, 4 },
		{ "header size of 4 GiB", 12, UINT32_MAX, 4 },
		{ "header size of 513", 12, 513, 4 },
		{ "entries at 2^64 - 1", 72, UINT64_MAX, 8 },
		{ "entries that wrap", 72, 0x80000000000000, 8 },
		{ "4 billion entries", 80, UINT32_MAX, 4 },
		{ "entries of 4 GiB", 84, UINT32_MAX, 4 },
		{ "entries of 0 bytes", 84, 0, 4 },
		{ "entries of 129 bytes", 84, 129, 4 },
		{ "header of another sector", 24, 7, 8 },
		{ "last usable before first", 48, 1, 8 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		gpt_number(cases[i].at, cases[i].value, cases[i].width);
		ok(scan(SIZE) < 0 && err.code == REFUSE_PARTITION_TABLE,
		   "refused: %s", cases[i].name);
	}
}

static void test_whole_disk(void)
{
	fresh();
	memcpy(disk + 3, "NTFS    ", 8);
	disk[510] = 0x55;
	disk[511] = 0xAA;
	ok(scan(SIZE) == 0 && table.scheme == SCHEME_NONE &&
	   table.count == 1 && table.list[0].len == SIZE,
	   "NTFS right on the disk");
}

int main(void)
{
	test_mbr();
	test_logical();
	test_gpt(512);
	test_gpt(4096);
	test_gpt_bounds();
	test_gpt_header();
	test_whole_disk();
	free(disk);
	return done_testing();
}
