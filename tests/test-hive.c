// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-hive.c - edits of hives: made, verified, refused, and as other programs read them
 */

#include "helper/hive/hive.h"
#include "tests/hivelogs.h"
#include "tests/hives.h"
#include "tests/oracle.h"
#include "tests/realhive.h"
#include "tests/tap.h"

#include <errno.h>

#define SERVICES "ControlSet001\\Services\\"
#define BYTES(text) (const uint8_t *)(text)

static struct hive_memory load(const uint8_t *data, size_t len)
{
	struct hive_memory m;
	struct error err = { 0 };

	if (hive_memory_new(&m, data, len, &err) < 0)
		abort();
	return m;
}

static struct hive_memory made(const char *name, unsigned int how)
{
	size_t len;
	uint8_t *data = made_system(made_find(name), how, &len);
	struct hive_memory m = load(data, len);

	free(data);
	return m;
}

/* What a patch does: a new key with values, a value changed, one removed, a
 * key removed, and one of each that is so already. */
static const struct hive_edit edits[] = {
	{ HIVE_EDIT_SET, SERVICES "viostor", "Start", 4, BYTES("\0\0\0"), 4 },
	{ HIVE_EDIT_SET, SERVICES "viostor", "Type", 4, BYTES("\1\0\0"), 4 },
	{ HIVE_EDIT_SET, SERVICES "viostor", "ImagePath", 2,
	  BYTES("a\0b\0\0"), 6 },
	{ HIVE_EDIT_SET, SERVICES "viostor\\Parameters\\PnpInterface", "5", 4,
	  BYTES("\1\0\0"), 4 },
	{ HIVE_EDIT_SET, "controlset001\\control\\CRASHCONTROL", "autoreboot",
	  4, BYTES("\0\0\0"), 4 },
	{ HIVE_EDIT_DELETE_VALUE, "ControlSet001\\Control\\CrashControl",
	  "CrashDumpEnabled", 0, NULL, 0 },
	{ HIVE_EDIT_DELETE_KEY, SERVICES "storahci\\StartOverride", NULL, 0,
	  NULL, 0 },
	{ HIVE_EDIT_SET, SERVICES "storahci", "Start", 4, BYTES("\0\0\0"), 4 },
	{ HIVE_EDIT_DELETE_KEY, SERVICES "nothing\\here", NULL, 0, NULL, 0 },
	{ HIVE_EDIT_DELETE_VALUE, SERVICES "nothing", "here", 0, NULL, 0 },
};
/* Lines that differ then, in each reader: of hivexregedit, 3 new keys with 4
 * values, 1 value changed (two lines) and 1 gone, 1 key with 1 value gone. */
#define LINES 12

static int count_change(void *opaque, const struct hive_change *change,
			struct error *err)
{
	unsigned int *seen = opaque;

	(void)err;
	seen[change->kind]++;
	return 0;
}

static void compare_both(const struct hive_memory *a,
			 const struct hive_memory *b, unsigned int seen[6])
{
	unsigned int other[6] = { 0 };
	struct error err = { 0 };
	struct hive before, after;

	memset(seen, 0, 6 * sizeof(*seen));
	hive_open_bytes(&before, a->data, a->len, &err);
	hive_open_bytes(&after, b->data, b->len, &err);
	ok(hive_diff(&before, &after, count_change, seen, NULL, &err) == 0 &&
	   hive_compare(&before, &after, count_change, other, &err) == 0 &&
	   memcmp(seen, other, sizeof(other)) == 0,
	   "the quick comparison finds what the full one does %s", err.msg);
}

static void check_oracles(const struct hive_memory *a,
			  const struct hive_memory *b, size_t lines,
			  const char *what)
{
	for (size_t i = 0; i < ARRAY_SIZE(oracles); i++) {
		AUTO_FREE char *diff = oracle_diff(&oracles[i], a->data, a->len,
						   b->data, b->len);

		if (!diff)
			skip_one(oracles[i].name);
		else if (!ok(oracle_lines(diff) == lines,
			     "%s: %s sees %zu changed lines of %zu", what,
			     oracles[i].name, oracle_lines(diff), lines))
			fprintf(stderr, "%s", diff);
	}
}

