// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hivelog.c - replay a hive's LOG1 and LOG2 in memory, without writing
 *
 * Order: check the hive's base block; if it is dirty, check each log's base block (eligible or
 * not); then read the one format that the eligible logs have: hash-checked HvLE entries with
 * consecutive sequence numbers, or the bitmap of one DIRT log. A log that is only torn at its
 * end is normal, since Windows reuses log files without clearing them. A part with a valid hash
 * that still violates a bound is not: then everything is refused.
 */

#include "helper/hive/hivelog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512u
#define ENTRY_HEAD 40u		/* an HvLE entry before its table of pages */
#define SCAN_STEP SECTOR	/* entries start at multiples of this */

struct candidate {
	const struct hivelog_file *file;
	struct hive_base base;
	unsigned int index;		/* 0: LOG1, 1: LOG2 */
	bool eligible;
};

static uint32_t rotate(uint32_t v, unsigned int by)
{
	return v << by | v >> (32 - by);
}

static void marvin_word(uint32_t *lo, uint32_t *hi, uint32_t word)
{
	*lo += word;
	*hi ^= *lo;
	*lo = rotate(*lo, 20) + *hi;
	*hi = rotate(*hi, 9) ^ *lo;
	*lo = rotate(*lo, 27) + *hi;
	*hi = rotate(*hi, 19);
}

uint64_t marvin32(uint64_t seed, const uint8_t *data, size_t len)
{
	uint32_t lo = (uint32_t)seed, hi = (uint32_t)(seed >> 32);

	for (size_t at = 0; at + 4 <= len; at += 4)
		marvin_word(&lo, &hi, get_le32(data + at));
	marvin_word(&lo, &hi, 0x80);
	marvin_word(&lo, &hi, 0);
	return (uint64_t)hi << 32 | lo;
}

static void note_newest(struct hivelog *log, uint32_t seq)
{
	if (seq_before(log->newest_seq, seq))
		log->newest_seq = seq;
}

static int add_page(struct hivelog *log, uint64_t bins_off, uint32_t len,
		    const uint8_t *data, struct error *err)
{
	struct hivelog_page *page;

	if ((log->pages & (log->pages + 1)) == 0) {
		page = realloc(log->page,
			       (log->pages * 2 + 2) * sizeof(*page));
		if (!page)
			return fail(err, ENOMEM, "out of memory");
		log->page = page;
	}
	page = &log->page[log->pages++];
	page->off = HIVE_BASE_SIZE + bins_off;
	page->len = len;
	page->data = data;
	return 0;
}

/* ---- new format ---------------------------------------------------------- */

struct entry {
	uint32_t size, flags, seq, bins_size, count;
};

/* True if a whole entry with valid hashes starts at @at. */
static bool read_entry(const struct hivelog_file *file, size_t at,
		       struct entry *e)
{
	const uint8_t *p = file->data + at;

	if (!range_ok(at, ENTRY_HEAD, file->len) || memcmp(p, "HvLE", 4) != 0)
		return false;
	e->size = get_le32(p + 4);
	e->flags = get_le32(p + 8);
	e->seq = get_le32(p + 12);
	e->bins_size = get_le32(p + 16);
	e->count = get_le32(p + 20);
	if (e->size < SECTOR || e->size % SECTOR ||
	    !range_ok(at, e->size, file->len))
		return false;
	return get_le64(p + 32) == marvin32(HIVELOG_SEED, p, 32) &&
	       get_le64(p + 24) == marvin32(HIVELOG_SEED, p + ENTRY_HEAD,
					    e->size - ENTRY_HEAD);
}

