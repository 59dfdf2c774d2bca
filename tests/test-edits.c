// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-edits.c - planned edits prepare each Windows, change nothing else, and are made
 * only once
 */

#include "helper/shared/file.h"
#include "helper/shared/json.h"
#include "helper/shared/text.h"
#include "tests/editstest.h"
#include "tests/oracle.h"
#include "tests/realhive.h"
#include "tests/tap.h"

static size_t needed_in(const struct edits *plan, enum edit_group group)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n; i++)
		n += plan->list[i].needed && plan->list[i].group == group;
	return n;
}

/* ---- every generation, both drivers -------------------------------------- */

static void test_ready(const struct made_windows *m, enum target_bus bus)
{
	struct edits_request request = { .bus = bus, .package = true };
	struct guest g = { 0 };
	struct edits *plan = NULL;
	struct error err = { 0 };
	const struct virtio *v;
	size_t changes;

	guest_open(&g, m->name, MADE_OVERRIDE, &err);
	ok(patch(&g, &request, m->name, &plan, &err), "%s, %s: patched %s",
	   m->name, virtio_service_name(bus), err.msg);
	changes = plan ? plan->changes : 0;
	edits_free(plan);
	v = &g.win->virtio[bus];
	ok(v->state == VIRTIO_BOOTABLE && v->ids[0].findable &&
	   v->ids[1].findable && !v->service.overridden,
	   "bootable, found for both PCI ids (%s)", v->reason);
	ok(g.win->virtio[!bus].state == VIRTIO_ABSENT,
	   "the other driver is not touched");
	ok(g.win->ahci_ready && g.win->ide_ready, "SATA ready %s",
	   g.win->ahci_reason);
	ok(g.win->auto_reboot.value == 0 && g.win->san_policy.value == 1 &&
	   (!m->eight || g.win->hiberboot.value == 0),
	   "AutoReboot, SanPolicy, fast startup (%zu changes)", changes);
	ok(!patch(&g, &request, m->name, &plan, &err) && plan &&
	   plan->changes == 0,
	   "a second patch has nothing to do");
	edits_free(plan);
	guest_close(&g);
}

static void test_known_good_set(void)
{
	struct edits_request request = { .bus = TARGET_VIRTIO };
	struct guest g = { 0 };
	struct edits *plan;
	struct error err = { 0 };
	struct hive_key key;
	uint32_t start = 9;

	guest_open(&g, "7", MADE_OVERRIDE, &err);
	patch(&g, &request, "7", &plan, &err);
	edits_free(plan);
	ok(windows_find_path(g.win, "ControlSet002\\Services\\msahci", &key,
			     &err) == 1 &&
	   hive_get_dword(&g.win->system, &key, "Start", &start, &err) == 1
	   && start == 0, "7: the last known good set is patched too");
	guest_close(&g);
}

static bool has_key(const struct guest *g, const char *path)
{
	struct hive_key key;
	struct error err;

	return windows_find_path(g->win, path, &key, &err) == 1;
}

/* Windows would find no disk behind a bus driver that does not start, and it plants
 * StartOverride in all its control sets. */
static void test_overrides(void)
{
	static const char other[] = "ControlSet002\\Services\\storahci\\StartOverride";
	struct edits_request request = { .bus = TARGET_VIRTIO };
	struct guest g = { 0 };
	struct edits *plan;
	struct error err = { 0 };

	guest_open(&g, "2019", MADE_BUS | MADE_TWO_SETS, &err);
	ok(!g.win->ahci_ready && !g.win->ide_ready &&
	   str_eq(g.win->ahci_reason, "pci has Start 0 but StartOverride 3"),
	   "PCI off: SATA is not ready (%s)", g.win->ahci_reason);
	ok(has_key(&g, other), "another control set has one, too");
	ok(patch(&g, &request, "2019", &plan, &err) && needed_in(plan, GROUP_OVERRIDE) == 2,
	   "both are removed %s", err.msg);
	ok(g.win->ahci_ready && g.win->ide_ready, "SATA is ready %s", g.win->ahci_reason);
	ok(!has_key(&g, "ControlSet001\\Services\\pci\\StartOverride") && !has_key(&g, other),
	   "none is left");
	ok(has_key(&g, "ControlSet002\\Services\\storahci") &&
	   !has_key(&g, "ControlSet002\\Services\\viostor"),
	   "nothing else is done to the other set");
	edits_free(plan);
	guest_close(&g);
}

