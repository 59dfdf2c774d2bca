// SPDX-License-Identifier: GPL-2.0-or-later
/* test-edittemporary.c - settings that a patch changes temporarily are restored */

#include "tests/editstest.h"
#include "tests/tap.h"

static bool restore(struct guest *g, struct edits **plan, struct error *err)
{
	struct hive_memory before, after = { 0 };
	bool good;

	*plan = NULL;
	if (edits_plan_restore(g->win, plan, err) < 0 ||
	    hive_memory_new(&before, g->system, g->system_len, err) < 0)
		return false;
	good = edits_apply(*plan, &before, -1, 0, &after, err) == 0;
	if (good && after.data) {
		g->system = realloc(g->system, after.len);
		memcpy(g->system, after.data, after.len);
		g->system_len = after.len;
		hive_open_bytes(&g->win->system, g->system, after.len, err);
	}
	hive_memory_free(&before);
	hive_memory_free(&after);
	return good;
}

static uint32_t number_at(struct guest *g, const char *path, const char *name)
{
	struct error err;
	struct hive_key key;
	uint32_t number = 999;

	if (windows_find_path(g->win, path, &key, &err) == 1)
		hive_get_dword(&g->win->system, &key, name, &number, &err);
	return number;
}

static void somebody_edits(struct guest *g, const struct hive_edit *edit, struct error *err)
{
	struct hive_memory m, changed;

	hive_memory_new(&m, g->system, g->system_len, err);
	hive_apply(&m, -1, edit, 1, 0, &changed, err);
	g->system = realloc(g->system, changed.len);
	memcpy(g->system, changed.data, changed.len);
	g->system_len = changed.len;
	hive_open_bytes(&g->win->system, g->system, g->system_len, err);
	hive_memory_free(&m);
	hive_memory_free(&changed);
}

static const char crash[] = "ControlSet001\\Control\\CrashControl";
static const char power[] = "ControlSet001\\Control\\Session Manager\\Power";
static const char partmgr[] = "ControlSet001\\Services\\partmgr\\Parameters";

static bool has_key(struct guest *g, const char *path)
{
	struct error err;
	struct hive_key key;

	return windows_find_path(g->win, path, &key, &err) == 1;
}

static void patched(struct guest *g, const char *name)
{
	struct edits_request request = { .bus = TARGET_VIRTIO, .package = true };
	struct edits *plan;
	struct error err = { 0 };

	ok(patch(g, &request, name, &plan, &err), "%s: patched %s", name, err.msg);
	edits_free(plan);
}

static void restored(struct guest *g, size_t moved_on, const char *what)
{
	struct edits *plan;
	struct error err = { 0 };

	ok(restore(g, &plan, &err) && plan->changes && plan->moved_on == moved_on &&
	   !has_key(g, "busflip"), "%s %s", what, err.msg);
	edits_free(plan);
	ok(restore(g, &plan, &err) && !plan->changes, "then there is nothing to restore");
	edits_free(plan);
}

static void set(struct guest *g, const char *path, const char *name, const char *number)
{
	struct hive_edit e = { HIVE_EDIT_SET, path, name, 4, (const uint8_t *)number, 4 };
	struct error err;

	somebody_edits(g, &e, &err);
}

static void test_restore(void)
{
	struct guest g = { 0 };
	struct error err = { 0 };

	guest_open(&g, "10", MADE_OVERRIDE, &err);
	set(&g, partmgr, "SanPolicy", "\3\0\0");
	patched(&g, "10");
	ok(!number_at(&g, crash, "AutoReboot") && !number_at(&g, power, "HiberbootEnabled") &&
	   number_at(&g, partmgr, "SanPolicy") == 1, "the settings of a patch");
	is_int(number_at(&g, "busflip\\ControlSet001", "SanPolicy"), 3, "the hive has the old one");
	restored(&g, 0, "restored");
	ok(number_at(&g, crash, "AutoReboot") == 1 &&
	   number_at(&g, power, "HiberbootEnabled") == 1 &&
	   number_at(&g, partmgr, "SanPolicy") == 3, "all are as they were");
	ok(number_at(&g, "ControlSet001\\Services\\viostor", "Start") == 0 &&
	   has_key(&g, "ControlSet001\\Services\\busflip") &&
	   number_at(&g, "ControlSet001\\Services\\storahci\\StartOverride", "0") == 999,
	   "and only they");
	guest_close(&g);
}

