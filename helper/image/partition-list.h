/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * partition-list.h - partitions as they are listed: what each is, and how one is added
 */
#ifndef BUSFLIP_PARTITION_LIST_H
#define BUSFLIP_PARTITION_LIST_H

#include "helper/image/image.h"

/* GPT tables usually have 128 entries; more than this is refused. MBR: 4 and a chain of
 * logical ones. */
#define PARTITION_LIMIT 256
#define PARTITION_LOGICAL_LIMIT 64

enum partition_scheme {
	SCHEME_NONE,		/* a file system on the whole disk */
	SCHEME_MBR,
	SCHEME_GPT,
};

/* The purpose of the partition according to the table. */
enum partition_role {
	ROLE_DATA,		/* basic data, or any type not listed below */
	ROLE_ESP,
	ROLE_MSR,
	ROLE_RECOVERY,
	ROLE_DYNAMIC,		/* LDM: metadata or data of a dynamic disk */
	ROLE_STORAGE_SPACES,
};

/* The content according to its first bytes. */
enum partition_content {
	CONTENT_UNKNOWN,
	CONTENT_NTFS,
	CONTENT_BITLOCKER,
	CONTENT_FAT,
	CONTENT_EXFAT,
	CONTENT_REFS,
	/* Of other systems; a disk without a partition table can be one as a whole. */
	CONTENT_LUKS,
	CONTENT_LVM,
	CONTENT_VMFS,
};

struct partition {
	unsigned int number;	/* numbered as by Windows and Linux: logical from 5 */
	uint64_t off, len;	/* bytes */
	enum partition_role role;
	enum partition_content content;
	uint8_t mbr_type;	/* 0 with GPT */
	uint8_t type[16], id[16];	/* GUIDs as on disk; zero with MBR */
};

struct partition_table {
	enum partition_scheme scheme;
	unsigned int sector;	/* bytes; the unit of the table */
	uint32_t mbr_signature;	/* of the MBR; 0 when there is none */
	uint8_t disk_id[16];	/* GPT disk GUID */
	bool primary_bad;	/* GPT: only the backup header is good */
	bool backup_bad;	/* GPT: only the primary header is good */
	size_t count;
	struct partition list[PARTITION_LIMIT];
};

const char *partition_scheme_name(enum partition_scheme scheme);
const char *partition_role_name(enum partition_role role);
const char *partition_content_name(enum partition_content content);
/* partition_content_is_foreign() - true if only other systems than Windows write it. */
bool partition_content_is_foreign(enum partition_content content);

#define PARTITION_SECTOR_MAX 4096u

/* Add a partition of @first..@first + @sectors in sectors of the table; refuse it if it leaves
 * the disk, is empty or exceeds the limit. */
int partition_add(const struct image *image, struct partition_table *table,
		  struct partition part, uint64_t first, uint64_t sectors,
		  struct error *err);

#endif
