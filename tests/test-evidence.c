// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-evidence.c - each condition in each state, and the verdict that follows from all
 */

#include "helper/verdict/evidence.h"
#include "helper/verdict/report.h"
#include "tests/evidencetest.h"
#include "tests/tap.h"

/* The JSON names the condition that is in the way; none: null. */
static void test_stop(const struct evidence *e, const char *name)
{
	AUTO_FREE char *json = NULL;
	char want[128];
	size_t len;
	FILE *out = open_memstream(&json, &len);

	evidence_write_json(e, out);
	fclose(out);
	snprintf(want, sizeof(want), "\"stop\": %s%s%s,", name ? "\"" : "",
		 name ? name : "null", name ? "\"" : "");
	ok(strstr(json, want) != NULL, "JSON: %s", want);
}

static void test_good(const char *name)
{
	struct evidence_asked asked;
	struct evidence e;
	struct guest g;

	ready(&g, name, 0, &asked);
	evidence_judge(g.win, &clean, &asked, &e);
	for (unsigned int i = 0; i < CONDITION_COUNT; i++)
		ok(e.list[i].verdict == VERDICT_YES, "%s: %s: %s (%s)", name,
		   condition_name((enum condition_id)i), e.list[i].found,
		   e.list[i].from);
	ok(e.flip == VERDICT_YES && e.stop == CONDITION_COUNT &&
	   e.booted == VERDICT_YES, "%s: may flip, was up", name);
	test_stop(&e, NULL);
	guest_close(&g);
}

/* One thing wrong at a time: the condition that must see it. */
enum wrong {
	NO_HEALTH, BITLOCKER, DIRTY, UNCLEAN, HIBERNATED, OTHER_UUID, NO_UUID,
	OLD_LAST_USE, OLD_SHUTDOWN, WRONG_ID, FILE_GONE, NO_DEVICE, BAD_FLAGS,
	LEFT_AGAIN, OLD_ARRIVAL, NEW_DUMP, NO_FILES, NOT_FINDABLE, GUARD_GONE,
	REPLAYED, NOTHING,
};

static const struct {
	unsigned int how;
	enum wrong wrong;
	enum condition_id condition;
	enum verdict verdict;
} cases[] = {
	{ 0, NO_HEALTH, CONDITION_VOLUME, VERDICT_UNKNOWN },
	{ 0, BITLOCKER, CONDITION_VOLUME, VERDICT_NO },
	{ 0, DIRTY, CONDITION_VOLUME, VERDICT_NO },
	{ 0, UNCLEAN, CONDITION_VOLUME, VERDICT_NO },
	{ 0, HIBERNATED, CONDITION_VOLUME, VERDICT_NO },
	{ MADE_FAILED, NOTHING, CONDITION_CONTROL_SET, VERDICT_NO },
	{ MADE_DEFAULT, NOTHING, CONDITION_CONTROL_SET, VERDICT_NO },
	{ 0, OLD_LAST_USE, CONDITION_BOOTED, VERDICT_NO },
	{ 0, OTHER_UUID, CONDITION_MACHINE, VERDICT_NO },
	{ 0, NO_UUID, CONDITION_MACHINE, VERDICT_UNKNOWN },
	{ MADE_RUNNING, REPLAYED, CONDITION_SHUTDOWN, VERDICT_NO },
	{ MADE_CLOCK_BACK, REPLAYED, CONDITION_SHUTDOWN, VERDICT_NO },
	{ MADE_CLOCK_BACK, OLD_SHUTDOWN, CONDITION_SHUTDOWN, VERDICT_NO },
	{ MADE_CLOCK_BACK, NEW_DUMP, CONDITION_NO_DUMP, VERDICT_NO },
	{ 0, OLD_SHUTDOWN, CONDITION_SHUTDOWN, VERDICT_NO },
	{ 0, FILE_GONE, CONDITION_SERVICE, VERDICT_NO },
	{ 0, NO_FILES, CONDITION_SERVICE, VERDICT_UNKNOWN },
	{ MADE_OVERRIDDEN, NOTHING, CONDITION_NO_OVERRIDE, VERDICT_NO },
	{ MADE_OVERRIDDEN | MADE_NO_ID, NOTHING, CONDITION_NO_OVERRIDE, VERDICT_NO },
	{ 0, NOT_FINDABLE, CONDITION_FINDABLE, VERDICT_NO },
	{ 0, WRONG_ID, CONDITION_BOUND, VERDICT_NO },
	{ 0, NO_DEVICE, CONDITION_BOUND, VERDICT_NO },
	{ 0, BAD_FLAGS, CONDITION_BOUND, VERDICT_NO },
	{ 0, LEFT_AGAIN, CONDITION_ARRIVED, VERDICT_NO },
	{ 0, OLD_ARRIVAL, CONDITION_ARRIVED, VERDICT_NO },
	{ MADE_FILTER, NOTHING, CONDITION_FILTERS, VERDICT_NO },
	{ MADE_FILTER_APP, GUARD_GONE, CONDITION_FILTERS, VERDICT_NO },
	{ MADE_RENAME, NOTHING, CONDITION_NO_RENAME, VERDICT_NO },
	{ 0, NEW_DUMP, CONDITION_NO_DUMP, VERDICT_NO },
	{ MADE_OVERRIDE, NOTHING, CONDITION_SATA_READY, VERDICT_NO },
	{ MADE_BUS, NOTHING, CONDITION_SATA_READY, VERDICT_NO },
};

