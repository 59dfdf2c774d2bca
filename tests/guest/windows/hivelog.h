/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hivelog.h - hives as stored on disk: sequence numbers, checksum, logs
 * (github.com/msuhanov/regf)
 */
#ifndef MODEL_HIVELOG_H
#define MODEL_HIVELOG_H

#include "base.h"

/* A hive's three files; logs without data are not there. */
struct hivefiles {
	struct bytes primary, log1, log2;
};

bool hivelog_checksum_good(const struct bytes *hive);
bool hivelog_dirty(const struct bytes *primary);
/* hivelog_stamp() - set sequence numbers, time and checksum of a header */
void hivelog_stamp(struct bytes *hive, uint32_t seq1, uint32_t seq2, uint64_t when);
uint32_t hivelog_seq2(const struct bytes *hive);

/*
 * hivelog_replay() - @f->primary becomes what winload makes of it in memory.
 * Return: entries (new logs) or 1 (an old log) applied, 0 when it was clean or
 * no log fits, -1 when nothing can be made of it.
 */
int hivelog_replay(struct hivefiles *f);

/*
 * hivelog_append() - put the difference between two hives into a new log as
 * one more entry; an empty @log gets its base block first.
 * @seq: of this entry.
 */
void hivelog_append(struct bytes *log, const struct bytes *before,
		    const struct bytes *after, uint32_t seq);
/* hivelog_old() - an old log with the difference, made for a primary whose
 * header has @seq and @when */
struct bytes hivelog_old(const struct bytes *before, const struct bytes *after,
			 uint32_t seq, uint64_t when);

uint64_t hivelog_marvin(const uint8_t *data, size_t len);

#endif