static int take_entry_pages(struct hivelog *log, const uint8_t *p,
			    const struct entry *e, struct error *err)
{
	uint64_t at = ENTRY_HEAD + (uint64_t)e->count * 8;

	if (e->bins_size == 0 || e->bins_size % HIVE_PAGE ||
	    e->bins_size > HIVE_LIMIT - HIVE_BASE_SIZE)
		return fail(err, REFUSE_HIVE_DIRTY,
			    "log entry %u: invalid hive size", e->seq);
	if (!range_ok(0, at, e->size))
		return fail(err, REFUSE_HIVE_DIRTY,
			    "log entry %u: %u pages do not fit in it", e->seq,
			    e->count);
	for (uint32_t i = 0; i < e->count; i++) {
		uint32_t off = get_le32(p + ENTRY_HEAD + 8 * (size_t)i);
		uint32_t len = get_le32(p + ENTRY_HEAD + 8 * (size_t)i + 4);

		if (len == 0 || off % SECTOR || len % SECTOR ||
		    !range_ok(off, len, e->bins_size) ||
		    !range_ok(at, len, e->size))
			return fail(err, REFUSE_HIVE_DIRTY,
				    "log entry %u: page %u is out of range",
				    e->seq, i);
		if (add_page(log, off, len, p + at, err) < 0)
			return -1;
		at += len;
	}
	return 0;
}

/* All consecutive entries of one log, beginning with the log's own number. *bins_size and
 * *flags are those of the last entry. */
static int take_entries(struct hivelog *log, const struct candidate *c,
			uint32_t *bins_size, uint32_t *flags,
			struct error *err)
{
	uint32_t seq = c->base.seq1;
	struct entry e;

	for (size_t at = HIVE_BASE_USED; read_entry(c->file, at, &e);
	     at += e.size, seq++) {
		if (e.seq != seq)
			break;
		if (take_entry_pages(log, c->file->data + at, &e, err) < 0)
			return error_prefix(err, "LOG%u", c->index + 1);
		log->entries[c->index]++;
		log->used[c->index] = true;
		log->last_seq = e.seq;
		*bins_size = e.bins_size;
		*flags = e.flags;
	}
	return 0;
}

/* Windows reads a log's entries only from its start on, but a leftover in its tail could be
 * reached after a later crash. */
static void scan_newest(struct hivelog *log, const struct candidate *c)
{
	struct entry e;

	for (size_t at = HIVE_BASE_USED; at < c->file->len;) {
		if (read_entry(c->file, at, &e)) {
			note_newest(log, e.seq);
			at += e.size;
		} else {
			at += SCAN_STEP;
		}
	}
}

static int replay_new(struct hivelog *log, struct candidate *c[2], size_t n,
		      struct error *err)
{
	uint32_t bins_size = 0, flags = 0;

	if (n == 2 && c[0]->base.seq1 == c[1]->base.seq1)
		return fail(err, REFUSE_HIVE_DIRTY,
			    "both logs start with sequence number %u",
			    c[0]->base.seq1);
	if (n == 2 && seq_before(c[1]->base.seq1, c[0]->base.seq1)) {
		struct candidate *older = c[1];

		c[1] = c[0];
		c[0] = older;
	}
	if (log->bad_base && n == 2)	/* only the newest log is trusted */
		c[0] = c[1], n = 1;
	log->first_seq = c[0]->base.seq1;
	log->last_seq = log->first_seq - 1;
	for (size_t i = 0; i < n; i++) {
		if (c[i]->base.seq1 != log->last_seq + 1)
			break;
		if (take_entries(log, c[i], &bins_size, &flags, err) < 0)
			return -1;
	}
	if (!log->pages)
		return fail(err, REFUSE_HIVE_DIRTY,
			    "no log holds an entry that can be replayed");
	if (log->bad_base)
		memcpy(log->base, c[0]->file->data, HIVE_BASE_USED);
	put_le32(log->base + 40, bins_size);
	put_le32(log->base + 144,
		 (get_le32(log->base + 144) & ~1u) | (flags & 1u));
	log->format = HIVELOG_HVLE;
	return 0;
}

/* ---- old format ---------------------------------------------------------- */

/* Runs of set bits of the DIRT bitmap, one bit for a sector of the bins. */
static int take_sectors(struct hivelog *log, const struct candidate *c,
			struct error *err)
{
	const uint8_t *bits = c->file->data + HIVE_BASE_USED + 4;
	uint32_t sectors = c->base.bins_size / SECTOR;
	uint64_t at = HIVE_BASE_USED + 4 + (uint64_t)sectors / 8;
	uint32_t first = 0, run = 0;