/* What a page is taken for decides whether it is looked at, and written. */
static void check_changed(const struct hive_memory *before,
			  const struct hive_memory *after, const char *what)
{
	unsigned int wrong = 0, changed = 0;

	for (size_t at = 0; at < after->len; at += HIVE_PAGE) {
		bool is = !range_ok(at, HIVE_PAGE, before->len) ||
			  !range_ok(at, HIVE_PAGE, after->len) ||
			  memcmp(before->data + at, after->data + at, HIVE_PAGE) != 0;

		wrong += is != (after->changed[at / HIVE_PAGE] != 0);
		changed += is;
	}
	ok(!wrong && changed > 1, "%s: of %u pages that changed, %u are not told", what,
	   changed, wrong);
}

static void test_edit(const char *name)
{
	struct hive_memory before = made(name, MADE_OVERRIDE), after, again;
	unsigned int seen[6];
	struct error err = { 0 };

	ok(hive_apply(&before, -1, edits, ARRAY_SIZE(edits), 99, &after,
		      &err) == 0 && after.data, "%s: edited %s", name,
	   err.msg);
	compare_both(&before, &after, seen);
	ok(seen[HIVE_KEY_ADDED] == 3 && seen[HIVE_VALUE_ADDED] == 4 &&
	   seen[HIVE_VALUE_CHANGED] == 1 && seen[HIVE_VALUE_DELETED] == 2 &&
	   seen[HIVE_KEY_DELETED] == 1 && !seen[HIVE_KEY_CHANGED],
	   "exactly the edits are in it");
	check_changed(&before, &after, name);
	check_oracles(&before, &after, LINES, name);
	ok(get_le32(after.data + 4) == 100 && get_le32(after.data + 8) == 100
	   && get_le32(after.data + 508) == hive_base_checksum(after.data),
	   "number newer than any log's");
	ok(hive_apply(&after, -1, edits, ARRAY_SIZE(edits), 99, &again,
		      &err) == 0 && !again.data,
	   "a second time there is nothing to do");
	hive_memory_free(&after);
	hive_memory_free(&again);
	hive_memory_free(&before);
}

/* A log from before the edit must not fit the edited hive, not even after the
 * next crash of the guest. */
static void test_stale_log(const char *name, bool old_format)
{
	struct hive_memory before = made(name, MADE_OVERRIDE), after;
	struct log_buffer log;
	struct hivelog_file logs[2] = { { NULL, 0 } };
	struct error err = { 0 };
	struct hivelog replayed;
	size_t len;
	uint8_t *newer = made_system(made_find(name), MADE_BOUND, &len);
	uint32_t seq;

	if (old_format) {
		log_dirt(&log, 50, before.data, before.len, newer, len);
		put_le64(log.data + 12, get_le64(before.data + 12));
		raw_checksum(log.data);
	} else {
		log_start(&log, before.data, 50);
		log_entry(&log, 50, before.data, before.len, newer, 4096, len);
	}
	logs[0] = (struct hivelog_file){ log.data, log.len };
	ok(hivelog_read(before.data, before.len, logs, &replayed,
			&err) == 0, "%s: log noted", name);
	hive_apply(&before, -1, edits, ARRAY_SIZE(edits), replayed.newest_seq,
		   &after, &err);
	hivelog_free(&replayed);
	seq = get_le32(after.data + 4);
	log_make_dirty(after.data, seq);
	ok(hivelog_read(after.data, after.len, logs, &replayed, &err) < 0 &&
	   err.code == REFUSE_HIVE_DIRTY,
	   "%s: a stale log fits no more: %s", name, err.msg);
	hivelog_free(&replayed);
	hive_memory_free(&after);
	hive_memory_free(&before);
	free(log.data);
	free(newer);
}