/* A driver that Windows has installed for itself is left as it is. */
static void test_installed(void)
{
	struct edits_request request = { .bus = TARGET_VIRTIO };
	struct guest g = { 0 };
	struct edits *plan;
	struct error err = { 0 };

	guest_open(&g, "10", MADE_BOUND, &err);
	edits_plan(g.win, &request, &plan, &err);
	ok(needed_in(plan, GROUP_SERVICE) == 2 &&
	   !needed_in(plan, GROUP_DATABASE),
	   "bound: only the missing parameters of the service");
	edits_free(plan);
	guest_close(&g);
	guest_open(&g, "10", MADE_BOUND | MADE_OVERRIDDEN, &err);
	ok(patch(&g, &request, "10", &plan, &err) &&
	   needed_in(plan, GROUP_OVERRIDE) == 1 &&
	   g.win->virtio[TARGET_VIRTIO].state == VIRTIO_BOUND,
	   "bound but overridden: the override goes, and it is bound");
	edits_free(plan);
	guest_close(&g);
}

static bool bootable(const struct guest *g, enum target_bus bus)
{
	const struct virtio *v = &g->win->virtio[bus];

	return v->state == VIRTIO_BOOTABLE && v->ids[0].findable && v->ids[1].findable;
}

/* Who comes second leaves what the first has written: virt-v2v's package for the other
 * driver, under both of its labels, and ours. */
static void test_beside(unsigned int how, const char *whose)
{
	struct edits_request request = { .bus = TARGET_VIRTIO };
	struct guest g = { 0 };
	struct edits *plan = NULL;
	struct error err = { 0 };

	guest_open(&g, "10", how, &err);
	if (!how) {
		patch(&g, &request, "10", &plan, &err);
		edits_free(plan);
	}
	request.bus = TARGET_SCSI;
	ok(bootable(&g, TARGET_VIRTIO) && !bootable(&g, TARGET_SCSI) &&
	   patch(&g, &request, "10", &plan, &err) && bootable(&g, TARGET_SCSI),
	   "%s viostor, then vioscsi: that is bootable %s", whose, err.msg);
	edits_free(plan);
	ok(bootable(&g, TARGET_VIRTIO), "and so is viostor still (%s)",
	   g.win->virtio[TARGET_VIRTIO].reason);
	for (unsigned int k = 0; k < TARGET_BUSES; k++) {
		request.bus = (enum target_bus)k;
		edits_plan(g.win, &request, &plan, &err);
		ok(plan && !needed_in(plan, GROUP_DATABASE),
		   "nothing more is to do for %s", virtio_service_name(request.bus));
		edits_free(plan);
	}
	guest_close(&g);
}

static void test_missing_image(void)
{
	struct edits_request request = { .bus = TARGET_VIRTIO };
	struct guest g = { 0 };
	struct edits *plan;
	struct error err = { 0 };
	bool path = false;

	guest_usual_files(&g, 0x8664);
	guest_open(&g, "10", MADE_BOUND, &err);
	edits_plan(g.win, &request, &plan, &err);
	for (size_t i = 0; i < plan->n; i++)
		path |= plan->list[i].needed && plan->list[i].e.name &&
			str_eq(plan->list[i].e.name, "ImagePath");
	ok(path, "an image that isn't there is named anew");
	edits_free(plan);
	guest_close(&g);
}

/* ---- seen by others ------------------------------------------------------ */

/* The .reg file, merged by hivexregedit into the hive as it was, must give what
 * we made. */
