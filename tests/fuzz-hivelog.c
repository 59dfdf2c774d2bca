// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-hivelog.c - arbitrary bytes as the logs of a dirty hive
 *
 * Input: 512 bytes of the hive's base block, u16 hive length in pages, u16 length of LOG1
 * in sectors, then LOG1 and LOG2. Checksums and hashes are corrected first: a fuzzer cannot
 * guess them, and only logs that Windows would accept are of interest.
 */

#include "helper/hive/hivetree.h"
#include "tests/fuzz.h"
#include "tests/hivelogs.h"
#include "tests/hives.h"

#define HEAD 516u

static void mend_log(uint8_t *log, size_t len)
{
	uint32_t size;

	if (len >= 512)
		raw_checksum(log);
	for (size_t at = 512; at + 512 <= len; at += 512) {
		size = get_le32(log + at + 4);
		if (memcmp(log + at, "HvLE", 4) == 0 && size >= 40 &&
		    size % 4 == 0 && size <= len - at)
			log_hash(log + at);
	}
}

static void replay(const uint8_t *base, uint64_t size,
		   const struct hivelog_file logs[2])
{
	struct error err = { 0 };
	struct hivelog log;
	struct hive h;
	uint8_t *hive;

	if (hivelog_read(base, size, logs, &log, &err) == 0 &&
	    log.size <= 1u << 24) {
		hive = calloc(1, log.size);
		if (!hive)
			abort();
		memcpy(hive, base, HIVE_BASE_SIZE);
		hivelog_overlay(&log, 0, hive, log.size);
		/* what was replayed must be a hive to our own reader */
		if (hive_open_bytes(&h, hive, log.size, &err) < 0 && log.dirty)
			abort();
		hivelog_overlay(&log, log.size / 3, hive, log.size / 3);
		free(hive);
	}
	hivelog_free(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hivelog_file logs[2] = { { NULL, 0 } };
	uint8_t base[HIVE_BASE_SIZE] = { 0 };
	uint8_t *copy;
	size_t first;

	if (size < HEAD || size > 1u << 20)
		return 0;
	memcpy(base, data, 512);
	if (data[508] & 1)	/* else: a bad base block */
		raw_checksum(base);
	first = (size_t)get_le16(data + 514) * 512;
	if (first > size - HEAD)
		first = size - HEAD;
	copy = malloc(size - HEAD + 1);
	if (!copy)
		return 0;
	memcpy(copy, data + HEAD, size - HEAD);
	mend_log(copy, first);
	mend_log(copy + first, size - HEAD - first);
	logs[0] = (struct hivelog_file){ copy, first };
	logs[1] = (struct hivelog_file){ copy + first, size - HEAD - first };
	replay(base, HIVE_BASE_SIZE + (uint64_t)get_le16(data + 512) * 4096,
	       logs);
	free(copy);
	return 0;
}

static uint8_t *seed_of(const uint8_t *hive, size_t hive_len,
			const struct log_buffer log[2], size_t *len)
{
	uint8_t *seed = malloc(HEAD + log[0].len + log[1].len);

	if (!seed)
		abort();
	memcpy(seed, hive, 512);
	seed[508] |= 1;
	put_le16(seed + 512, (uint16_t)((hive_len - 4096) / 4096));
	put_le16(seed + 514, (uint16_t)(log[0].len / 512));
	memcpy(seed + HEAD, log[0].data, log[0].len);
	if (log[1].len)
		memcpy(seed + HEAD + log[0].len, log[1].data, log[1].len);
	*len = HEAD + log[0].len + log[1].len;
	return seed;
}

static uint8_t *fuzz_seed(size_t index, size_t *len)
{
	const struct made_windows *w = made_find(index % 2 ? "7" : "10");
	struct log_buffer log[2] = { { NULL, 0 }, { NULL, 0 } };
	size_t before_len, after_len;
	uint8_t *before, *after, *seed;

	if (index >= 4)
		return NULL;
	before = made_system(w, MADE_NO_SETS, &before_len);
	after = made_system(w, MADE_BOUND, &after_len);
	log_make_dirty(before, 41);
	if (index % 2) {
		log_dirt(&log[0], 42, before, before_len, after, after_len);
		put_le64(log[0].data + 12, get_le64(before + 12));
		raw_checksum(log[0].data);
	} else {
		log_start(&log[0], before, 42);
		log_entry(&log[0], 42, before, before_len, after, 4096, 40960);
		log_start(&log[1], before, 43);
		log_entry(&log[1], 43, before, before_len, after, 40960,
			  after_len);
	}
	seed = seed_of(before, before_len, log, len);
	if (index >= 2)		/* the base block is lost */
		seed[508] &= 0xfe, seed[509] ^= 1;
	free(log[0].data);
	free(log[1].data);
	free(before);
	free(after);
	return seed;
}
