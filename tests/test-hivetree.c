// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-hivetree.c - the hive reader: every kind of cell and every kind of damage, read
 * lazily and all at once
 */

#include "helper/hive/hivecheck.h"
#include "helper/hive/hivetree.h"
#include "tests/rawhive.h"
#include "tests/tap.h"

#include <errno.h>

static uint8_t big[40000];

/* root
 *   Alpha (lh)      values: "" REG_SZ, Number, Wide, Big, Empty, Three
 *     li-a li-b     (li)
 *   Beta            (wide name)
 *     in ri: lf { lf-1 lf-2 } lh { lh-3 }
 */
struct tree {
	struct raw r;
	uint32_t root, alpha, beta, list, big_value, number;
};

static void add_alpha_values(struct tree *t)
{
	static const uint8_t text[] = { 'O', 0, 0xe9, 0, 0x3d, 0xd8, 0x00, 0xde,
					0x00, 0xdc, 0, 0 };
	uint32_t v[6];

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7 + i / 256);
	v[0] = raw_value(&t->r, "", 1, text, sizeof(text));
	v[1] = t->number = raw_value(&t->r, "Number", 4, "\x2a\0\0", 4);
	v[2] = raw_value(&t->r, "Time", 0xffff0010, "\1\0\0\0\0\0\0\1", 8);
	v[3] = t->big_value = raw_value(&t->r, "Big", 3, big, sizeof(big));
	v[4] = raw_value(&t->r, "Empty", 3, "", 0);
	v[5] = raw_value(&t->r, "Three", 3, "abc", 3);
	raw_values(&t->r, t->alpha, 6, v);
}

static void make_tree(struct tree *t)
{
	static const char *const top[] = { "Alpha", "Beta" };
	static const char *const li[] = { "li-a", "li-b" };
	static const char *const ri[] = { "lf-1", "lf-2", "lh-3" };
	uint32_t k[3], lists[2];

	raw_start(&t->r);
	t->root = raw_key(&t->r, RAW_NONE, "ROOT", false);
	k[0] = t->alpha = raw_key(&t->r, t->root, "Alpha", false);
	k[1] = t->beta = raw_key(&t->r, t->root, "Beta", true);
	t->list = raw_list(&t->r, "lh", 2, k, top);
	raw_children(&t->r, t->root, 2, t->list);
	for (size_t i = 0; i < 2; i++)
		k[i] = raw_key(&t->r, t->alpha, li[i], false);
	raw_children(&t->r, t->alpha, 2, raw_list(&t->r, "li", 2, k, li));
	for (size_t i = 0; i < 3; i++)
		k[i] = raw_key(&t->r, t->beta, ri[i], false);
	lists[0] = raw_list(&t->r, "lf", 2, k, ri);
	lists[1] = raw_list(&t->r, "lh", 1, k + 2, ri + 2);
	raw_children(&t->r, t->beta, 3, raw_list(&t->r, "ri", 2, lists, NULL));
	add_alpha_values(t);
	raw_finish(&t->r, t->root, 5, 0);
}

static int find(const struct hive *h, const char *path, struct hive_key *key,
		struct error *err)
{
	struct hive_key root;

	return hive_root(h, &root, err) < 0 ? -1
		: hive_find(h, &root, path, key, err);
}

static void test_lookup(const struct hive *h, const char *how)
{
	static const char *const there[] = {
		"", "Alpha", "ALPHA\\LI-B", "beta\\LF-1", "Beta\\lf-2",
		"Beta\\lh-3",
	};
	static const char *const missing[] = {
		"Alph", "Alphaa", "Alpha\\li-c", "Beta\\lh-4", "Gamma\\x",
		"\\", "Alpha\\\\li-a",
	};
	struct hive_key key;
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(there); i++)
		ok(find(h, there[i], &key, &err) == 1, "%s: '%s' is there",
		   how, there[i]);
	for (size_t i = 0; i < ARRAY_SIZE(missing); i++)
		ok(find(h, missing[i], &key, &err) == 0, "%s: '%s' is not",
		   how, missing[i]);
}

