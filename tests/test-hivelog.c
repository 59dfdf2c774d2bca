// SPDX-License-Identifier: GPL-2.0-or-later
/* test-hivelog.c - logs are replayed according to the rules, and doubtful ones refused */

#include "helper/hive/hivelog.h"
#include "tests/hivelogs.h"
#include "tests/hives.h"
#include "tests/realhive.h"
#include "tests/tap.h"

/* Two states of a hive: a guest before and after some of its life. */
static uint8_t *before, *after;
static size_t before_len, after_len;

struct outcome {
	int ret;
	struct error err;
	struct hivelog log;
	uint8_t *hive;		/* replayed as a whole */
};

static struct outcome replay(const uint8_t *hive, size_t len,
			     const struct log_buffer *log1,
			     const struct log_buffer *log2)
{
	struct hivelog_file logs[2] = {
		{ log1 ? log1->data : NULL, log1 ? log1->len : 0 },
		{ log2 ? log2->data : NULL, log2 ? log2->len : 0 },
	};
	struct outcome o = { .ret = 0 };

	o.ret = hivelog_read(hive, len, logs, &o.log, &o.err);
	if (o.ret == 0) {
		o.hive = calloc(1, o.log.size);
		memcpy(o.hive, hive, len);
		hivelog_overlay(&o.log, 0, o.hive, o.log.size);
	}
	return o;
}

static void done(struct outcome *o)
{
	hivelog_free(&o->log);
	free(o->hive);
}

static uint8_t *dirty_copy(uint32_t seq2)
{
	uint8_t *copy = malloc(before_len);

	memcpy(copy, before, before_len);
	log_make_dirty(copy, seq2);
	return copy;
}

static bool same_bins(const struct outcome *o)
{
	return o->ret == 0 && o->log.size >= after_len &&
	       memcmp(o->hive + 4096, after + 4096, after_len - 4096) == 0;
}

static void expect_refused(const struct outcome *o, int code, const char *what)
{
	ok(o->ret < 0 && o->err.code == code, "%s: refused (%s)", what,
	   o->ret < 0 ? o->err.msg : "no");
}

static void test_marvin(void)
{
	static const uint8_t four[] = { 0x86, 0x42, 0xdc, 0x59 };
	const uint64_t seed = UINT64_C(0x004fb61a001bdbcc);

	/* Published test vectors of Marvin32. */
	ok(marvin32(seed, four, 0) == UINT64_C(0x30ed35c100cd3c7d),
	   "marvin32 of nothing");
	ok(marvin32(seed, four, 4) == UINT64_C(0x7008f2e87e9cf556),
	   "marvin32 of four bytes");
	ok(marvin32(HIVELOG_SEED, before, 512) == log_marvin(before, 512),
	   "marvin32 agrees with the tests' own");
}

/* LOG1 with entry @seq (first half), LOG2 with @seq + 1 (second half). */
static void make_logs(struct log_buffer log[2], const uint8_t *hive,
		      uint32_t seq)
{
	size_t half = after_len / 8192 * 4096;

	log_start(&log[0], hive, seq);
	log_entry(&log[0], seq, before, before_len, after, 4096, half);
	log_start(&log[1], hive, seq + 1);
	log_entry(&log[1], seq + 1, before, before_len, after, half, after_len);
}

static void free_logs(struct log_buffer log[2])
{
	free(log[0].data);
	free(log[1].data);
}

static void check_windows(const struct outcome *o)
{
	uint8_t part[5000];
	bool same = true;

	for (uint64_t at = 0; at < o->log.size; at += 3001) {
		size_t n = o->log.size - at < sizeof(part)
			? (size_t)(o->log.size - at) : sizeof(part);

		memset(part, 0, sizeof(part));
		if (at < before_len)
			memcpy(part, before + at, before_len - at < n
			       ? before_len - at : n);
		if (at < 4096)	/* the dirty base block itself is replaced */
			memset(part, 0, n < 4096 - at ? n : 4096 - at);
		hivelog_overlay(&o->log, at, part, n);
		same = same && memcmp(part, o->hive + at, n) == 0;
	}
	ok(same, "parts of the hive come out as the whole does");
}