static void break_it(enum wrong wrong, struct guest *g,
		     struct evidence_asked *a, struct volume_health *h)
{
	struct windows *w = g->win;

	switch (wrong) {
	case BITLOCKER:
		h->bitlocker = true;
		break;
	case DIRTY:
		h->dirty = true;
		break;
	case UNCLEAN:
		h->logfile = LOGFILE_UNCLEAN;
		break;
	case HIBERNATED:
		h->hibernation = HIBERNATION_IMAGE;
		break;
	case OTHER_UUID:
		a->uuid[15] ^= 1;
		break;
	case NO_UUID:
		a->has_uuid = false;
		break;
	case OLD_LAST_USE:
		a->before_last_use = MADE_LAST_USE;
		break;
	case OLD_SHUTDOWN:
		a->before_shutdown = w->shutdown_time.value;
		break;
	case WRONG_ID:
		a->device_id = 0x1001;
		break;
	case FILE_GONE:
		w->virtio[TARGET_VIRTIO].service.file_there = PRESENCE_NO;
		break;
	case NO_FILES:
		w->virtio[TARGET_VIRTIO].service.file_there = PRESENCE_UNKNOWN;
		break;
	case NOT_FINDABLE:
		w->virtio[TARGET_VIRTIO].ids[1].findable = false;
		break;
	case NO_DEVICE:
		bound(g)->service[0] = '\0';
		break;
	case BAD_FLAGS:
		bound(g)->config_flags = 0x20;
		break;
	case LEFT_AGAIN:
		bound(g)->removed = bound(g)->arrived + 1;
		break;
	case OLD_ARRIVAL:
		bound(g)->arrived = MADE_LAST_USE - 1;
		break;
	case NEW_DUMP:
		w->memory_dump.known = true;
		w->memory_dump.value = MADE_LAST_USE + 1;
		break;
	case REPLAYED:
		w->system_status.log.dirty = true;
		break;
	case GUARD_GONE:
		w->filters[0].file = PRESENCE_NO;
		break;
	case NO_HEALTH:
	case NOTHING:
		break;
	}
}

static void test_bad(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum condition_id id = cases[i].condition;
		struct volume_health h = clean;
		struct evidence_asked asked;
		struct evidence e;
		struct guest g;

		ready(&g, "10", cases[i].how, &asked);
		break_it(cases[i].wrong, &g, &asked, &h);
		evidence_judge(g.win, cases[i].wrong == NO_HEALTH ? NULL : &h,
			       &asked, &e);
		ok(e.list[id].verdict == cases[i].verdict,
		   "case %zu: %s is %s: %s", i, condition_name(id),
		   verdict_name(e.list[id].verdict), e.list[id].found);
		ok(condition_gates(id)
		   ? e.flip == cases[i].verdict && e.stop == id
		   : e.flip == VERDICT_YES, "case %zu: flip %s", i,
		   verdict_name(e.flip));
		test_stop(&e, condition_gates(id) ? condition_name(id) : NULL);
		guest_close(&g);
	}
}