static void check_reg(const uint8_t *before, size_t before_len,
		      const struct edits *plan, const struct guest *after,
		      const char *name)
{
	char hive[64], reg[64], command[512];
	AUTO_FREE char *text = NULL, *diff = NULL, *merged = NULL;
	struct error err;
	size_t len;
	FILE *out;

	if (system(oracles[0].probe) != 0) {
		skip_one("hivexregedit");
		return;
	}
	out = open_memstream(&text, &len);
	edits_write_reg(plan, out);
	fclose(out);
	oracle_file(hive, before, before_len);
	oracle_file(reg, (const uint8_t *)text, len);
	snprintf(command, sizeof(command),
		 "hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\\SYSTEM' %s %s", hive, reg);
	ok(system(command) == 0, "%s: hivexregedit takes the .reg file", name);
	out = fopen(hive, "rb");
	read_all(fileno(out), 64u << 20, &merged, &len, &err);
	fclose(out);
	diff = oracle_diff(&oracles[0], (uint8_t *)merged, len, after->system,
			   after->system_len);
	ok(diff && !*diff, "%s: and makes the same of it %s", name, diff);
	unlink(hive);
	unlink(reg);
}

static void test_others(struct guest *g, const char *name, const char *what)
{
	struct edits_request request = { .bus = TARGET_VIRTIO };
	size_t before_len = g->system_len;
	uint8_t *before = malloc(before_len);
	struct edits *plan;
	struct error err = { 0 };
	size_t lines = 0;

	memcpy(before, g->system, before_len);
	if (!ok(patch(g, &request, name, &plan, &err), "%s: patched %s",
		what, err.msg)) {
		free(before);
		return;
	}
	for (size_t i = 0; i < plan->n; i++)
		lines += plan->list[i].needed && plan->list[i].e.name
			? 1 + plan->list[i].had : 0;
	for (size_t i = 0; i < ARRAY_SIZE(oracles); i++) {
		AUTO_FREE char *diff = oracle_diff(&oracles[i], before,
						   before_len, g->system,
						   g->system_len);
		size_t seen = 0;

		/* lines of keys come with those of values */
		for (const char *p = diff; p && *p; p = strchr(p, '\n') + 1)
			seen += i ? !memmem(p, strcspn(p, "\n"), ",KEY,", 5)
				  && !memmem(p, strcspn(p, "\n"),
					     "StartOverride", 13)
				  : memmem(p, strcspn(p, "\n"), "]\"", 2) &&
				    !memmem(p, strcspn(p, "\n"),
					    "StartOverride", 13) ? 1
				  : memmem(p, strcspn(p, "\n"), "]@=", 3) != 0;
		if (diff && !ok(seen == lines, "%s: %s sees %zu changed "
				"values of %zu", what, oracles[i].name,
				seen, lines))
			fprintf(stderr, "%s", diff);
	}
	check_reg(before, before_len, plan, g, what);
	edits_free(plan);
	free(before);
}

/* ---- output -------------------------------------------------------------- */

static void test_output(void)
{
	struct edits_request request = { .bus = TARGET_SCSI };
	AUTO_FREE char *json = NULL;
	AUTO_FREE char *text = NULL;
	struct guest g = { 0 };
	struct edits *plan;
	struct error err = { 0 };
	size_t len;
	FILE *out;

	guest_open(&g, "2022", MADE_OVERRIDE, &err);
	edits_plan(g.win, &request, &plan, &err);
	out = open_memstream(&json, &len);
	edits_write_json(plan, out);
	fclose(out);
	ok(strstr(json, "\"name\": \"HiberbootEnabled\", \"old\": { \"type\": "
		  "4, \"hex\": \"01000000\", \"number\": 1 }, \"new\": { "
		  "\"type\": 4, \"hex\": \"00000000\", \"number\": 0 }"),
	   "JSON: old and new");
	out = popen("python3 -c 'import json,sys; json.load(sys.stdin)'", "w");
	fwrite(json, 1, len, out);
	ok(pclose(out) == 0, "JSON: taken by a reader of JSON");
	out = open_memstream(&text, &len);
	edits_write_text(plan, out);
	fclose(out);
	ok(strstr(text, "vioscsi\\Start: 0, was not there\n") &&
	   strstr(text, "storahci\\StartOverride: removed, was there\n"),
	   "text");
	edits_free(plan);
	guest_close(&g);
}