static void test_new(void)
{
	uint8_t *hive = dirty_copy(41);
	struct log_buffer log[2];
	struct outcome o;

	make_logs(log, hive, 42);
	o = replay(hive, before_len, &log[0], &log[1]);
	ok(same_bins(&o), "HvLE: bins are as after the changes");
	ok(o.log.format == HIVELOG_HVLE && o.log.entries[0] == 1 &&
	   o.log.entries[1] == 1 && o.log.first_seq == 42 &&
	   o.log.last_seq == 43 && !o.log.gap, "HvLE: counts and numbers");
	ok(get_le32(o.hive + 4) == 44 && get_le32(o.hive + 8) == 44 &&
	   hive_base_checksum(o.hive) == get_le32(o.hive + 508),
	   "HvLE: sealed with the number after the last entry");
	check_windows(&o);
	done(&o);
	o = replay(hive, before_len, &log[1], &log[0]);
	ok(same_bins(&o), "HvLE: logs in the other order");
	done(&o);

	o = replay(hive, before_len, &log[0], NULL);
	ok(o.ret == 0 && o.log.last_seq == 42, "HvLE: only the older log");
	done(&o);
	o = replay(hive, before_len, &log[1], NULL);
	ok(o.ret == 0 && o.log.gap && o.log.first_seq == 43,
	   "HvLE: only the newer log, gap noted");
	done(&o);
	free_logs(log);
	free(hive);
}

static void test_new_order(void)
{
	uint8_t *hive = dirty_copy(41);
	struct log_buffer log[2];
	struct outcome o;

	make_logs(log, hive, 40);
	o = replay(hive, before_len, &log[0], NULL);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "log older than the hive");
	done(&o);
	free_logs(log);

	make_logs(log, hive, 42);
	log_base(log[1].data, hive, 6, 42);
	o = replay(hive, before_len, &log[0], &log[1]);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "two logs with one number");
	done(&o);
	log_base(log[1].data, hive, 6, 50);
	put_le32(log[1].data + 512 + 12, 50);
	log_hash(log[1].data + 512);
	o = replay(hive, before_len, &log[0], &log[1]);
	ok(o.ret == 0 && o.log.last_seq == 42 && !o.log.used[1] &&
	   o.log.newest_seq == 50,
	   "second log that does not follow is left out, its number noted");
	done(&o);
	put_le32(log[1].data + 8, 49);
	raw_checksum(log[1].data);
	o = replay(hive, before_len, &log[1], NULL);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "log that is dirty itself");
	done(&o);
	free_logs(log);
	free(hive);

	hive = dirty_copy(UINT32_MAX - 1);
	make_logs(log, hive, UINT32_MAX);
	o = replay(hive, before_len, &log[1], &log[0]);
	ok(same_bins(&o) && o.log.last_seq == 0 &&
	   get_le32(o.hive + 4) == 1, "sequence numbers wrap around");
	done(&o);
	free_logs(log);
	free(hive);
}

static void test_new_damage(void)
{
	uint8_t *hive = dirty_copy(41);
	struct log_buffer log = { NULL, 0 };
	size_t first, second, middle = after_len / 8192 * 4096;
	struct outcome o;

	log_start(&log, hive, 42);
	first = log_entry(&log, 42, before, before_len, after, 4096, middle);
	second = log_entry(&log, 43, before, before_len, after, middle,
			   after_len);
	log_grow(&log, 3000);	/* what an earlier use left behind */
	memset(log.data + log.len - 3000, 0xa5, 3000);
	o = replay(hive, before_len, &log, NULL);
	ok(same_bins(&o) && o.log.entries[0] == 2, "garbage tail is normal");
	done(&o);

	log.data[second + 600] ^= 1;
	o = replay(hive, before_len, &log, NULL);
	ok(o.ret == 0 && o.log.last_seq == 42,
	   "entry whose data hash fails ends the log");
	done(&o);
	log.data[second + 600] ^= 1;
	log.data[second + 33] ^= 1;
	o = replay(hive, before_len, &log, NULL);
	ok(o.ret == 0 && o.log.last_seq == 42,
	   "entry whose head hash fails ends the log");
	done(&o);
	log.data[second + 33] ^= 1;
	put_le32(log.data + second + 12, 44);
	log_hash(log.data + second);
	o = replay(hive, before_len, &log, NULL);
	ok(o.ret == 0 && o.log.last_seq == 42 && o.log.newest_seq == 44,
	   "entry out of turn ends the log, and counts for the newest");
	done(&o);
	log.data[first + 600] ^= 1;
	o = replay(hive, before_len, &log, NULL);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "no valid entry at all");
	done(&o);
	free(log.data);
	free(hive);
}