static void expect_failure(const struct hive_memory *before,
			   const struct hive_edit *e, size_t n, int code,
			   const char *what)
{
	struct hive_memory after;
	struct error err = { 0 };

	ok(hive_apply(before, -1, e, n, 1, &after, &err) < 0 &&
	   err.code == code && !after.data, "%s: %s", what, err.msg);
}

/* As no Windows writes them: hivex would end the program over each. */
static void test_freed(struct hive_memory *before)
{
	struct hive_edit e = { .kind = HIVE_EDIT_DELETE_KEY, .path = "Good" };
	struct hive_key root = { 0 }, key = { 0 };
	uint32_t *cells = NULL;
	uint8_t *class, *value;
	struct error err = { 0 };
	struct hive_memory after;
	struct hive h;

	ok(hive_open_bytes(&h, before->data, before->len, NULL) == 0 &&
	   hive_root(&h, &root, NULL) == 0 && hive_find(&h, &root, "Good", &key, NULL) == 1 &&
	   hive_values(&h, &key, &cells, NULL) == 1, "there is a key with a value");
	class = before->data + HIVE_BASE_SIZE + key.at + 4 + 48;
	put_le32(class, 0x123456);
	expect_failure(before, &e, 1, REFUSE_HIVE_DAMAGED, "a class of no length");
	put_le32(class, HIVE_NO_CELL);
	value = before->data + HIVE_BASE_SIZE + *cells + 4 + 4;
	put_le32(value, 0);
	put_le32(value + 4, root.at);
	expect_failure(before, &e, 1, REFUSE_HIVE_DAMAGED, "a value of no length, deleted");
	ok(hive_apply(before, -1, &e, 1, 1, &after, &err) < 0 &&
	   strstr(err.msg, "a value of no length") != NULL, "before hivex frees what it names");
	e = (struct hive_edit){ HIVE_EDIT_SET, "Good", "x", 4, value, 4 };
	expect_failure(before, &e, 1, REFUSE_HIVE_DAMAGED, "and with another beside it");
	put_le32(value, 0x80000000);
	is_int(hive_apply(before, -1, &e, 1, 1, &after, NULL), 0,
	       "one of no length within its cell");
	hive_memory_free(&after);
	free(cells);
}

static void test_refusals(void)
{
	static const uint8_t large[HIVE_PLAIN_LIMIT + 1];
	static struct hive_edit many[HIVE_EDITS_LIMIT + 1];
	struct hive_edit e = { HIVE_EDIT_SET, "New", "Start", 4, large, 4 };
	struct hive_memory before;
	uint8_t *data;
	struct error err = { 0 };
	struct made m;
	size_t len;

	made_open(&m, 5, 0);
	made_set(&m, "Big", "big", 3, large, HIVE_PLAIN_LIMIT + 1);
	made_set(&m, "Odd", "gr\xc3\xbc\xc3\x9f", 3, large, 4);
	made_set(&m, "Good", "good", 3, large, 4);
	data = made_close(&m, &len);
	before = load(data, len);
	free(data);
	e.path = "Big";
	expect_failure(&before, &e, 1, REFUSE_BIG_VALUE, "big value beside it");
	e.path = "Odd";
	expect_failure(&before, &e, 1, REFUSE_BIG_VALUE, "odd name beside it");
	e.path = "Good";
	e.len = HIVE_PLAIN_LIMIT + 1;
	expect_failure(&before, &e, 1, EPROTO, "too large");
	e.len = 4;
	e.name = "gr\xc3\xbc\xc3\x9f";
	expect_failure(&before, &e, 1, EPROTO, "name that isn't ASCII");
	e.name = "Start";
	e.path = "a\\\\b";
	expect_failure(&before, &e, 1, EPROTO, "empty name in a path");
	e.path = "";
	expect_failure(&before, &e, 1, EPROTO, "the root key itself");
	e.kind = HIVE_EDIT_DELETE_KEY;
	e.path = "Good";
	expect_failure(&before, &e, 1, EPROTO, "deleted key with a value name");
	expect_failure(&before, many, ARRAY_SIZE(many), EPROTO, "too many");
	test_freed(&before);
	before.data[5000] ^= 0xff;
	e = (struct hive_edit){ HIVE_EDIT_SET, "Good", "x", 4, large, 4 };
	put_le32(before.data + 4096 + 8, 0);
	ok(hive_apply(&before, -1, &e, 1, 1, &(struct hive_memory){ 0 }, &err) < 0,
	   "damaged hive");
	is_int(err.code, REFUSE_HIVE_DAMAGED, "which is what it is refused for");
	hive_memory_free(&before);
}

