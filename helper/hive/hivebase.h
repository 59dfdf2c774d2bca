/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hivebase.h - the base block that starts every registry hive and every log
 *
 * Layout: the specification of the format in github.com/msuhanov/regf. A hive is
 * one base block of 4096 bytes and then "hive bins"; offsets inside the bins count
 * from the end of the base block. A log starts with the first 512 bytes of a base
 * block.
 */
#ifndef BUSFLIP_HIVEBASE_H
#define BUSFLIP_HIVEBASE_H

#include "helper/shared/base.h"

#define HIVE_BASE_SIZE 4096u
#define HIVE_BASE_USED 512u	/* all fields and the checksum lie in here */
#define HIVE_PAGE 4096u

/* Larger hives are refused: Windows limits SYSTEM far below, and SOFTWARE hives of long used
 * servers have some 250 MB. */
#define HIVE_LIMIT ((uint64_t)512 << 20)

/* The type of a file with a base block. */
enum hive_file_type {
	HIVE_FILE_PRIMARY = 0,
	HIVE_FILE_LOG_OLD = 1,		/* DIRT, up to Windows 8 */
	HIVE_FILE_LOG_OLDEST = 2,	/* DIRT, written by some old systems */
	HIVE_FILE_LOG_NEW = 6,		/* HvLE, since 8.1 */
};

struct hive_base {
	uint32_t seq1, seq2;	/* primary, secondary sequence number */
	uint64_t timestamp;	/* FILETIME of the last write, or 0 */
	uint32_t major, minor;
	uint32_t type;		/* enum hive_file_type, as read */
	uint32_t root;		/* root key, offset in the bins */
	uint32_t bins_size;	/* bytes of all bins */
	uint32_t flags;
};

/* hive_base_checksum() - of the first HIVE_BASE_USED bytes of @block: XOR of
 * the 127 words before it, with Windows' two reserved results replaced. */
uint32_t hive_base_checksum(const uint8_t *block);

/*
 * hive_base_read() - decode and check the HIVE_BASE_USED bytes at @block
 *
 * False if signature, checksum, version, format or the size of the bins is not that of a hive
 * or a log; *@why (static text) says which. @type is not checked. *@base is filled if the
 * signature is right.
 */
bool hive_base_read(const uint8_t *block, struct hive_base *base,
		    const char **why);

/* hive_base_seal() - write both sequence numbers and the checksum into @block. */
void hive_base_seal(uint8_t *block, uint32_t sequence);

/* seq_before() - true if sequence number @a is older than @b; the numbers may wrap around. */
static inline bool seq_before(uint32_t a, uint32_t b)
{
	return a != b && b - a < UINT32_C(0x80000000);
}

/* hive_name_is() - true if a name equals the ASCII @text, without regard to case. */
bool hive_name_is(const uint8_t *name, uint16_t len, bool wide,
		  const char *text, size_t text_len);

#endif