/* Hashes say that Windows wrote it, bounds say that it can't have. */
/* Its base block fits, and that is all. */
static void test_new_empty(void)
{
	uint8_t *hive = dirty_copy(41);
	struct log_buffer log = { NULL, 0 };
	struct outcome o;

	log_start(&log, hive, 42);
	o = replay(hive, before_len, &log, NULL);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "a log without an entry");
	ok(strstr(o.err.msg, "no log holds an entry") != NULL, "which is said");
	done(&o);
	free(log.data);
	free(hive);
}

static void test_new_bounds(void)
{
	static const struct {
		const char *what;
		size_t at;
		uint32_t value;
	} bad[] = {
		{ "page behind the end", 40, 0x7ffff000 },
		{ "page at an odd place", 40, 100 },
		{ "page of no length", 44, 0 },
		{ "page of huge length", 44, 0xfffffe00 },
		{ "more pages than fit", 20, 0x10000000 },
		{ "hive size of 0", 16, 0 },
		{ "hive size of 4 GiB", 16, 0xfffff000 },
		{ "hive size not in pages", 16, 0x21200 },
	};
	uint8_t *hive = dirty_copy(41);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct log_buffer log = { NULL, 0 };
		struct outcome o;
		size_t e;

		log_start(&log, hive, 42);
		e = log_entry(&log, 42, before, before_len, after, 4096,
			      after_len);
		put_le32(log.data + e + bad[i].at, bad[i].value);
		log_hash(log.data + e);
		o = replay(hive, before_len, &log, NULL);
		expect_refused(&o, REFUSE_HIVE_DIRTY, bad[i].what);
		done(&o);
		free(log.data);
	}
	free(hive);
}

static void test_base(void)
{
	struct log_buffer log[2];
	uint8_t *hive = dirty_copy(41);
	struct outcome o;

	make_logs(log, hive, 42);
	o = replay(before, before_len, &log[0], &log[1]);
	ok(o.ret == 0 && !o.log.dirty && !o.log.pages &&
	   o.log.newest_seq == 43 &&
	   memcmp(o.hive, before, before_len) == 0,
	   "clean hive: newer logs are left alone, but noted");
	done(&o);
	o = replay(hive, before_len, NULL, NULL);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "dirty without logs");
	done(&o);

	hive[100] ^= 1;		/* checksum fails: only the newest log counts */
	o = replay(hive, before_len, &log[0], &log[1]);
	ok(o.ret == 0 && o.log.bad_base && !o.log.used[0] && o.log.used[1] &&
	   get_le32(o.hive + 28) == 0, "bad base block: newest log's own");
	done(&o);
	o = replay(hive, before_len, NULL, NULL);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "bad base block, no log");
	done(&o);
	o = replay(before, before_len - 4096, NULL, NULL);
	expect_refused(&o, REFUSE_HIVE_DAMAGED, "hive cut off");
	done(&o);
	o = replay(log[0].data, 4096, NULL, NULL);
	expect_refused(&o, REFUSE_HIVE_DAMAGED, "a log in place of a hive");
	done(&o);
	free_logs(log);
	free(hive);
}

static void test_lengths(void)
{
	struct log_buffer log[2], cut;
	uint8_t *hive = dirty_copy(41);
	unsigned int refused = 0, replayed = 0;

	make_logs(log, hive, 42);
	for (size_t len = 0; len < log[0].len; len += 97) {
		struct outcome o;

		/* its own allocation, so that ASan sees reads behind it */
		cut.data = malloc(len + 1);
		cut.len = len;
		memcpy(cut.data, log[0].data, len);
		cut.data = realloc(cut.data, len ? len : 1);
		o = replay(hive, before_len, &cut, NULL);
		refused += o.ret < 0;
		replayed += o.ret == 0;
		done(&o);
		free(cut.data);
	}
	ok(refused && !replayed, "a log cut off anywhere is refused (%u)",
	   refused);
	free_logs(log);
	free(hive);
}

