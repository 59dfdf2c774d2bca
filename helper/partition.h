/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * partition.h - the partition table of a disk as a list of checked ranges
 *
 * partition_scan() reads the table through the image's bounded door, and looks
 * at the first sector of each partition for what is in it. Every range in the
 * list lies within the disk, has a length, and overlaps no other; a table that
 * breaks this is refused as a whole, because on such a disk nobody can say
 * whose bytes a write would change.
 */
#ifndef BUSFLIP_PARTITION_H
#define BUSFLIP_PARTITION_H

#include "helper/image.h"

/* GPT tables have 128 entries as a rule; more than this is refused. MBR: 4 and
 * a chain of logical ones. */
#define PARTITION_LIMIT 256
#define PARTITION_LOGICAL_LIMIT 64

enum partition_scheme {
	SCHEME_NONE,		/* a file system right on the disk */
	SCHEME_MBR,
	SCHEME_GPT,
};

/* What the table says that the partition is for. */
enum partition_role {
	ROLE_DATA,		/* basic data, or anything not named below */
	ROLE_ESP,
	ROLE_MSR,
	ROLE_RECOVERY,
	ROLE_DYNAMIC,		/* LDM: metadata or data of a dynamic disk */
	ROLE_STORAGE_SPACES,
};

/* What its first sector says. */
enum partition_content {
	CONTENT_UNKNOWN,
	CONTENT_NTFS,
	CONTENT_BITLOCKER,
	CONTENT_FAT,
	CONTENT_EXFAT,
	CONTENT_REFS,
};

struct partition {
	unsigned int number;	/* as Windows and Linux count: logical from 5 */
	uint64_t off, len;	/* bytes */
	enum partition_role role;
	enum partition_content content;
	uint8_t mbr_type;	/* 0 with GPT */
	uint8_t type[16], id[16];	/* GUIDs as on disk; zero with MBR */
};

struct partition_table {
	enum partition_scheme scheme;
	unsigned int sector;	/* bytes; what the table counts in */
	uint32_t mbr_signature;	/* of the MBR; 0 when there is none */
	uint8_t disk_id[16];	/* GPT disk GUID */
	bool primary_bad;	/* GPT: only the backup header is good */
	bool backup_bad;	/* GPT: only the primary header is good */
	size_t count;
	struct partition list[PARTITION_LIMIT];
};

/* partition_scan() - Return 0 with @table filled, or -1: REFUSE_PARTITION_TABLE
 * when there is none or it is damaged, an errno value when reading failed. */
int partition_scan(struct image *image, struct partition_table *table,
		   struct error *err);

const char *partition_scheme_name(enum partition_scheme scheme);
const char *partition_role_name(enum partition_role role);
const char *partition_content_name(enum partition_content content);

/* ---- between partition.c and its formats ------------------------------- */

#define PARTITION_SECTOR_MAX 4096u

/* Adds a partition of @first..@first + @sectors in sectors of the table; refuses
 * what leaves the disk, is empty or comes too late. */
int partition_add(const struct image *image, struct partition_table *table,
		  struct partition part, uint64_t first, uint64_t sectors,
		  struct error *err);

/* partition_scan_gpt() - Return 1 found, 0 there is no GPT, -1 damaged. */
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
