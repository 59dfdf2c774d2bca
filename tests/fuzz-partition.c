// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-partition.c - partition tables from arbitrary bytes; ranges must stay on the disk
 */

#include "tests/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "helper/image/fat.h"
#include "helper/image/partition.h"
#include "helper/shared/crc32.h"

/* The CRCs of a GPT are made right, or hardly any input would get past them. */
static void seal(uint8_t *disk, size_t size)
{
	uint8_t *h = disk + 512;
	uint64_t at = size >= 1024 ? get_le64(h + 72) : 0;
	uint64_t len = size >= 1024 ? (uint64_t)get_le32(h + 80) *
				      get_le32(h + 84) : 0;

	if (size < 1024 || memcmp(h, "EFI PART", 8) != 0)
		return;
	if (at < size / 512 && range_ok(at * 512, len, size))
		put_le32(h + 88, crc32_update(0, disk + at * 512, len));
	put_le32(h + 16, 0);
	if (get_le32(h + 12) <= 512)
		put_le32(h + 16, crc32_update(0, h, get_le32(h + 12)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct partition_table table;
	uint8_t *disk = malloc(size + 1);
	struct image *image = NULL;
	struct error err;

	if (size)
		memcpy(disk, data, size);
	seal(disk, size);
	if (image_open_memory(disk, size, &image, &err) == 0 &&
	    partition_scan(image, &table, &err) == 0)
		for (size_t i = 0; i < table.count; i++)
			if (!table.list[i].len ||
			    !range_ok(table.list[i].off, table.list[i].len, size))
				abort();
	if (image)
		fat_has_loader(image, 0, size, &err);
	image_close(image);
	free(disk);
	return 0;
}

/* FAT12 with a directory, "EFI", whose chain is a loop. */
__attribute__((unused))
static uint8_t *fat_seed(size_t *len)
{
	uint8_t *d = calloc(1, *len = 65536);

	put_le16(d + 11, 512);
	d[13] = d[14] = d[16] = 1;
	put_le16(d + 17, 16);
	put_le16(d + 19, 128);
	put_le16(d + 22, 1);
	put_le32(d + 512, 0x2FFF);
	put_le32(d + 515, 0x2002);
	memcpy(d + 1024, "EFI        \x10", 12);
	put_le16(d + 1024 + 26, 2);
	memcpy(d + 1536, "BOOT       \x10", 12);
	put_le16(d + 1536 + 26, 2);
	memset(d + 1536 + 32, ' ', 480);
	return d;
}

__attribute__((unused))
static uint8_t *fuzz_seed(size_t index, size_t *len)
{
	uint8_t *d, *h;

	if (index == 1)
		return fat_seed(len);
	if (index)
		return NULL;
	d = calloc(1, *len = 65536);
	h = d + 512;
	d[450] = 0xEE;
	put_le32(d + 454, 1);
	put_le32(d + 458, 127);
	d[510] = 0x55;
	d[511] = 0xAA;
	memcpy(h, "EFI PART\0\0\1\0\x5c\0\0\0", 16);
	put_le64(h + 24, 1);
	put_le64(h + 32, 127);
	put_le64(h + 40, 34);
	put_le64(h + 48, 120);
	put_le64(h + 72, 2);
	put_le32(h + 80, 16);
	put_le32(h + 84, 128);
	d[1024] = 1;
	put_le64(d + 1024 + 32, 40);
	put_le64(d + 1024 + 40, 60);
	return d;
}
