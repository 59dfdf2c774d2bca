/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hivelogs.h - transaction logs that lead from one state of a hive to another
 *
 * Written from the description of the formats (github.com/msuhanov/regf), with its own
 * Marvin32, so that reader and writer cannot share a mistake.
 */
#ifndef BUSFLIP_TESTS_HIVELOGS_H
#define BUSFLIP_TESTS_HIVELOGS_H

#include "tests/rawhive.h"

#include <stdlib.h>
#include <string.h>

struct log_buffer {
	uint8_t *data;
	size_t len;
};

static inline uint32_t log_rotate(uint32_t v, int n)
{
	return v << n | v >> (32 - n);
}

/* Marvin32 of whole words, as publicly described. */
__attribute__((unused))
static uint64_t log_marvin(const uint8_t *p, size_t len)
{
	uint32_t lo = 0x7A4E55C5, hi = 0x82EF4D88;
	size_t words = len / 4 + 2;

	for (size_t i = 0; i < words; i++) {
		uint32_t w = i < len / 4 ? get_le32(p + 4 * i)
			   : i == len / 4 ? 0x80 : 0;

		lo += w;
		hi ^= lo;
		lo = log_rotate(lo, 20) + hi;
		hi = log_rotate(hi, 9) ^ lo;
		lo = log_rotate(lo, 27) + hi;
		hi = log_rotate(hi, 19);
	}
	return (uint64_t)hi << 32 | lo;
}

/* The base block of a log: that of @hive, with another type and number. */
static inline void log_base(uint8_t *log, const uint8_t *hive, uint32_t type,
			    uint32_t seq)
{
	memcpy(log, hive, 512);
	put_le32(log + 4, seq);
	put_le32(log + 8, seq);
	put_le32(log + 28, type);
	raw_checksum(log);
}

static inline void log_grow(struct log_buffer *log, size_t len)
{
	log->data = realloc(log->data, log->len + len);
	if (!log->data)
		abort();
	memset(log->data + log->len, 0, len);
	log->len += len;
}

/* A new-format log without entries yet. */
__attribute__((unused))
static void log_start(struct log_buffer *log, const uint8_t *hive, uint32_t seq)
{
	memset(log, 0, sizeof(*log));
	log_grow(log, 512);
	log_base(log->data, hive, 6, seq);
}

static inline void log_hash(uint8_t *entry)
{
	uint64_t h;

	h = log_marvin(entry + 40, get_le32(entry + 4) - 40);
	put_le64(entry + 24, h);
	h = log_marvin(entry, 32);
	put_le64(entry + 32, h);
}

static inline bool log_page_differs(const uint8_t *a, size_t a_len,
				    const uint8_t *b, size_t at)
{
	return at + 4096 > a_len || memcmp(a + at, b + at, 4096) != 0;
}

/* Appends one entry with all pages of [@from, @to) of the file in which @after
 * differs from @before. Returns its offset in the log. */
__attribute__((unused))
static size_t log_entry(struct log_buffer *log, uint32_t seq,
			const uint8_t *before, size_t before_len,
			const uint8_t *after, size_t from, size_t to)
{
	size_t start = log->len, count = 0, n = 0, size;
	uint8_t *e;

	for (size_t at = from; at < to; at += 4096)
		count += log_page_differs(before, before_len, after, at);
	size = (40 + count * (8 + 4096) + 511) / 512 * 512;
	log_grow(log, size);
	e = log->data + start;
	memcpy(e, "HvLE", 4);
	put_le32(e + 4, (uint32_t)size);
	put_le32(e + 12, seq);
	put_le32(e + 16, get_le32(after + 40));
	put_le32(e + 20, (uint32_t)count);
	for (size_t at = from; at < to; at += 4096) {
		if (!log_page_differs(before, before_len, after, at))
			continue;
		put_le32(e + 40 + 8 * n, (uint32_t)(at - 4096));
		put_le32(e + 44 + 8 * n, 4096);
		memcpy(e + 40 + 8 * count + 4096 * n, after + at, 4096);
		n++;
	}
	log_hash(e);
	return start;
}

/* An old-format log with all sectors in which @after differs. */
__attribute__((unused))
static void log_dirt(struct log_buffer *log, uint32_t seq,
		     const uint8_t *before, size_t before_len,
		     const uint8_t *after, size_t after_len)
{
	uint32_t bins = (uint32_t)after_len - 4096;
	size_t at = (516 + bins / 4096 + 511) / 512 * 512;

	memset(log, 0, sizeof(*log));
	log_grow(log, at);
	log_base(log->data, after, 1, seq);
	memcpy(log->data + 512, "DIRT", 4);
	for (uint32_t i = 0; i < bins / 512; i++) {
		size_t off = 4096 + (size_t)i * 512;

		if (off + 512 <= before_len &&
		    memcmp(before + off, after + off, 512) == 0)
			continue;
		log->data[516 + i / 8] |= (uint8_t)(1u << i % 8);
		log_grow(log, 512);
		memcpy(log->data + log->len - 512, after + off, 512);
	}
}

/* What a crash leaves: the first number moved on, the second did not. */
__attribute__((unused))
static void log_make_dirty(uint8_t *hive, uint32_t seq2)
{
	put_le32(hive + 4, seq2 + 1);
	put_le32(hive + 8, seq2);
	raw_checksum(hive);
}

#endif