static void test_values(const struct hive *h)
{
	AUTO_FREE uint8_t *copy = NULL;
	struct hive_value v;
	struct hive_key key;
	struct error err;
	uint32_t number = 0;
	uint64_t time = 0;
	char text[16];

	find(h, "Alpha", &key, &err);
	ok(hive_get_dword(h, &key, "nUMBER", &number, &err) == 1 &&
	   number == 42, "DWORD, name in another case");
	ok(hive_get_text(h, &key, "", text, sizeof(text), &err) == 1 &&
	   str_eq(text, "O\u00e9\U0001f600\ufffd"),
	   "default value: accents, surrogates, a lone one");
	ok(hive_get_text(h, &key, "", text, 6, &err) == 1 &&
	   str_eq(text, "O\u00e9"), "text is cut between characters");
	ok(hive_get_filetime(h, &key, "Time", &time, &err) == 1 &&
	   time == 0x0100000000000001u, "FILETIME property");
	ok(hive_get_dword(h, &key, "Time", &number, &err) == 0,
	   "a value of another type counts as missing");
	ok(hive_get(h, &key, "Number2", &v, &err) == 0, "no such value");
	ok(hive_get(h, &key, "Big", &v, &err) == 1 && !v.data &&
	   v.len == sizeof(big) &&
	   hive_value_copy(h, &v, &copy, &err) == 0 &&
	   memcmp(copy, big, sizeof(big)) == 0, "value in segments");
	ok(hive_get(h, &key, "Empty", &v, &err) == 1 && v.len == 0,
	   "empty value");
	ok(hive_get(h, &key, "Three", &v, &err) == 1 && v.len == 3 &&
	   memcmp(v.data, "abc", 3) == 0, "three bytes inline");
}

static void test_check(const struct hive *h)
{
	struct hive_stats stats;
	struct error err = { 0 };

	ok(hive_check(h, &stats, &err) == 0 && stats.keys == 8 &&
	   stats.values == 6 && stats.lost == 0, "whole: 8 keys, 6 values %s",
	   err.msg);
}

/* ---- lazily -------------------------------------------------------------- */

struct reads {
	const uint8_t *file;
	size_t bytes, fail_from;
};

static int counting_pread(void *opaque, uint64_t off, uint8_t *buf, size_t len,
			  struct error *err)
{
	struct reads *r = opaque;

	if (off + len > r->fail_from)
		return fail(err, EIO, "made to fail");
	memcpy(buf, r->file + off, len);
	r->bytes += len;
	return 0;
}

static void test_lazy(const struct tree *t)
{
	static const struct hivelog_file none[2];
	struct reads reads = { t->r.file, 0, RAW_SIZE };
	struct error err = { 0 };
	struct hive_key key;
	struct hivelog log;
	struct hive h;

	ok(hivelog_read(t->r.file, RAW_SIZE, none, &log, &err) == 0 &&
	   hive_open_lazy(&h, RAW_SIZE, counting_pread, &reads, &log,
			  &err) == 0 && reads.bytes == 0,
	   "opening reads nothing but the base block it is given");
	ok(find(&h, "Alpha", &key, &err) == 1 && reads.bytes == 65536,
	   "a lookup reads the block that it needs (%zu bytes)", reads.bytes);
	test_lookup(&h, "lazy");
	test_values(&h);
	test_check(&h);
	ok(reads.bytes == RAW_SIZE, "all is read once only");
	hive_close(&h);

	reads.fail_from = 70000;
	hive_open_lazy(&h, RAW_SIZE, counting_pread, &reads, &log, &err);
	ok(hive_check(&h, NULL, &err) < 0 && err.code == EIO,
	   "an unreadable part is an error: %s", err.msg);
	hive_close(&h);
	hivelog_free(&log);
}