/* Without knowledge from before, the host's clock must do. */
static void test_clock(void)
{
	const uint64_t hour = UINT64_C(36000000000);
	static const struct {
		int from, to;	/* hours around LastUse */
		enum verdict verdict;
	} runs[] = {
		{ -1, 1, VERDICT_YES }, { 0, 0, VERDICT_YES },
		{ 2, 3, VERDICT_UNKNOWN }, { -9, -8, VERDICT_UNKNOWN },
		{ 20, 21, VERDICT_NO }, { -40, -30, VERDICT_NO },
	};
	struct evidence_asked asked;
	struct evidence e;
	struct guest g;

	ready(&g, "10", 0, &asked);
	asked.has_before = false;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		asked.run_from = MADE_LAST_USE + (uint64_t)runs[i].from * hour;
		asked.run_to = MADE_LAST_USE + (uint64_t)runs[i].to * hour;
		evidence_judge(g.win, &clean, &asked, &e);
		ok(e.list[CONDITION_BOOTED].verdict == runs[i].verdict,
		   "run from %d to %d hours: %s", runs[i].from, runs[i].to,
		   verdict_name(e.list[CONDITION_BOOTED].verdict));
	}
	asked.run_from = asked.run_to = 0;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.list[CONDITION_BOOTED].verdict == VERDICT_UNKNOWN &&
	   e.flip == VERDICT_UNKNOWN, "nothing known: unknown");
	guest_close(&g);
}

/* SMBIOS has the first three fields in the other order. */
static void test_swapped(void)
{
	static const uint8_t order[8] = { 3, 2, 1, 0, 5, 4, 7, 6 };
	struct evidence_asked asked;
	struct evidence e;
	struct guest g;

	ready(&g, "10", 0, &asked);
	for (size_t i = 0; i < 8; i++)
		asked.uuid[i] = uuid[order[i]];
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.list[CONDITION_MACHINE].verdict == VERDICT_YES,
	   "uuid in the other byte order");
	asked.uuid[0] ^= 1;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.list[CONDITION_MACHINE].verdict == VERDICT_NO, "and not near it");
	guest_close(&g);
}

static void test_booted(void)
{
	struct evidence_asked asked;
	struct evidence e;
	struct guest g;

	ready(&g, "10", 0, &asked);
	asked.before_last_use = MADE_LAST_USE;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.booted == VERDICT_UNKNOWN, "shutdown without a start: unknown");
	asked.before_shutdown = g.win->shutdown_time.value;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.booted == VERDICT_NO, "nothing has moved: it was not up");
	guest_close(&g);
	ready(&g, "10", 0, &asked);
	g.win->virtio_disk_seen = false;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.booted == VERDICT_UNKNOWN && e.flip == VERDICT_YES,
	   "up, but no VirtIO disk seen: unknown");
	guest_close(&g);
}

static void test_seven(void)
{
	struct evidence_asked asked;
	struct evidence e;
	struct guest g;

	ready(&g, "7", 0, &asked);
	asked.before_boot_id = 39;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.list[CONDITION_BOOTED].verdict == VERDICT_NO,
	   "7: BootId has not grown");
	asked.has_before = false;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.list[CONDITION_BOOTED].verdict == VERDICT_UNKNOWN,
	   "7: nothing to compare with");
	guest_close(&g);
}

/* What both say of the guest of test_output(), by what tests/hives.h makes of it. */
static const char said_text[] =
	"System                 Windows 10, build 19045, Professional, amd64\n"
	"Calls itself           ?[31mWindows \"\\\n"
	"Control set            ControlSet001 (current 1, default 1, failed 0)\n"
	"Last ran on            bad? \n"
	"Last start             2022-06-18 04:26:40 UTC\n"
	"Last shutdown          2022-06-18 05:26:40 UTC\n"
	"SYSTEM hive            clean, 0 bytes\n"
	"SOFTWARE hive          clean, 0 bytes\n"
	"SATA boot              ready\n"
	"viostor                bound\n"
	"  instance             SYSTEM\\ControlSet001\\Enum\\PCI\\VEN_1AF4&DEV_1042&"
	"SUBSYS_11001AF4&REV_01\\3&13c0b0c5&0&38\n"
	"  start                0\n"
	"vioscsi                absent\n"
	"  atapi                  start 0\n"
	"  intelide               start 0\n"
	"  LSI_SAS                start 0\n"
	"  pciide                 start 0\n"
	"  storahci               start 0\n"
	"  stornvme               start 0, file missing\n"
	"  viostor                start 0\n"
	"Boot drivers           12, 0 of them with a StartOverride\n"
	"Fast startup           on\n"
	"Warning                a pending rename touches the VirtIO driver\n"
	"Volume                 without a name\n";
