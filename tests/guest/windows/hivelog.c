/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hivelog.c - hives as stored on disk: sequence numbers, checksum, logs */

#include "hivelog.h"

#include <stdlib.h>
#include <string.h>

#define BASE 4096u
#define LOG_BASE 512u
#define MARVIN_SEED 0x82ef4d887a4e55c5ULL

static uint32_t base_checksum(const uint8_t *p)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 508; i += 4)
		sum ^= get32(p + i);
	if (sum == 0)
		return 1;
	return sum == 0xffffffff ? 0xfffffffe : sum;
}

static bool base_good(const struct bytes *b, size_t least)
{
	return b->len >= least && !memcmp(b->data, "regf", 4) &&
	       get32(b->data + 508) == base_checksum(b->data);
}

bool hivelog_checksum_good(const struct bytes *hive)
{
	return base_good(hive, BASE);
}

uint32_t hivelog_seq2(const struct bytes *hive)
{
	return get32(hive->data + 8);
}

bool hivelog_dirty(const struct bytes *primary)
{
	return !base_good(primary, BASE) ||
	       get32(primary->data + 4) != get32(primary->data + 8);
}

void hivelog_stamp(struct bytes *hive, uint32_t seq1, uint32_t seq2, uint64_t when)
{
	put32(hive->data + 4, seq1);
	put32(hive->data + 8, seq2);
	put64(hive->data + 12, when);
	put32(hive->data + 28, 0);
	put32(hive->data + 508, base_checksum(hive->data));
}

static uint32_t rol(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static void marvin_word(uint32_t *lo, uint32_t *hi, uint32_t w)
{
	*lo += w;
	*hi ^= *lo;
	*lo = rol(*lo, 20) + *hi;
	*hi = rol(*hi, 9) ^ *lo;
	*lo = rol(*lo, 27) + *hi;
	*hi = rol(*hi, 19);
}

uint64_t hivelog_marvin(const uint8_t *data, size_t len)
{
	uint32_t lo = (uint32_t)MARVIN_SEED, hi = (uint32_t)(MARVIN_SEED >> 32);

	for (size_t i = 0; i + 4 <= len; i += 4)
		marvin_word(&lo, &hi, get32(data + i));
	marvin_word(&lo, &hi, 0x80);
	marvin_word(&lo, &hi, 0);
	return (uint64_t)hi << 32 | lo;
}

/* ---- new logs ---- */

static bool new_log_good(const struct bytes *log)
{
	return base_good(log, LOG_BASE) && get32(log->data + 28) == 6 &&
	       get32(log->data + 4) == get32(log->data + 8);
}

static bool entry_good(const struct bytes *log, size_t at, uint32_t seq)
{
	const uint8_t *e = log->data + at;
	uint32_t size, pages;

	if (log->len - at < 40 || memcmp(e, "HvLE", 4) != 0)
		return false;
	size = get32(e + 4);
	pages = get32(e + 20);
	if (size < 40 || size % 512 || size > log->len - at || get32(e + 12) != seq ||
	    get32(e + 16) % 4096 || pages > (size - 40) / 8)
		return false;
	return get64(e + 32) == hivelog_marvin(e, 32) &&
	       get64(e + 24) == hivelog_marvin(e + 40, size - 40);
}

static void hive_grow(struct bytes *hive, size_t len)
{
	if (len <= hive->len)
		return;
	hive->data = xrealloc(hive->data, len);
	memset(hive->data + hive->len, 0, len - hive->len);
	hive->len = len;
}

static bool entry_apply(struct bytes *hive, const uint8_t *e)
{
	uint32_t bins = get32(e + 16), n = get32(e + 20), size = get32(e + 4);
	size_t data = 40 + 8 * (size_t)n;

	hive_grow(hive, BASE + (size_t)bins);
	put32(hive->data + 40, bins);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t off = get32(e + 40 + 8 * i), len = get32(e + 44 + 8 * i);

		if (len > size - data || (uint64_t)off + len > bins)
			return false;
		memcpy(hive->data + BASE + off, e + data, len);
		data += len;
	}
	put32(hive->data + 144, (get32(hive->data + 144) & ~1u) | (get32(e + 8) & 1));
	return true;
}

/* Return: entries applied; @next is the sequence number after the last. */
static int log_apply(struct bytes *hive, const struct bytes *log, uint32_t *next)
{
	size_t at = LOG_BASE;
	int applied = 0;

	while (at < log->len && entry_good(log, at, *next) &&
	       entry_apply(hive, log->data + at)) {
		at += get32(log->data + at + 4);
		++*next;
		applied++;
	}
	return applied;
}

/* The rules of 6.3. Return: -1 when there is no log of this kind. */
static int replay_new(struct hivefiles *f)
{
	const struct bytes *logs[2] = { &f->log1, &f->log2 };
	bool good = base_good(&f->primary, BASE), any = false;
	uint32_t next = 0;
	int applied = 0;

	if (new_log_good(&f->log1) && new_log_good(&f->log2) &&
	    (int32_t)(get32(f->log1.data + 4) - get32(f->log2.data + 4)) > 0) {
		logs[0] = &f->log2;
		logs[1] = &f->log1;
	}
	if (!good && new_log_good(logs[0]) && new_log_good(logs[1]))
		logs[0] = &(const struct bytes){ 0 };
	for (size_t i = 0; i < 2; i++) {
		uint32_t seq;

		if (!new_log_good(logs[i]))
			continue;
		seq = get32(logs[i]->data + 4);
		if (!good && !any)
			memcpy(f->primary.data, logs[i]->data, 508);
		else if ((int32_t)(seq - hivelog_seq2(&f->primary)) < 0)
			continue;
		if (any && seq != next)
			break;
		next = seq;
		any = true;
		applied += log_apply(&f->primary, logs[i], &next);
	}
	if (!any)
		return good ? 0 : -1;
	if (applied || !good)
		hivelog_stamp(&f->primary, next, next, get64(f->primary.data + 12));
	return applied;
}