	if (!range_ok(0, at, c->file->len))
		return fail(err, REFUSE_HIVE_DIRTY, "bitmap is cut off");
	at = (at + SECTOR - 1) / SECTOR * SECTOR;
	for (uint32_t i = 0; i <= sectors; i++) {
		if (i < sectors && (bits[i / 8] >> i % 8 & 1)) {
			first = run++ ? first : i;
			continue;
		}
		if (!run)
			continue;
		if (!range_ok(at, (uint64_t)run * SECTOR, c->file->len))
			return fail(err, REFUSE_HIVE_DIRTY, "pages are cut off");
		if (add_page(log, (uint64_t)first * SECTOR, run * SECTOR,
			     c->file->data + at, err) < 0)
			return -1;
		at += (uint64_t)run * SECTOR;
		run = 0;
	}
	return 0;
}

static int replay_old(struct hivelog *log, struct candidate *c[2], size_t n,
		      struct error *err)
{
	if (n == 2 && c[0]->base.seq1 == c[1]->base.seq1)
		return fail(err, REFUSE_HIVE_DIRTY,
			    "both logs have sequence number %u",
			    c[0]->base.seq1);
	if (n == 2 && seq_before(c[0]->base.seq1, c[1]->base.seq1))
		c[0] = c[1];
	if (take_sectors(log, c[0], err) < 0)
		return error_prefix(err, "LOG%u", c[0]->index + 1);
	if (!log->pages)
		return fail(err, REFUSE_HIVE_DIRTY, "the log holds no page");
	if (log->bad_base)
		memcpy(log->base, c[0]->file->data, HIVE_BASE_USED);
	put_le32(log->base + 36, c[0]->base.root);
	put_le32(log->base + 40, c[0]->base.bins_size);
	log->first_seq = log->last_seq = c[0]->base.seq1;
	log->entries[c[0]->index] = 1;
	log->used[c[0]->index] = true;
	log->format = HIVELOG_DIRT;
	return 0;
}

/* ---- judging ------------------------------------------------------------- */

static bool is_old_log(uint32_t type)
{
	return type == HIVE_FILE_LOG_OLD || type == HIVE_FILE_LOG_OLDEST;
}

static bool log_eligible(const struct hivelog *log, const struct hive_base *hive,
			 const struct candidate *c)
{
	if (c->base.seq1 != c->base.seq2)
		return false;
	if (c->base.type == HIVE_FILE_LOG_NEW)
		return log->bad_base || !seq_before(c->base.seq1, hive->seq2);
	if (!is_old_log(c->base.type) ||
	    !range_ok(HIVE_BASE_USED, 4, c->file->len) ||
	    memcmp(c->file->data + HIVE_BASE_USED, "DIRT", 4) != 0)
		return false;
	if (log->bad_base)
		return true;
	/* A log of this format is matched by the time; if a hive has none, any old log would
	 * match, so its number must match too. */
	return c->base.timestamp == hive->timestamp &&
	       (hive->timestamp || !seq_before(c->base.seq1, hive->seq2));
}

static void judge_log(struct hivelog *log, const struct hive_base *hive,
		      struct candidate *c)
{
	const char *why;

	if (!c->file->data || c->file->len < HIVE_BASE_USED ||
	    !hive_base_read(c->file->data, &c->base, &why))
		return;
	note_newest(log, c->base.seq1);
	note_newest(log, c->base.seq2);
	scan_newest(log, c);
	c->eligible = log->dirty && log_eligible(log, hive, c);
}

