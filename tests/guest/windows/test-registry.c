/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-registry.c - hives, their logs, and how both change */

#include "hive.h"
#include "hivelog.h"

#include "../../tap.h"

static struct bytes made(unsigned keys, uint32_t value)
{
	struct bytes b = hive_empty("ROOT");
	struct hive *h = hive_open(&b);

	bytes_free(&b);
	for (unsigned i = 0; i < keys; i++) {
		char name[32];

		snprintf(name, sizeof(name), "Key%u\\Below", i);
		hive_set_u32(h, hive_make(h, hive_root(h), name), "Value", value);
	}
	b = hive_save(h);
	hive_close(h);
	return b;
}

static uint32_t value_in(const struct bytes *b, const char *key)
{
	struct hive *h = hive_open(b);
	uint32_t v = h ? hive_u32(h, hive_find(h, hive_root(h), key), "Value", 0) : 0;

	hive_close(h);
	return v;
}

/* The next state of a hive: one value changed, and more keys */
static struct bytes changed(const struct bytes *from, uint32_t value, unsigned more)
{
	struct hive *h = hive_open(from);
	struct bytes b;

	hive_set_u32(h, hive_make(h, hive_root(h), "Key0\\Below"), "Value", value);
	for (unsigned i = 0; i < more; i++) {
		char name[32];

		snprintf(name, sizeof(name), "More%u", i);
		hive_make(h, hive_root(h), name);
	}
	b = hive_save(h);
	hive_close(h);
	return b;
}

static void test_hive(void)
{
	struct bytes b = made(300, 7);
	struct hive *h = hive_open(&b);
	hkey key = hive_find(h, hive_root(h), "key299\\BELOW");
	uint64_t before = hive_time(h, key);
	const char *list[] = { "one", "two", NULL };
	char *text;

	ok(key != 0, "case does not matter");
	is_int(hive_u32(h, key, "value", 0), 7, "neither in values");
	hive_touch(h, key, before + 5);
	hive_set_texts(h, hive_root(h), "List", list);
	bytes_free(&b);
	b = hive_save(h);
	hive_close(h);
	h = hive_open(&b);
	ok(hive_time(h, hive_find(h, hive_root(h), "Key299\\Below")) == before + 5,
	   "a key's time is stored");
	text = hive_text(h, hive_root(h), "List");
	is_str(text, "one", "a list of strings");
	free(text);
	hive_close(h);
	bytes_free(&b);
}

static void test_new_log(void)
{
	struct bytes a = made(100, 1), b = changed(&a, 2, 0), c = changed(&b, 3, 400);
	struct hivefiles f = { 0 };

	hivelog_stamp(&a, 6, 5, 99);
	hivelog_append(&f.log1, &a, &b, 6);
	hivelog_append(&f.log1, &b, &c, 7);
	f.primary = bytes_copy(a.data, a.len);
	ok(hivelog_dirty(&f.primary), "different sequence numbers: dirty");
	is_int(hivelog_replay(&f), 2, "two entries");
	is_int(value_in(&f.primary, "Key0\\Below"), 3, "the last one's value");
	is_int(hivelog_seq2(&f.primary), 8, "last + 1 (6.3)");
	ok(!hivelog_dirty(&f.primary), "and clean");
	ok(f.primary.len == c.len, "it grew");

	bytes_free(&f.primary);
	hivelog_stamp(&a, 5, 5, 99);
	f.primary = bytes_copy(a.data, a.len);
	is_int(hivelog_replay(&f), 0, "clean: the logs are not looked at (6.1)");
	is_int(value_in(&f.primary, "Key0\\Below"), 1, "so the old value");

	bytes_free(&f.primary);
	hivelog_stamp(&a, 9, 8, 99);
	f.primary = bytes_copy(a.data, a.len);
	is_int(hivelog_replay(&f), 0, "a log older than the primary is skipped");

	bytes_free(&f.primary);
	hivelog_stamp(&a, 6, 5, 99);
	f.primary = bytes_copy(a.data, a.len);
	f.log1.data[f.log1.len - 700] ^= 1;
	is_int(hivelog_replay(&f), 1, "a torn entry ends it");
	is_int(value_in(&f.primary, "Key0\\Below"), 2, "after the whole ones");

	bytes_free(&f.primary);
	f.primary = bytes_copy(a.data, a.len);
	f.log1.data[512 + 45] ^= 1;
	is_int(hivelog_replay(&f), 0, "a wrong hash is no entry");
	bytes_free(&f.primary);
	bytes_free(&f.log1);
	bytes_free(&a);
	bytes_free(&b);
	bytes_free(&c);
}

static void test_old_log(void)
{
	struct bytes a = made(100, 1), b = changed(&a, 2, 300);
	struct hivefiles f = { .log1 = hivelog_old(&a, &b, 6, 1234) };

	hivelog_stamp(&a, 6, 5, 1234);
	f.primary = bytes_copy(a.data, a.len);
	is_int(hivelog_replay(&f), 1, "an old log is applied");
	is_int(value_in(&f.primary, "Key0\\Below"), 2, "and has the value");
	ok(!hivelog_dirty(&f.primary), "clean then");
	hivelog_stamp(&a, 6, 5, 1233);
	bytes_free(&f.primary);
	f.primary = bytes_copy(a.data, a.len);
	is_int(hivelog_replay(&f), 0, "of another time it is not (6.2)");
	bytes_free(&f.primary);
	f.primary = bytes_copy(a.data, a.len);
	f.primary.data[100] ^= 1;
	is_int(hivelog_replay(&f), 1, "a broken header is taken from the log");
	bytes_free(&f.log1);
	bytes_free(&f.primary);
	f.primary = bytes_copy(a.data, a.len);
	f.primary.data[100] ^= 1;
	is_int(hivelog_replay(&f), -1, "or, without one, nothing is left");
	bytes_free(&f.primary);
	bytes_free(&a);
	bytes_free(&b);
}

/* That it is the right sum is shown where real logs are: test-real-hives.sh. */
static void test_marvin(void)
{
	uint8_t zero[32] = { 0 }, one[32] = { 1 };

	ok(hivelog_marvin(zero, 32) != hivelog_marvin(one, 32), "one bit makes another sum");
	ok(hivelog_marvin(zero, 28) != hivelog_marvin(zero, 32), "so does the length");
}

static unsigned count_keys(struct hive *h, hkey key)
{
	hkey *list = hive_children(h, key);
	unsigned n = 1;

	for (size_t i = 0; list[i]; i++)
		n += count_keys(h, list[i]);
	free(list);
	return n;
}

/* With arguments: what a hive and its logs come to */
static int tell(char **file)
{
	struct hivefiles f = { read_file(file[0]), read_file(file[1]), read_file(file[2]) };
	int replayed = hivelog_replay(&f);
	struct hive *h = replayed < 0 ? NULL : hive_open(&f.primary);

	printf("replayed=%d sequence=%u keys=%u\n", replayed,
	       hivelog_seq2(&f.primary), h ? count_keys(h, hive_root(h)) : 0);
	return 0;
}

int main(int argc, char **argv)
{
	base_quiet = true;
	if (argc == 4)
		return tell(argv + 1);
	test_hive();
	test_new_log();
	test_old_log();
	test_marvin();
	return done_testing();
}