static void append(struct bytes *b, const void *data, size_t len)
{
	b->data = xrealloc(b->data, b->len + len);
	if (data)
		memcpy(b->data + b->len, data, len);
	else
		memset(b->data + b->len, 0, len);
	b->len += len;
}

static bool differs(const struct bytes *a, const struct bytes *b, size_t at, size_t n)
{
	return at + n > a->len || memcmp(a->data + at, b->data + at, n) != 0;
}

void hivelog_append(struct bytes *log, const struct bytes *before,
		    const struct bytes *after, uint32_t seq)
{
	struct bytes entry = { 0 };
	uint32_t n = 0;

	if (!log->len) {
		append(log, after->data, LOG_BASE);
		put32(log->data + 4, seq);
		put32(log->data + 8, seq);
		put32(log->data + 28, 6);
		put32(log->data + 508, base_checksum(log->data));
	}
	append(&entry, NULL, 40);
	for (size_t at = BASE; at < after->len; at += 4096) {
		uint8_t ref[8];

		if (!differs(before, after, at, 4096))
			continue;
		put32(ref, (uint32_t)(at - BASE));
		put32(ref + 4, 4096);
		append(&entry, ref, 8);
		n++;
	}
	for (size_t at = BASE; at < after->len; at += 4096)
		if (differs(before, after, at, 4096))
			append(&entry, after->data + at, 4096);
	append(&entry, NULL, (512 - entry.len % 512) % 512);
	memcpy(entry.data, "HvLE", 4);
	put32(entry.data + 4, (uint32_t)entry.len);
	put32(entry.data + 12, seq);
	put32(entry.data + 16, (uint32_t)(after->len - BASE));
	put32(entry.data + 20, n);
	put64(entry.data + 24, hivelog_marvin(entry.data + 40, entry.len - 40));
	put64(entry.data + 32, hivelog_marvin(entry.data, 32));
	append(log, entry.data, entry.len);
	bytes_free(&entry);
}

/* ---- old logs ---- */

static size_t old_data_at(uint32_t bins)
{
	return (LOG_BASE + 4 + bins / 4096 + 511) / 512 * 512;
}

static int replay_old(struct hivefiles *f)
{
	const struct bytes *log = &f->log1;
	bool good = base_good(&f->primary, BASE);
	uint32_t bins;
	size_t at;

	if (!base_good(log, LOG_BASE) || get32(log->data + 28) != 1 ||
	    get32(log->data + 4) != get32(log->data + 8) || log->len < LOG_BASE + 4 ||
	    memcmp(log->data + LOG_BASE, "DIRT", 4) != 0)
		return good ? 0 : -1;
	if (good && get64(log->data + 12) != get64(f->primary.data + 12))
		return 0;
	bins = get32(log->data + 40);
	at = old_data_at(bins);
	hive_grow(&f->primary, BASE + (size_t)bins);
	for (uint32_t i = 0; i < bins / 512; i++) {
		if (!(log->data[LOG_BASE + 4 + i / 8] >> i % 8 & 1))
			continue;
		if (at + 512 > log->len)
			return -1;
		memcpy(f->primary.data + BASE + (size_t)i * 512, log->data + at, 512);
		at += 512;
	}
	memcpy(f->primary.data, log->data, 508);
	hivelog_stamp(&f->primary, get32(log->data + 4), get32(log->data + 4),
		      get64(log->data + 12));
	return 1;
}

struct bytes hivelog_old(const struct bytes *before, const struct bytes *after,
			 uint32_t seq, uint64_t when)
{
	uint32_t bins = (uint32_t)(after->len - BASE);
	struct bytes log = { 0 };

	append(&log, after->data, LOG_BASE);
	append(&log, NULL, old_data_at(bins) - LOG_BASE);
	memcpy(log.data + LOG_BASE, "DIRT", 4);
	for (uint32_t i = 0; i < bins / 512; i++) {
		size_t at = BASE + (size_t)i * 512;

		if (!differs(before, after, at, 512))
			continue;
		log.data[LOG_BASE + 4 + i / 8] |= (uint8_t)(1u << i % 8);
		append(&log, after->data + at, 512);
	}
	put32(log.data + 4, seq);
	put32(log.data + 8, seq);
	put64(log.data + 12, when);
	put32(log.data + 28, 1);
	put32(log.data + 40, bins);
	put32(log.data + 508, base_checksum(log.data));
	return log;
}

int hivelog_replay(struct hivefiles *f)
{
	if (f->primary.len < BASE)
		return -1;
	if (!hivelog_dirty(&f->primary))
		return 0;
	if (new_log_good(&f->log1) || new_log_good(&f->log2))
		return replay_new(f);
	return replay_old(f);
}