static void test_old(void)
{
	const struct made_windows *w = made_find("7");
	struct log_buffer log, other;
	struct outcome o;
	uint8_t *hive;
	size_t len;

	free(before);
	free(after);
	before = made_system(w, MADE_NO_SETS, &before_len);
	after = made_system(w, MADE_BOUND, &after_len);
	put_le64(after + 12, get_le64(before + 12));
	hive = dirty_copy(41);
	log_dirt(&log, 42, before, before_len, after, after_len);
	o = replay(hive, before_len, &log, NULL);
	ok(same_bins(&o) && o.log.format == HIVELOG_DIRT &&
	   o.log.entries[0] == 1, "DIRT: bins are as after the changes");
	ok(get_le32(o.hive + 40) == after_len - 4096 &&
	   get_le32(o.hive + 4) == 43, "DIRT: size and number");
	done(&o);

	put_le64(log.data + 12, 1);
	raw_checksum(log.data);
	o = replay(hive, before_len, &log, NULL);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "DIRT of another time");
	done(&o);
	put_le64(log.data + 12, get_le64(before + 12));
	raw_checksum(log.data);
	log.data[508] ^= 1;
	o = replay(hive, before_len, &log, NULL);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "DIRT with bad checksum");
	done(&o);
	log.data[508] ^= 1;
	log.data[512] = 'X';
	o = replay(hive, before_len, &log, NULL);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "log without DIRT");
	done(&o);
	log.data[512] = 'D';
	log.len -= 512;
	o = replay(hive, before_len, &log, NULL);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "DIRT cut off");
	done(&o);
	log.len += 512;
	len = log.len;
	log.len = 512 + 4 + 1;
	o = replay(hive, before_len, &log, NULL);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "DIRT cut off in its bitmap");
	ok(strstr(o.err.msg, "bitmap is cut off") != NULL, "which is said");
	done(&o);
	log.len = len;
	log_dirt(&other, 42, after, after_len, after, after_len);
	o = replay(hive, before_len, &other, NULL);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "DIRT without a page");
	ok(strstr(o.err.msg, "holds no page") != NULL, "which is said");
	done(&o);
	free(other.data);

	log_dirt(&other, 41, before, before_len, after, after_len);
	memset(other.data + other.len - 512, 0, 512);
	o = replay(hive, before_len, &other, &log);
	ok(same_bins(&o) && o.log.used[1] && !o.log.used[0],
	   "DIRT: the newer of two logs");
	done(&o);
	log_base(other.data, before, 1, 42);
	o = replay(hive, before_len, &other, &log);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "two DIRT logs with one number");
	done(&o);
	free(other.data);
	log_start(&other, hive, 42);
	log_entry(&other, 42, before, before_len, after, 4096, after_len);
	o = replay(hive, before_len, &other, &log);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "logs of both formats");
	done(&o);
	free(other.data);
	hive[100] ^= 1;
	o = replay(hive, before_len, &log, NULL);
	ok(same_bins(&o) && o.log.bad_base, "DIRT: bad base block");
	done(&o);
	free(log.data);
	free(hive);
}

/* The figures that are expected are those of another reader, written from the same
 * description: tests/README.md, "Registries of real Windows". */
static void test_real(void)
{
	struct log_buffer hive, log[2], lost, old;
	struct outcome o;

	hive.data = real_hive("win10-1709-dell-raid.SYSTEM", &hive.len);
	log[0].data = real_hive("win10-1709-dell-raid.LOG1", &log[0].len);
	log[1].data = real_hive("win10-1709-dell-raid.LOG2", &log[1].len);
	lost.data = real_hive("win10-1903-vmware-lsi.SYSTEM", &lost.len);
	old.data = real_hive("win7-vmware-lsi.SYSTEM", &old.len);
	if (!hive.data || !log[0].data || !log[1].data || !lost.data ||
	    !old.data) {
		real_skip("real hives");
		goto out;
	}
	o = replay(hive.data, hive.len, &log[0], &log[1]);
	ok(o.ret == 0 && o.log.entries[0] == 4 && o.log.entries[1] == 20 &&
	   o.log.pages == 315 && o.log.first_seq == 2107 &&
	   o.log.last_seq == 2130 && o.log.gap,
	   "real 1709: 4 and 20 entries, 315 pages, 2107 to 2130, gap");
	done(&o);
	o = replay(lost.data, lost.len, NULL, NULL);
	expect_refused(&o, REFUSE_HIVE_DIRTY, "real 1903 without its logs");
	done(&o);
	o = replay(old.data, old.len, NULL, NULL);
	ok(o.ret == 0 && !o.log.dirty && o.log.hive_seq1 == 13983,
	   "real 7: clean, 13983");
	done(&o);
out:
	free(hive.data);
	free_logs(log);
	free(lost.data);
	free(old.data);
}

int main(void)
{
	const struct made_windows *w = made_find("10");

	before = made_system(w, MADE_NO_SETS, &before_len);
	after = made_system(w, MADE_BOUND, &after_len);
	test_marvin();
	test_new();
	test_new_order();
	test_new_damage();
	test_new_empty();
	test_new_bounds();
	test_base();
	test_lengths();
	test_old();
	test_real();
	free(before);
	free(after);
	return done_testing();
}
