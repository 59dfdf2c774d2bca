/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hivelog.h - replay a hive's LOG1 and LOG2 in memory, without writing
 *
 * A hive that Windows did not completely write out ("dirty") is only whole together with its
 * transaction logs. hivelog_read() finds out, from the base block and the logs alone, which
 * pages the logs hold; hivelog_overlay() puts them over any bytes of the hive that the caller
 * has read:
 *
 *	hivelog_read(base, file_size, logs, &log, err)
 *	for each part that is read: hivelog_overlay(&log, off, part, len)
 *	hivelog_free(&log)
 *
 * Rules: the specification of the format in github.com/msuhanov/regf, tested on hives of real
 * Windows. What they can't decide is refused, not guessed: REFUSE_HIVE_DIRTY if the logs can't
 * repair the hive, REFUSE_HIVE_DAMAGED if the hive violates its format. Logs are as hostile as
 * the hive.
 */
#ifndef BUSFLIP_HIVELOG_H
#define BUSFLIP_HIVELOG_H

#include "helper/hive/hivebase.h"
#include "helper/shared/refusal.h"

/* The size of Windows' logs is that of the changes, some MB; larger ones are not read. */
#define HIVELOG_LIMIT ((size_t)64 << 20)

enum hivelog_format {
	HIVELOG_NONE,		/* the hive is clean: nothing to replay */
	HIVELOG_DIRT,		/* one log of the old format */
	HIVELOG_HVLE,		/* entries of the new format */
};

/* One log file's bytes; NULL and 0 if there is none. */
struct hivelog_file {
	const uint8_t *data;
	size_t len;
};

struct hivelog_page {
	uint64_t off;		/* in the hive file, so 4096 is the first bin */
	uint32_t len;
	const uint8_t *data;	/* in the log's bytes */
};

struct hivelog {
	enum hivelog_format format;
	bool dirty;		/* sequence numbers differed, or bad base */
	bool bad_base;		/* base block taken from the log */
	bool gap;		/* first replayed entry is newer than expected */
	bool used[2];		/* LOG1, LOG2 */
	unsigned int entries[2];/* replayed from LOG1, LOG2 */
	uint32_t hive_seq1, hive_seq2;	/* as found in the hive */
	uint32_t first_seq, last_seq;	/* of the replayed entries */
	/* The newest sequence number in the hive or anywhere in the logs, also in entries that
	 * were not replayed. A rewritten hive needs a newer one: then no old entry can be
	 * applied to it. */
	uint32_t newest_seq;
	uint64_t size;		/* bytes of the hive file after the replay */
	uint8_t base[HIVE_BASE_SIZE];	/* base block after the replay */
	struct hivelog_page *page;	/* in the order of writing */
	size_t pages;
};

/*
 * hivelog_read() - check a hive and its logs
 *
 * @base: the first HIVE_BASE_SIZE bytes of the hive, @file_size its length. @logs: LOG1, LOG2;
 * their bytes must live as long as @out. hivelog_free() frees @out, also after a failure.
 */
int hivelog_read(const uint8_t *base, uint64_t file_size,
		 const struct hivelog_file logs[2], struct hivelog *out,
		 struct error *err);

/*
 * hivelog_overlay() - convert @buf, which holds bytes [@off, @off + @len) of the hive file
 * (zeros beyond its old end), to the state after the replay
 */
void hivelog_overlay(const struct hivelog *log, uint64_t off, uint8_t *buf,
		     size_t len);

void hivelog_free(struct hivelog *log);

/* marvin32() - the hash of log entries, as high:low words; @len a multiple of
 * four, which all hashed parts of an entry are. */
uint64_t marvin32(uint64_t seed, const uint8_t *data, size_t len);
#define HIVELOG_SEED UINT64_C(0x82EF4D887A4E55C5)

#endif