static void test_absent(void)
{
	static const char below[] = "ControlSet001\\Services\\partmgr\\Parameters\\Below";
	const struct hive_edit none = { .kind = HIVE_EDIT_DELETE_KEY, .path = partmgr };
	struct guest g = { 0 };
	struct error err = { 0 };

	guest_open(&g, "10", 0, &err);
	somebody_edits(&g, &none, &err);
	is_int(number_at(&g, partmgr, "SanPolicy"), 999, "no key for SanPolicy");
	patched(&g, "10");
	is_int(number_at(&g, partmgr, "SanPolicy"), 1, "patched: there is one");
	set(&g, partmgr, "Theirs", "\7\0\0");
	set(&g, below, "Theirs", "\10\0\0");
	restored(&g, 0, "restored, whatever else is in its key by now");
	is_int(number_at(&g, partmgr, "SanPolicy"), 999, "SanPolicy is gone");
	ok(number_at(&g, partmgr, "Theirs") == 7 && number_at(&g, below, "Theirs") == 8,
	   "what others have put there stays");
	guest_close(&g);
}

static void test_changed_since(void)
{
	struct guest g = { 0 };
	struct error err = { 0 };

	guest_open(&g, "10", 0, &err);
	patched(&g, "10");
	set(&g, power, "HiberbootEnabled", "\1\0\0");
	patched(&g, "10");
	set(&g, crash, "AutoReboot", "\7\0\0");
	restored(&g, 1, "restored, except for what Windows has changed");
	ok(number_at(&g, power, "HiberbootEnabled") == 1 && number_at(&g, crash, "AutoReboot") == 7,
	   "after two patches it is as before the first, and the newer value stays");
	guest_close(&g);
}

/* Windows 7 may start from the other control set by itself. */
static void test_both_sets(void)
{
	struct guest g = { 0 };
	struct error err = { 0 };

	guest_open(&g, "7", 0, &err);
	patched(&g, "7");
	ok(!number_at(&g, crash, "AutoReboot") &&
	   !number_at(&g, "ControlSet002\\Control\\CrashControl", "AutoReboot"), "both are off");
	restored(&g, 0, "7: restored");
	ok(number_at(&g, crash, "AutoReboot") == 1 &&
	   number_at(&g, "ControlSet002\\Control\\CrashControl", "AutoReboot") == 1,
	   "in both sets");
	guest_close(&g);
}

/* The guest can write to the key, too. */
static void test_hostile(void)
{
	static const struct {
		const char *name, *path, *value;
		size_t len;
	} cases[] = {
		{ "keys below it", "busflip\\ControlSet001\\x\\y", "a", 4 },
		{ "keys beside it", "busflip\\other", "a", 4 },
		{ "a set that is none", "busflip\\ControlSet999", "AutoReboot", 4 },
		{ "other values", "busflip\\ControlSet001", "Start", 4 },
		{ "a large value", "busflip\\ControlSet001", "AutoReboot", 16000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const uint8_t data[16000] = { 2 };
		const struct hive_edit e = { HIVE_EDIT_SET, cases[i].path, cases[i].value, 3, data,
					     (uint32_t)cases[i].len };
		struct guest g = { 0 };
		struct error err = { 0 };

		guest_open(&g, "10", 0, &err);
		patched(&g, "10");
		somebody_edits(&g, &e, &err);
		restored(&g, 0, cases[i].name);
		guest_close(&g);
	}
}

int main(void)
{
	test_restore();
	test_absent();
	test_changed_since();
	test_both_sets();
	test_hostile();
	return done_testing();
}