static const char said_device[] =
	"{ \"pci_id\": \"1af4:1042\", "
	"\"from\": \"SYSTEM\\\\ControlSet001\\\\Enum\\\\PCI\\\\VEN_1AF4&DEV_1042&"
	"SUBSYS_11001AF4&REV_01\\\\3&13c0b0c5&0&38\", "
	"\"service\": \"viostor\", "
	"\"class_guid\": \"{4d36e97b-e325-11ce-bfc1-08002be10318}\", "
	"\"driver\": \"{4d36e97b-e325-11ce-bfc1-08002be10318}\\\\0001\", "
	"\"driver_key\": true, \"config_flags\": 0, "
	"\"installed\": { \"filetime\": 132999995000000000, "
	"\"text\": \"2022-06-18 04:18:20 UTC\" }, "
	"\"first_installed\": { \"filetime\": 0, \"text\": \"never\" }, "
	"\"arrived\": { \"filetime\": 133000000030000000, "
	"\"text\": \"2022-06-18 04:26:43 UTC\" }, \"removed\": { \"filetime\": 0, "
	"\"text\": \"never\" }, \"driver_version\": \"\", \"inf\": \"oem4.inf\", "
	"\"section\": \"\", \"matching_id\": \"\" }";
static const char said_service[] =
	"{ \"name\": \"stornvme\", "
	"\"from\": \"SYSTEM\\\\ControlSet001\\\\Services\\\\stornvme\", "
	"\"present\": true, \"start\": 0, \"type\": 1, \"start_override\": false, "
	"\"effective_start\": 0, "
	"\"image_path\": \"System32\\\\drivers\\\\stornvme.sys\", "
	"\"file\": \"Windows/System32/drivers/stornvme.sys\", "
	"\"file_there\": false, \"changed\": { \"filetime\": 130000000000000000, "
	"\"text\": \"2012-12-14 23:06:40 UTC\" } }";

/* Both outputs are read by others; no control character of a guest gets out. */
static void test_output(void)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *json = NULL;
	struct evidence_asked asked;
	struct evidence e;
	struct guest g;
	size_t len;
	FILE *out;

	ready(&g, "10", MADE_RENAME, &asked);
	strcpy(g.win->renames.value, "\033]0;viostor\a\"");
	strcpy(g.win->product.value, "\033[31mWindows \"\\");
	strcpy(g.win->manufacturer.value, "bad\xff");
	evidence_judge(g.win, &clean, &asked, &e);
	out = open_memstream(&json, &len);
	fputs("[", out);
	evidence_write_json(&e, out);
	fputs(",", out);
	report_json(g.win, &clean, out);
	fputs(",", out);
	report_json(g.win, NULL, out);
	fputs("]", out);
	fclose(out);
	ok(!memchr(json, 033, len) && strstr(json, "\\u001b]0;viostor"),
	   "JSON: control characters are escaped");
	ok(strstr(json, "\"auto_reboot\": { \"value\": 1, \"from\": "
		  "\"SYSTEM\\\\ControlSet001\\\\Control\\\\CrashControl\\\\"
		  "AutoReboot\" }") &&
	   strstr(json, "\"hibernate_enabled\": { \"value\": null, \"from\": "
		  "\"SYSTEM\\\\ControlSet001\\\\Control\\\\Power\\\\"
		  "HibernateEnabled\" }"),
	   "JSON: values with their places, null when missing");
	ok(strstr(json, said_device) != NULL, "JSON: a device");
	ok(strstr(json, said_service) != NULL, "JSON: a service");
	out = popen("python3 -c 'import json,sys; d=json.load(sys.stdin); "
		    "sys.exit(d[1][\"viostor\"][\"state\"] != \"bound\" or "
		    "len(d[0][\"conditions\"]) != 16 or "
		    "d[2][\"volume\"] is not None)'", "w");
	fwrite(json, 1, len, out);
	ok(pclose(out) == 0, "JSON: taken by a reader of JSON");
	out = open_memstream(&text, &len);
	report_text(g.win, &clean, out);
	fclose(out);
	ok(!memchr(text, 033, len), "text is safe");
	is_str(text, said_text, "text");
	guest_close(&g);
}

static void test_times(void)
{
	char text[REPORT_TIME];

	report_time(132317609315000000u, text);
	ok(str_eq(text, "2020-04-19 09:08:51 UTC"), "FILETIME: %s", text);
	report_time(0, text);
	ok(str_eq(text, "never"), "FILETIME 0: %s", text);
	report_time(UINT64_MAX, text);
	ok(str_eq(text, "never"), "FILETIME beyond all: %s", text);
}

int main(void)
{
	test_good("10");
	test_good("2025");
	test_good("8.1");
	test_good("7");
	test_bad();
	test_clock();
	test_swapped();
	test_booted();
	test_seven();
	test_output();
	test_times();
	return done_testing();
}