/* ---- damage -------------------------------------------------------------- */

/* Each row breaks one number of the tree; hive_check() must see all of them. */
enum victim { ROOT, ALPHA, BETA, LIST, NUMBER, BIG, SECURITY, BIN, BASE };

static const struct damage {
	const char *what;
	enum victim victim;
	uint32_t at;		/* in the cell's contents */
	uint32_t value;		/* 32 bits */
} damages[] = {
	{ "cell size 0", ALPHA, (uint32_t)-4, 0 },
	{ "cell of the whole bin", ALPHA, (uint32_t)-4, 0xfffe0000 },
	{ "cell marked free", ALPHA, (uint32_t)-4, 0x60 },
	{ "no nk", ALPHA, 0, 0 },
	{ "parent is another", ALPHA, 16, 0x20 },
	{ "more subkeys than listed", ALPHA, 20, 3 },
	{ "fewer subkeys than listed", ALPHA, 20, 1 },
	{ "2^32-1 subkeys", ALPHA, 20, 0xffffffff },
	{ "list outside", ALPHA, 28, 0x7ffffff8 },
	{ "list at an odd place", ALPHA, 28, 0x101 },
	{ "list is a key", ALPHA, 28, 0x20 },
	{ "2^32-1 values", ALPHA, 36, 0xffffffff },
	{ "2^30 values", ALPHA, 36, 0x40000000 },
	{ "values outside", ALPHA, 40, 0xfffffff8 },
	{ "security outside", ALPHA, 44, 0xfffffff8 },
	{ "security is a key", BETA, 44, 0 },
	{ "name of 64 KiB", ALPHA, 72, 0xffff },
	{ "name of nothing", ALPHA, 72, 0 },
	{ "class outside", ALPHA, 72, 0x00100005 },
	{ "list too long", LIST, 0, 0xffff686c },
	{ "list of no kind", LIST, 0, 0x00027878 },
	{ "list holds nothing", LIST, 4, 0xffffffff },
	{ "wrong hash", LIST, 8, 1 },
	{ "no vk", NUMBER, 0, 0 },
	{ "value name too long", NUMBER, 0, 0xffff6b76 },
	{ "inline value of 5 bytes", NUMBER, 4, 0x80000005 },
	{ "value data outside", NUMBER, 4, 8 },
	{ "2 GiB of data", NUMBER, 4, 0x7fffffff },
	{ "big value longer than its segments", BIG, 4, 60000 },
	{ "big value shorter than its segments", BIG, 4, 20000 },
	{ "big value's list outside", BIG, 8, 0x7ffffff8 },
	{ "security: wrong number of users", SECURITY, 12, 7 },
	{ "security: descriptor too long", SECURITY, 16, 0x7fffffff },
	{ "no hbin", BIN, 0, 0 },
	{ "bin at another place", BIN, 4, 0x1000 },
	{ "bin of no size", BIN, 8, 0 },
	{ "bin larger than the hive", BIN, 8, 0x40000 },
};

static uint8_t *victim_at(struct tree *t, enum victim victim)
{
	const uint32_t cells[] = {
		[ROOT] = t->root, [ALPHA] = t->alpha, [BETA] = t->beta,
		[LIST] = t->list, [NUMBER] = t->number, [BIG] = t->big_value,
		[SECURITY] = t->r.security,
	};

	return victim == BIN ? t->r.bins : victim == BASE ? t->r.file
					 : raw_at(&t->r, cells[victim]);
}

static void test_damage(struct tree *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		const struct damage *d = &damages[i];
		uint8_t *p = victim_at(t, d->victim) + (int32_t)d->at;
		uint32_t old = get_le32(p);
		struct error err = { 0 };
		struct hive h;

		put_le32(p, d->value);
		hive_open_bytes(&h, t->r.file, RAW_SIZE, &err);
		ok(hive_check(&h, NULL, &err) < 0 &&
		   err.code == REFUSE_HIVE_DAMAGED, "%s: %s", d->what,
		   err.msg);
		put_le32(p, old);
	}
}