static int replay(struct hivelog *log, struct candidate all[2],
		  const struct hive_base *hive, struct error *err)
{
	struct candidate *c[2];
	struct hive_base after;
	const char *why;
	size_t n = 0;
	int ret;

	for (unsigned int i = 0; i < 2; i++)
		if (all[i].eligible)
			c[n++] = &all[i];
	if (n == 0)
		return fail(err, REFUSE_HIVE_DIRTY,
			    "not written out to its end (sequence numbers %u "
			    "and %u), and no log fits it", hive->seq1,
			    hive->seq2);
	if (n == 2 && is_old_log(c[0]->base.type) != is_old_log(c[1]->base.type))
		return fail(err, REFUSE_HIVE_DIRTY,
			    "one log of the old and one of the new format fit");
	ret = is_old_log(c[0]->base.type) ? replay_old(log, c, n, err)
					  : replay_new(log, c, n, err);
	if (ret < 0)
		return -1;
	log->gap = !log->bad_base && seq_before(hive->seq1, log->first_seq);
	put_le32(log->base + 28, HIVE_FILE_PRIMARY);
	/* Windows gives a recovered hive the number after the last entry's. */
	hive_base_seal(log->base, seq_before(log->last_seq, hive->seq1)
		       ? hive->seq1 + 1 : log->last_seq + 1);
	if (!hive_base_read(log->base, &after, &why))
		return fail(err, REFUSE_HIVE_DIRTY,
			    "the logs lead to an invalid hive: %s", why);
	note_newest(log, get_le32(log->base + 4));
	return 0;
}

static int judge_size(struct hivelog *log, uint64_t file_size,
		      struct error *err)
{
	uint64_t need = HIVE_BASE_SIZE + (uint64_t)get_le32(log->base + 40);

	if (!log->dirty && need > file_size)
		return fail(err, REFUSE_HIVE_DAMAGED,
			    "cut off: %llu bytes instead of %llu",
			    (unsigned long long)file_size,
			    (unsigned long long)need);
	log->size = need > file_size ? need : file_size;
	return 0;
}

int hivelog_read(const uint8_t *base, uint64_t file_size,
		 const struct hivelog_file logs[2], struct hivelog *out,
		 struct error *err)
{
	struct candidate all[2] = {
		{ .file = &logs[0], .index = 0 },
		{ .file = &logs[1], .index = 1 },
	};
	const char *why = NULL;
	struct hive_base hive;

	memset(out, 0, sizeof(*out));
	if (file_size < HIVE_BASE_SIZE || file_size > HIVE_LIMIT)
		return fail(err, REFUSE_HIVE_DAMAGED,
			    "not a registry hive: %llu bytes",
			    (unsigned long long)file_size);
	memcpy(out->base, base, HIVE_BASE_SIZE);
	out->bad_base = !hive_base_read(base, &hive, &why);
	if (!out->bad_base && hive.type != HIVE_FILE_PRIMARY)
		return fail(err, REFUSE_HIVE_DAMAGED,
			    "not a registry hive but a log of one");
	out->dirty = out->bad_base || hive.seq1 != hive.seq2;
	out->hive_seq1 = out->newest_seq = hive.seq1;
	out->hive_seq2 = hive.seq2;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		judge_log(out, &hive, &all[i]);
	if (out->dirty && replay(out, all, &hive, err) < 0)
		return out->bad_base
			? error_prefix(err, "damaged base block (%s)", why) : -1;
	return judge_size(out, file_size, err);
}

void hivelog_overlay(const struct hivelog *log, uint64_t off, uint8_t *buf,
		     size_t len)
{
	uint64_t end = off + len;

	if (off < HIVE_BASE_SIZE && log->dirty)
		memcpy(buf, log->base + off, HIVE_BASE_SIZE - off < len
		       ? (size_t)(HIVE_BASE_SIZE - off) : len);
	for (size_t i = 0; i < log->pages; i++) {
		const struct hivelog_page *p = &log->page[i];
		uint64_t from = p->off > off ? p->off : off;
		uint64_t to = p->off + p->len < end ? p->off + p->len : end;

		if (from < to)
			memcpy(buf + (from - off), p->data + (from - p->off),
			       (size_t)(to - from));
	}
}

void hivelog_free(struct hivelog *log)
{
	free(log->page);
	log->page = NULL;
	log->pages = 0;
}
