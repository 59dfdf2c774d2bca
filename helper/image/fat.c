// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fat.c - directories of a FAT volume, by their short names
 *
 * Microsoft: "FAT: General Overview of On-Disk Format" 1.03. All names that are searched for fit
 * into eight and three characters, so each has such an entry, in capital letters, whatever its
 * long name is. Nothing on the disk is believed: every range is checked against the volume, and
 * the number of entries read is limited, so a chain of clusters that is a loop ends.
 */

#include "helper/image/fat.h"

#include <string.h>

#include "helper/shared/refusal.h"

#define ENTRY 32u
#define ENTRY_LIMIT 16384u
#define NAME 11u
#define ATTRIBUTE_VOLUME 0x08
#define ATTRIBUTE_DIRECTORY 0x10

struct fat {
	struct image *image;
	uint64_t off, len;		/* of the volume */
	uint64_t table, root, data;	/* offsets in it */
	uint64_t cluster;		/* bytes of one */
	uint32_t clusters;		/* numbered from 2 */
	uint32_t root_entries;		/* 0: the root is a chain, from .root_cluster */
	uint32_t root_cluster;
	unsigned int bits;		/* 12, 16 or 32 */
};

static int fat_read(const struct fat *fat, uint64_t at, void *buf, size_t len, struct error *err)
{
	if (!range_ok(at, len, fat->len))
		return fail(err, REFUSE_VOLUME_DAMAGED, "FAT: something lies behind the volume");
	return image_read(fat->image, fat->off + at, buf, len, err);
}

static bool is_power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

static int fat_open(struct fat *fat, struct error *err)
{
	uint8_t b[512] = { 0 };
	uint64_t sectors, table_sectors, first;
	uint32_t sector, reserved, count;

	if (fat_read(fat, 0, b, sizeof(b), err) < 0)
		return -1;
	sector = get_le16(b + 11);
	reserved = get_le16(b + 14);
	count = b[16];
	fat->root_entries = get_le16(b + 17);
	sectors = get_le16(b + 19) ? get_le16(b + 19) : get_le32(b + 32);
	table_sectors = get_le16(b + 22) ? get_le16(b + 22) : get_le32(b + 36);
	/* Each factor has 32 bits at most, and is multiplied by 16 bits. */
	first = reserved + count * table_sectors +
		((uint64_t)fat->root_entries * ENTRY + sector - 1) / (sector ? sector : 1);
	if (!is_power_of_two(sector) || sector < 512 || sector > 4096 || !is_power_of_two(b[13]) ||
	    !reserved || !count || !table_sectors || first >= sectors ||
	    sectors > fat->len / sector)
		return fail(err, REFUSE_VOLUME_DAMAGED, "FAT: invalid boot sector");
	fat->cluster = (uint64_t)sector * b[13];
	fat->table = (uint64_t)reserved * sector;
	fat->root = (reserved + count * table_sectors) * sector;
	fat->data = first * sector;
	fat->clusters = (uint32_t)((sectors - first) / b[13]);
	fat->bits = fat->clusters < 4085 ? 12 : fat->clusters < 65525 ? 16 : 32;
	fat->root_cluster = get_le32(b + 44);
	return 0;
}

/* The cluster behind @cluster; not a valid number at the end of the chain. */
static int next_cluster(const struct fat *fat, uint32_t *cluster, struct error *err)
{
	uint64_t at = fat->table + (uint64_t)*cluster * fat->bits / 8;
	uint8_t b[4] = { 0 };

	if (fat_read(fat, at, b, fat->bits == 32 ? 4 : 2, err) < 0)
		return -1;
	if (fat->bits == 12)
		*cluster = *cluster & 1 ? get_le16(b) >> 4 : get_le16(b) & 0xFFF;
	else
		*cluster = get_le32(b) & 0x0FFFFFFF;
	return 0;
}

static bool is_valid(const struct fat *fat, uint32_t cluster)
{
	return cluster >= 2 && cluster - 2 < fat->clusters;
}

/* Where entry @index of a directory is: 1, 0 at its end, -1. @cluster: the one that the entries
 * before are in; 0 for a root that is no chain. */
static int find_entry(const struct fat *fat, uint32_t index, uint32_t *cluster, uint64_t *at,
		      struct error *err)
{
	uint32_t per_cluster = (uint32_t)(fat->cluster / ENTRY);

	if (!*cluster) {
		*at = fat->root + (uint64_t)index * ENTRY;
		return index < fat->root_entries;
	}
	if (index && index % per_cluster == 0 && next_cluster(fat, cluster, err) < 0)
		return -1;
	if (!is_valid(fat, *cluster))
		return 0;
	*at = fat->data + (*cluster - 2) * fat->cluster + (uint64_t)(index % per_cluster) * ENTRY;
	return 1;
}

/* Search the directory at @cluster, and set it to the first cluster of what has been found. */
static int find(const struct fat *fat, const char name[NAME + 1], bool directory,
		uint32_t *cluster, struct error *err)
{
	uint32_t in = *cluster;
	uint8_t entry[ENTRY] = { 0 };
	uint64_t at;

	for (uint32_t i = 0; i < ENTRY_LIMIT; i++) {
		int r = find_entry(fat, i, &in, &at, err);

		if (r <= 0)
			return r;
		if (fat_read(fat, at, entry, sizeof(entry), err) < 0)
			return -1;
		if (!entry[0])
			return 0;
		if (memcmp(entry, name, NAME) != 0 || (entry[11] & ATTRIBUTE_VOLUME) ||
		    !(entry[11] & ATTRIBUTE_DIRECTORY) == directory)
			continue;
		*cluster = get_le16(entry + 26);
		if (fat->bits == 32)
			*cluster |= (uint32_t)get_le16(entry + 20) << 16;
		return is_valid(fat, *cluster);
	}
	return fail(err, REFUSE_VOLUME_DAMAGED, "FAT: a directory does not end");
}

int fat_has_loader(struct image *image, uint64_t off, uint64_t len, struct error *err)
{
	static const char *const loaders[] = { "BOOTX64 EFI", "BOOTAA64EFI", "BOOTIA32EFI" };
	struct fat fat = { .image = image, .off = off, .len = len };
	uint32_t folder, cluster;
	int r = fat_open(&fat, err);

	if (r < 0)
		return -1;
	folder = fat.bits == 32 ? fat.root_cluster : 0;
	r = find(&fat, "EFI        ", true, &folder, err);
	if (r > 0)
		r = find(&fat, "BOOT       ", true, &folder, err);
	for (size_t i = 0; r > 0 && i < ARRAY_SIZE(loaders); i++) {
		cluster = folder;
		r = find(&fat, loaders[i], false, &cluster, err);
		if (r)
			return r;
		r = 1;
	}
	return r < 0 ? -1 : 0;
}
