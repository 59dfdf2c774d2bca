// SPDX-License-Identifier: GPL-2.0-or-later
/* test-editsback.c - what a patch has changed is taken back by its record */

#include "tests/editstest.h"
#include "tests/tap.h"

static char *record_of(const struct edits *plan, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	edits_write_record(plan, out);
	fclose(out);
	return text;
}

static bool restore(struct guest *g, const char *record, size_t len,
		    unsigned int groups, struct edits **plan, struct error *err)
{
	struct hive_memory before, after = { 0 };
	bool good;

	*plan = NULL;
	if (edits_plan_restore(g->win, record, len, groups, plan, err) < 0 ||
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

/* A key that the patch had to make for a value of the way only. */
static void test_restore_new_key(void)
{
	static const char key[] = "ControlSet001\\Services\\partmgr\\Parameters";
	static const char below[] = "ControlSet001\\Services\\partmgr\\Parameters\\Below";
	struct edits_request request = { .bus = TARGET_VIRTIO, .trial = true };
	const struct hive_edit edits[] = {
		{ .kind = HIVE_EDIT_DELETE_KEY, .path = key },
		{ HIVE_EDIT_SET, key, "Theirs", 4, (const uint8_t *)"\7\0\0", 4 },
		{ HIVE_EDIT_SET, below, "Theirs", 4, (const uint8_t *)"\10\0\0", 4 },
	};
	AUTO_FREE char *record = NULL;
	struct guest g = { 0 };
	struct edits *plan;
	struct error err = { 0 };
	size_t len;

	guest_open(&g, "10", 0, &err);
	somebody_edits(&g, &edits[0], &err);
	is_int(number_at(&g, key, "SanPolicy"), 999, "no key for SanPolicy");
	patch(&g, &request, "10", &plan, &err);
	record = record_of(plan, &len);
	edits_free(plan);
	is_int(number_at(&g, key, "SanPolicy"), 1, "patched: there is one");
	somebody_edits(&g, &edits[1], &err);
	somebody_edits(&g, &edits[2], &err);
	ok(restore(&g, record, len, GROUP_BIT(GROUP_TRIAL), &plan, &err),
	   "it goes back, whatever else is in there by now");
	is_int(number_at(&g, key, "SanPolicy"), 999, "SanPolicy is gone");
	ok(number_at(&g, key, "Theirs") == 7 && number_at(&g, below, "Theirs") == 8,
	   "what others have put there stays");
	edits_free(plan);
	guest_close(&g);
}

static void test_restore(void)
{
	static const char crash[] = "ControlSet001\\Control\\CrashControl";
	static const char power[] =
		"ControlSet001\\Control\\Session Manager\\Power";
	static const char ahci[] =
		"ControlSet001\\Services\\storahci\\StartOverride";
	struct edits_request request = { .bus = TARGET_VIRTIO, .trial = true,
					 .package = true };
	struct hive_edit theirs = { HIVE_EDIT_SET, power, "HiberbootEnabled", 4,
				    (const uint8_t *)"\7\0\0", 4 };
	AUTO_FREE char *record = NULL;
	struct guest g = { 0 };
	struct edits *plan;
	struct error err = { 0 };
	size_t len;

	guest_open(&g, "10", MADE_OVERRIDE, &err);
	patch(&g, &request, "10", &plan, &err);
	record = record_of(plan, &len);
	edits_free(plan);
	ok(restore(&g, record, len, GROUP_BIT(GROUP_TRIAL), &plan, &err) &&
	   plan->changes == 1 && number_at(&g, crash, "AutoReboot") == 1,
	   "the trial's edits go back: AutoReboot (SanPolicy was so before)");
	ok(number_at(&g, power, "HiberbootEnabled") == 0 &&
	   number_at(&g, ahci, "0") == 999, "and only they");
	edits_free(plan);
	ok(restore(&g, record, len, GROUP_BIT(GROUP_TRIAL), &plan, &err) &&
	   plan->changes == 0, "a second time there is nothing to do");
	edits_free(plan);

	somebody_edits(&g, &theirs, &err);
	ok(restore(&g, record, len, GROUP_ALL, &plan, &err) &&
	   number_at(&g, power, "HiberbootEnabled") == 7,
	   "what Windows has changed since stays");
	ok(number_at(&g, ahci, "0") == 3, "a removed key comes back");
	ok(number_at(&g, "ControlSet001\\Services\\busflip", "Start") == 999,
	   "the setup service goes");
	ok(number_at(&g, "ControlSet001\\Services\\viostor", "Start") == 0 &&
	   plan->moved_on > 1, "the driver's service and entries stay (%zu)",
	   plan->moved_on);
	edits_free(plan);
	guest_close(&g);
}

static void test_bad_records(void)
{
	static const char *const bad[] = {
		"", "nonsense\n", "busflip-edits\t2\n",
		"busflip-edits\t1\ntrial\t0\ta\t=b\t4\t00000000\t4\n",
		"busflip-edits\t1\ntrial\t0\ta\t=b\t4\t00000000\t4\t00\t1\n",
		"busflip-edits\t1\nother\t0\ta\t=b\t4\t00000000\t4\t00\n",
		"busflip-edits\t1\ntrial\t7\ta\t=b\t4\t00000000\t4\t00\n",
		"busflip-edits\t1\ntrial\t0\ta\t=b\tx\t00000000\t4\t00\n",
		"busflip-edits\t1\ntrial\t0\ta\t=b\t4\t0000000\t4\t00\n",
		"busflip-edits\t1\ntrial\t0\ta\t=b\t4\t0000000g\t4\t00\n",
		"busflip-edits\t1\ntrial\t0\t\t=b\t4\t00000000\t4\t00\n",
		"busflip-edits\t1\ntrial\t0\ta\t-\t4\t00000000\t4\t00\n",
		"busflip-edits\t1\ntrial\t2\ta\t=b\t0\t\t-\t\n",
		"busflip-edits\t1\ntrial\t0\ta\t=b\t-4\t00000000\t4\t00\n",
		"busflip-edits\t1\ntrial\t0\ta\t=b\t99999999999\t00\t4\t00\n",
	};
	struct guest g = { 0 };
	struct edits *plan;
	struct error err = { 0 };

	guest_open(&g, "10", 0, &err);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err.code = 0;
		ok(edits_plan_restore(g.win, bad[i], strlen(bad[i]),
				      GROUP_ALL, &plan, &err) < 0,
		   "bad record %zu: %s", i, err.msg);
	}
	guest_close(&g);
}

int main(void)
{
	test_restore_new_key();
	test_restore();
	test_bad_records();
	return done_testing();
}