static void test_safe_text(void)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	text_safe(out, "a\033[2Jb\xc2\x9b" "c\xe2\x80\xae" "d\xff\xc0\x80\xc3\xa9");
	fputc('|', out);
	json_string(out, "\"\\\n\xff\xed\xa0\x80\xc3\xa9\x7f");
	fclose(out);
	ok(str_eq(text, "a?[2Jb?c?d???\xc3\xa9|\"\\\"\\\\\\u000a\\ufffd"
		  "\\ufffd\\ufffd\\ufffd\xc3\xa9\\u007f\""),
	   "control characters and broken UTF-8: %s", text);
}

/* ---- real hives ---------------------------------------------------------- */

static void test_real(const char *file, const char *name, bool clean_it)
{
	struct guest g = { 0 };
	struct error err = { 0 };
	size_t len;
	uint8_t *data = real_hive(file, &len);

	if (!data) {
		real_skip(file);
		return;
	}
	if (clean_it)
		hive_base_seal(data, get_le32(data + 4));
	guest_open_bytes(&g, data, len, name, &err);
	test_others(&g, name, file);
	ok(g.win->virtio[TARGET_VIRTIO].state == VIRTIO_BOOTABLE &&
	   g.win->ahci_ready, "%s: bootable, SATA ready %s", file,
	   g.win->ahci_reason);
	guest_close(&g);
}

/* A dirty hive is patched as its logs make it: no logged change is lost. */
static void test_real_dirty(void)
{
	static const char file[] = "win10-1709-dell-raid.SYSTEM";
	struct guest g = { 0 };
	struct error err = { 0 };
	struct hivelog_file logs[2];
	struct hive_stats stats = { 0 };
	struct hivelog log = { 0 };
	size_t len;
	uint8_t *data = real_hive(file, &len);
	uint8_t *log1 = real_hive("win10-1709-dell-raid.LOG1", &logs[0].len);
	uint8_t *log2 = real_hive("win10-1709-dell-raid.LOG2", &logs[1].len);

	if (!data || !log1 || !log2) {
		real_skip(file);
		goto out;
	}
	logs[0].data = log1;
	logs[1].data = log2;
	ok(hivelog_read(data, len, logs, &log, &err) == 0 &&
	   log.size == len, "%s: replayed %s", file, err.msg);
	hivelog_overlay(&log, 0, data, len);
	guest_open_bytes(&g, data, len, "10", &err);
	data = NULL;
	hive_check(&g.win->system, &stats, &err);
	ok(stats.keys == 35595, "%s: 35595 keys (%u)", file, stats.keys);
	test_others(&g, "10", file);
	ok(g.win->virtio[TARGET_VIRTIO].state == VIRTIO_BOOTABLE &&
	   g.win->ahci_ready, "%s: bootable, SATA ready %s", file,
	   g.win->ahci_reason);
	hive_check(&g.win->system, &stats, &err);
	ok(stats.keys > 35595, "%s: none of them lost (%u)", file,
	   stats.keys);
	guest_close(&g);
out:
	hivelog_free(&log);
	free(data);
	free(log1);
	free(log2);
}

int main(void)
{
	struct error err = { 0 };
	struct guest g = { 0 };

	hive_prepare(&err);
	for (size_t i = 0; i < ARRAY_SIZE(made_list); i++)
		for (unsigned int k = 0; k < TARGET_BUSES; k++)
			test_ready(&made_list[i], (enum target_bus)k);
	test_known_good_set();
	test_overrides();
	test_installed();
	test_beside(MADE_BOOTABLE | MADE_TMP, "virt-v2v's");
	test_beside(MADE_BOOTABLE, "newer virt-v2v's");
	test_beside(0, "our own");
	test_missing_image();
	for (int i = 0; i < 2; i++) {
		guest_open(&g, i ? "7" : "11", MADE_OVERRIDE, &err);
		test_others(&g, i ? "7" : "11", i ? "made 7" : "made 11");
		guest_close(&g);
	}
	test_output();
	test_safe_text();
	test_real("win7-vmware-lsi.SYSTEM", "7-x86", false);
	test_real("win10-1903-vmware-lsi.SYSTEM", "10", true);
	test_real_dirty();
	return done_testing();
}