/* Two owners of one cell, and subkeys in the wrong order. */
static void test_sharing(struct tree *t)
{
	uint8_t *list = raw_at(&t->r, t->list), *alpha = raw_at(&t->r, t->alpha);
	uint8_t *values = raw_at(&t->r, get_le32(alpha + 40));
	uint8_t swap[8];
	struct error err = { 0 };
	struct hive h;

	hive_open_bytes(&h, t->r.file, RAW_SIZE, &err);
	put_le32(values + 8, get_le32(values + 4));
	ok(hive_check(&h, NULL, &err) < 0 && strstr(err.msg, "owners"),
	   "one value listed twice: %s", err.msg);
	put_le32(values + 8, get_le32(values + 12));
	make_tree(t);
	list = raw_at(&t->r, t->list);
	memcpy(swap, list + 4, 8);
	memcpy(list + 4, list + 12, 8);
	memcpy(list + 12, swap, 8);
	hive_open_bytes(&h, t->r.file, RAW_SIZE, &err);
	ok(hive_check(&h, NULL, &err) < 0 && strstr(err.msg, "order"),
	   "subkeys not sorted: %s", err.msg);
	put_le32(list + 4, t->root);
	ok(hive_check(&h, NULL, &err) < 0, "a key below itself: %s", err.msg);
}

static void test_base_block(struct tree *t)
{
	static const struct {
		const char *what;
		uint32_t at, value;
	} bad[] = {
		{ "signature", 0, 0 }, { "major", 20, 2 }, { "minor 2", 24, 2 },
		{ "minor 7", 24, 7 }, { "format", 32, 0 },
		{ "root outside", 36, RAW_BINS }, { "no bins", 40, 0 },
		{ "bins not in pages", 40, 0x1234 },
		{ "bins beyond the file", 40, RAW_BINS + 0x1000 },
		{ "4 GiB of bins", 40, 0xfffff000 },
	};
	struct error err = { 0 };
	struct hive h;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint32_t old = get_le32(t->r.file + bad[i].at);

		put_le32(t->r.file + bad[i].at, bad[i].value);
		raw_checksum(t->r.file);
		ok(hive_open_bytes(&h, t->r.file, RAW_SIZE, &err) < 0,
		   "base block, %s: %s", bad[i].what, err.msg);
		put_le32(t->r.file + bad[i].at, old);
		raw_checksum(t->r.file);
	}
	t->r.file[508] ^= 1;
	ok(hive_open_bytes(&h, t->r.file, RAW_SIZE, &err) < 0,
	   "base block, checksum");
	t->r.file[508] ^= 1;
	ok(hive_open_bytes(&h, t->r.file, 4095, &err) < 0, "4095 bytes");
}

/* The two results of the checksum that Windows never stores. */
static void test_checksum(void)
{
	uint8_t block[512] = { 0 };

	ok(hive_base_checksum(block) == 1, "checksum 0 becomes 1");
	memset(block, 0xff, 4);
	ok(hive_base_checksum(block) == 0xfffffffe,
	   "checksum FFFFFFFF becomes FFFFFFFE");
}

int main(void)
{
	struct error err = { 0 };
	struct hive h;
	struct tree t;

	make_tree(&t);
	ok(hive_open_bytes(&h, t.r.file, RAW_SIZE, &err) == 0, "opens");
	test_lookup(&h, "whole");
	test_values(&h);
	test_check(&h);
	test_lazy(&t);
	test_damage(&t);
	test_base_block(&t);
	test_checksum();
	free(t.r.file);
	make_tree(&t);
	uint8_t *first = t.r.file;

	test_sharing(&t);
	free(first);
	free(t.r.file);
	return done_testing();
}