/* The proof must see what it is there for: any other change, anywhere. */
static void test_proof(void)
{
	struct hive_memory before = made("10", 0), after = made("10", 0);
	struct hive a, b;
	unsigned int seen[6];
	struct error err = { 0 };
	struct hive_key root, key;
	struct hive_stats stats = { 0 };
	struct hive_value v;

	hive_open_bytes(&a, before.data, before.len, &err);
	hive_open_bytes(&b, after.data, after.len, &err);
	hive_root(&b, &root, &err);
	hive_find(&b, &root, SERVICES "LSI_SAS", &key, &err);
	hive_get(&b, &key, "Group", &v, &err);
	after.data[v.data - after.data] ^= 1;
	compare_both(&before, &after, seen);
	ok(seen[HIVE_VALUE_CHANGED] == 1, "one flipped bit of a value");
	after.data[v.data - after.data] ^= 1;

	put_le64(after.data + 4096 + key.at + 8, 1);
	compare_both(&before, &after, seen);
	ok(seen[HIVE_KEY_CHANGED] == 1, "the time of a key");
	put_le64(after.data + 4096 + key.at + 8, key.time);

	after.data[4096 + key.security + 4 + 20 + 40] ^= 1;
	compare_both(&before, &after, seen);
	hive_check(&a, &stats, &err);
	ok(seen[HIVE_KEY_CHANGED] == stats.keys,
	   "the security descriptor that all %u keys share", stats.keys);
	hive_memory_free(&before);
	hive_memory_free(&after);
}

/* Edits that bring a real hive's whole machinery along. */
static void test_real(const char *name, bool clean_it, unsigned int keys,
		      size_t lines)
{
	struct hive_memory before, after;
	struct error err = { 0 };
	struct hive_stats stats;
	unsigned int seen[6];
	struct hive h;
	size_t len;
	uint8_t *data = real_hive(name, &len);
	int rc;

	if (!data) {
		real_skip(name);
		return;
	}
	if (clean_it)	/* its logs are lost: take it as it stands */
		hive_base_seal(data, get_le32(data + 4));
	before = load(data, len);
	free(data);
	hive_open_bytes(&h, before.data, before.len, &err);
	rc = hive_check(&h, &stats, &err);
	ok(rc == 0 && stats.lost == 0, "%s: whole, %u keys, %u values", name,
	   rc == 0 ? stats.keys : 0, rc == 0 ? stats.values : 0);
	rc = hive_apply(&before, -1, edits, ARRAY_SIZE(edits), 0, &after, &err);
	ok(rc == 0, "%s: edited %s", name, err.msg);
	if (!after.data)
		return;
	compare_both(&before, &after, seen);
	ok(seen[HIVE_KEY_ADDED] == keys &&
	   seen[HIVE_VALUE_ADDED] == keys + 1, "%s: only the edits", name);
	check_changed(&before, &after, name);
	check_oracles(&before, &after, lines, name);
	hive_memory_free(&before);
	hive_memory_free(&after);
}

int main(void)
{
	struct error err = { 0 };

	ok(hive_prepare(&err) == 0, "conversions %s", err.msg);
	test_edit("10");
	test_edit("8.1");
	test_stale_log("10", false);
	test_stale_log("8", true);
	test_stale_log("7", true);
	test_refusals();
	test_proof();
	/* Neither has a StartOverride to remove; 7 has no storahci yet. */
	test_real("win7-vmware-lsi.SYSTEM", false, 4, LINES);
	test_real("win10-1903-vmware-lsi.SYSTEM", true, 3, LINES - 2);
	return done_testing();
}
