// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * windows.c - identify a Windows: version, control sets, single facts
 *
 * Most facts are one value at one place, listed in a table. The others have files of their own:
 * winservice.c (services and filters), windevice.c (devices and device databases), winvolume.c
 * (files and the volume).
 */

#include "helper/windows/windows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum fact_kind { FACT_DWORD, FACT_FILETIME, FACT_STRING };
enum fact_hive { IN_SOFTWARE, IN_SYSTEM, IN_SET, IN_CONFIG };

/* The place of each single fact, from registries of real Windows 7 and 10. */
static const struct fact_place {
	enum fact_hive hive;
	enum fact_kind kind;
	const char *path, *name;
	size_t offset;
} places[] = {
#define AT(member) offsetof(struct windows, member)
#define VERSION_KEY "Microsoft\\Windows NT\\CurrentVersion"
	{ IN_SOFTWARE, FACT_STRING, VERSION_KEY, "ProductName", AT(product) },
	{ IN_SOFTWARE, FACT_STRING, VERSION_KEY, "EditionID", AT(edition) },
	{ IN_SOFTWARE, FACT_STRING, VERSION_KEY, "InstallationType",
	  AT(installation) },
	{ IN_SOFTWARE, FACT_STRING, VERSION_KEY, "DisplayVersion",
	  AT(display_version) },
	{ IN_SOFTWARE, FACT_STRING, VERSION_KEY, "CurrentBuildNumber",
	  AT(build_text) },
	{ IN_SOFTWARE, FACT_STRING, VERSION_KEY, "BuildLabEx", AT(build_lab) },
	{ IN_SOFTWARE, FACT_STRING, VERSION_KEY, "SystemRoot", AT(system_root) },
	{ IN_SOFTWARE, FACT_DWORD, VERSION_KEY, "CurrentMajorVersionNumber",
	  AT(major) },
	{ IN_SOFTWARE, FACT_DWORD, VERSION_KEY, "UBR", AT(revision) },
	{ IN_SYSTEM, FACT_DWORD, "Select", "Current", AT(current) },
	{ IN_SYSTEM, FACT_DWORD, "Select", "Default", AT(default_set) },
	{ IN_SYSTEM, FACT_DWORD, "Select", "Failed", AT(failed) },
	{ IN_SYSTEM, FACT_DWORD, "Select", "LastKnownGood",
	  AT(last_known_good) },
	{ IN_SYSTEM, FACT_STRING, "HardwareConfig", "LastConfig",
	  AT(hardware_config) },
	{ IN_CONFIG, FACT_DWORD, "", "Id", AT(hardware_id) },
	{ IN_CONFIG, FACT_FILETIME, "", "LastUse", AT(last_use) },
	{ IN_CONFIG, FACT_STRING, "", "SystemManufacturer", AT(manufacturer) },
	{ IN_CONFIG, FACT_STRING, "", "SystemProductName", AT(model) },
	{ IN_CONFIG, FACT_STRING, "", "BIOSVersion", AT(bios_version) },
	{ IN_SET, FACT_STRING, "Control\\ProductOptions", "ProductType",
	  AT(product_type) },
	{ IN_SET, FACT_STRING, "Control\\Session Manager\\Environment",
	  "PROCESSOR_ARCHITECTURE", AT(arch_text) },
	{ IN_SET, FACT_FILETIME, "Control\\Windows", "ShutdownTime",
	  AT(shutdown_time) },
	{ IN_SET, FACT_DWORD, "Control\\Session Manager\\Memory Management\\"
	  "PrefetchParameters", "BootId", AT(boot_id) },
	{ IN_SET, FACT_DWORD, "Control", "DirtyShutdownCount",
	  AT(dirty_shutdowns) },
	{ IN_SET, FACT_DWORD, "Control", "LastBootShutdown",
	  AT(last_boot_shutdown) },
	{ IN_SET, FACT_DWORD, "Control", "LastBootSucceeded",
	  AT(last_boot_succeeded) },
	{ IN_SET, FACT_DWORD, "Control\\TimeZoneInformation",
	  "RealTimeIsUniversal", AT(clock_utc) },
	{ IN_SET, FACT_DWORD, "Control\\TimeZoneInformation",
	  "ActiveTimeBias", AT(clock_bias) },
	{ IN_SET, FACT_DWORD, "Control\\Session Manager\\Power",
	  "HiberbootEnabled", AT(hiberboot) },
	{ IN_SET, FACT_DWORD, "Control\\Power", "HibernateEnabled",
	  AT(hibernate) },
	{ IN_SET, FACT_DWORD, "Control\\CrashControl", "AutoReboot",
	  AT(auto_reboot) },
	{ IN_SET, FACT_DWORD, "Control\\CrashControl", "CrashDumpEnabled",
	  AT(crash_dump) },
	{ IN_SET, FACT_DWORD, "Services\\partmgr\\Parameters", "SanPolicy",
	  AT(san_policy) },
	{ IN_SET, FACT_DWORD, "Control\\PnP", "PollBootPartitionTimeout",
	  AT(poll_boot_partition) },
#undef AT
};

static int read_number(const struct hive *h, const struct hive_key *key,
		       const struct fact_place *p, struct fact_number *fact,
		       struct error *err)
{
	uint32_t number = 0;
	int found = p->kind == FACT_DWORD
		? hive_get_dword(h, key, p->name, &number, err)
		: hive_get_filetime(h, key, p->name, &fact->value, err);

	fact->known = found == 1;
	if (p->kind == FACT_DWORD)
		fact->value = number;
	return found;
}

/* Fill one fact; @prefix is its key's parent, as shown and as looked up. */
static int read_fact(struct windows *win, const struct fact_place *p,
		     const char *prefix, struct error *err)
{
	bool software = p->hive == IN_SOFTWARE;
	const struct hive *h = software ? &win->software : &win->system;
	uint8_t *at = (uint8_t *)win + p->offset;
	struct fact_number *number = (void *)at;
	struct fact_text *text = (void *)at;
	char *from = p->kind == FACT_STRING ? text->from : number->from;
	struct hive_key root, key;
	char path[FACT_FROM];
	int found;

	str_printf(path, sizeof(path), "%s%s%s", prefix,
		   *prefix && *p->path ? "\\" : "", p->path);
	str_printf(from, FACT_FROM, "%s\\%s\\%s",
		   software ? "SOFTWARE" : "SYSTEM", path, p->name);
	if (software && !win->software_status.there)
		return 0;
	if (hive_root(h, &root, err) < 0)
		return -1;
	found = hive_find(h, &root, path, &key, err);
	if (found <= 0)
		return found;
	if (p->kind != FACT_STRING)
		return read_number(h, &key, p, number, err);
	found = hive_get_text(h, &key, p->name, text->value,
			      sizeof(text->value), err);
	text->known = found == 1;
	return found;
}

static int read_places(struct windows *win, enum fact_hive hive,
		       const char *prefix, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i].hive == hive &&
		    read_fact(win, &places[i], prefix, err) < 0)
			return -1;
	return 0;
}

/* ---- judgements ---------------------------------------------------------- */

static uint32_t build_number(const struct windows *win)
{
	char *end;
	unsigned long n;

	if (!win->build_text.known)
		return 0;
	n = strtoul(win->build_text.value, &end, 10);
	return *end || n > 999999 ? 0 : (uint32_t)n;
}

/* First build of each generation (Microsoft's release information). 11 is identified by its
 * build because its ProductName still says 10. 26100 is also Server 2025. */
static enum windows_generation generation_of(uint32_t build)
{
	static const struct {
		uint32_t from;
		enum windows_generation generation;
	} builds[] = {
		{ 22000, WINDOWS_11 }, { 10240, WINDOWS_10 },
		{ 9600, WINDOWS_8_1 }, { 9200, WINDOWS_8 },
		{ 7600, WINDOWS_7 }, { 1, WINDOWS_TOO_OLD },
	};

	for (size_t i = 0; i < ARRAY_SIZE(builds); i++)
		if (build >= builds[i].from)
			return builds[i].generation;
	return WINDOWS_UNKNOWN;
}

static void judge_version(struct windows *win)
{
	win->build = build_number(win);
	win->generation = generation_of(win->build);
	win->server = win->product_type.known
		? strcasecmp(win->product_type.value, "WinNT") != 0
		: win->installation.known &&
		  strncasecmp(win->installation.value, "Server", 6) == 0;
}

static enum windows_arch arch_of_text(const struct fact_text *text)
{
	static const struct {
		const char *text;
		enum windows_arch arch;
	} names[] = {
		{ "x86", ARCH_X86 }, { "AMD64", ARCH_AMD64 },
		{ "ARM64", ARCH_ARM64 },
	};

	for (size_t i = 0; text->known && i < ARRAY_SIZE(names); i++)
		if (strcasecmp(text->value, names[i].text) == 0)
			return names[i].arch;
	return ARCH_UNKNOWN;
}

static enum windows_arch arch_of_machine(const struct fact_number *machine)
{
	if (!machine->known)
		return ARCH_UNKNOWN;
	switch (machine->value) {
	case 0x014c:
		return ARCH_X86;
	case 0x8664:
		return ARCH_AMD64;
	case 0xaa64:
		return ARCH_ARM64;
	default:
		return ARCH_UNKNOWN;
	}
}

/* The kernel's file and the registry must agree if both are known. */
static void judge_arch(struct windows *win)
{
	enum windows_arch text = arch_of_text(&win->arch_text);

	if (!win->arch_machine.known ||
	    text == arch_of_machine(&win->arch_machine))
		win->arch = text;
}

/* Windows 7 falls back to the last known good set by itself. 8 and later do not: registries of
 * real Windows 10 have one set, which is also named as the last known good one. */
static int read_sets(struct windows *win, struct error *err)
{
	uint32_t current = (uint32_t)win->current.value;
	uint32_t lkg = (uint32_t)win->last_known_good.value;
	struct hive_key root, set;
	char name[16];
	int found;

	if (!win->current.known || current < 1 || current > 999)
		return 0;
	str_printf(name, sizeof(name), "ControlSet%03u", current);
	if (hive_root(&win->system, &root, err) < 0)
		return -1;
	found = hive_find(&win->system, &root, name, &set, err);
	if (found == 1)
		str_fits(win->control_set, sizeof(win->control_set), name);
	if (found < 0 || !win->last_known_good.known || lkg == current ||
	    lkg < 1 || lkg > 999)
		return found < 0 ? -1 : 0;
	str_printf(name, sizeof(name), "ControlSet%03u", lkg);
	found = hive_find(&win->system, &root, name, &set, err);
	if (found == 1)
		str_fits(win->lkg_set, sizeof(win->lkg_set), name);
	return found < 0 ? -1 : 0;
}

static bool is_set_name(const char *name)
{
	static const char prefix[] = "ControlSet";
	const char *digits = name + sizeof(prefix) - 1;

	return strncasecmp(name, prefix, sizeof(prefix) - 1) == 0 && strlen(digits) == 3 &&
	       strspn(digits, "0123456789") == 3;
}

static int read_other_sets(struct windows *win, struct error *err)
{
	AUTO_FREE uint32_t *cells = NULL;
	struct hive_key root;
	ssize_t n;

	if (hive_root(&win->system, &root, err) < 0)
		return -1;
	n = hive_subkeys(&win->system, &root, &cells, err);
	for (ssize_t i = 0; i < n && win->other_set_count < WINDOWS_SETS; i++) {
		char name[HIVE_NAME_UTF8];
		struct hive_key key;

		if (hive_key_read(&win->system, cells[i], &key, err) < 0)
			return -1;
		hive_name_utf8(key.name, key.name_len, key.wide, name);
		if (is_set_name(name) && strcasecmp(name, win->control_set) != 0)
			str_fits(win->other_sets[win->other_set_count++], 16, name);
	}
	return n < 0 ? -1 : 0;
}

static int has_key(const struct windows *win, const char *path, bool *has,
		   struct error *err)
{
	struct hive_key root, key;
	int found;

	if (hive_root(&win->system, &root, err) < 0)
		return -1;
	found = hive_find(&win->system, &root, path, &key, err);
	*has = found == 1;
	return found < 0 ? -1 : 0;
}

static int read_databases(struct windows *win, struct error *err)
{
	char path[FACT_FROM];

	str_printf(path, sizeof(path), "%s\\Control\\CriticalDeviceDatabase",
		   win->control_set);
	if (has_key(win, "DriverDatabase", &win->driver_database, err) < 0)
		return -1;
	return has_key(win, path, &win->critical_database, err);
}

/* Any policy value is stricter than Windows' default: the driver might not be installed
 * (Microsoft, "Manage device installation with group policy"). */
static int read_restrictions(struct windows *win, struct error *err)
{
	static const char path[] =
		"Policies\\Microsoft\\Windows\\DeviceInstall\\Restrictions";
	struct hive_key root, key;
	int found;

	str_printf(win->restrictions.from, FACT_FROM, "SOFTWARE\\%s", path);
	if (!win->software_status.there)
		return 0;
	if (hive_root(&win->software, &root, err) < 0)
		return -1;
	found = hive_find(&win->software, &root, path, &key, err);
	if (found == 1 && key.values) {
		win->restrictions.known = true;
		str_printf(win->restrictions.value, FACT_TEXT, "%u rules",
			   key.values);
	}
	return found < 0 ? -1 : 0;
}

/* Pairs of paths, the second empty for a deletion (Microsoft, MoveFileEx()); the first that
 * names a VirtIO storage driver is recorded. */
static void search_renames(struct windows *win, const uint8_t *data, size_t len)
{
	char text[FACT_TEXT];
	size_t at = 0;

	while (at + 2 <= len && !win->renames.known) {
		at += utf16_to_utf8(text, sizeof(text), data + at, len - at);
		if (strcasestr(text, "viostor") || strcasestr(text, "vioscsi")) {
			win->renames.known = true;
			str_fits(win->renames.value, FACT_TEXT, text);
		}
	}
}

static int read_renames(struct windows *win, struct error *err)
{
	static const char name[] = "PendingFileRenameOperations";
	AUTO_FREE uint8_t *data = NULL;
	struct hive_key root, key;
	struct hive_value value = { .len = 0 };
	char path[FACT_FROM];
	int found;

	str_printf(path, sizeof(path), "%s\\Control\\Session Manager",
		   win->control_set);
	str_printf(win->renames.from, FACT_FROM, "SYSTEM\\%s\\%s", path, name);
	if (hive_root(&win->system, &root, err) < 0)
		return -1;
	found = hive_find(&win->system, &root, path, &key, err);
	if (found == 1)
		found = hive_get(&win->system, &key, name, &value, err);
	if (found <= 0 || value.len > HIVE_VALUE_LIMIT)
		return found < 0 ? -1 : 0;
	if (hive_value_copy(&win->system, &value, &data, err) < 0)
		return -1;
	search_renames(win, data, value.len);
	return 0;
}

int windows_from_hives(struct windows *win, const struct windows_files *files,
		       struct error *err)
{
	static const struct windows_files none = { NULL, NULL, NULL };
	char config[FACT_FROM];

	files = files ? files : &none;
	if (read_places(win, IN_SOFTWARE, "", err) < 0)
		return error_prefix(err, "SOFTWARE hive");
	if (read_restrictions(win, err) < 0)
		return error_prefix(err, "SOFTWARE hive");
	if (read_places(win, IN_SYSTEM, "", err) < 0 ||
	    read_sets(win, err) < 0 || read_other_sets(win, err) < 0)
		return error_prefix(err, "SYSTEM hive");
	str_printf(config, sizeof(config), "HardwareConfig\\%s",
		   win->hardware_config.known ? win->hardware_config.value : "?");
	if (read_places(win, IN_CONFIG, config, err) < 0 ||
	    read_places(win, IN_SET, win->control_set, err) < 0)
		return error_prefix(err, "SYSTEM hive");
	judge_version(win);
	if (!*win->control_set)
		return 0;
	if (windows_read_files(win, files, err) < 0)
		return -1;
	judge_arch(win);
	if (read_databases(win, err) < 0 || read_renames(win, err) < 0 ||
	    windows_read_services(win, files, err) < 0 ||
	    windows_read_filters(win, files, err) < 0 ||
	    windows_read_devices(win, err) < 0 ||
	    windows_read_virtio(win, err) < 0)
		return error_prefix(err, "SYSTEM hive");
	return 0;
}

/* ---- may it be changed --------------------------------------------------- */

uint64_t windows_clock_ahead(const struct windows *win)
{
	bool universal = win->clock_utc.known && win->clock_utc.value;

	/* Negative, as 32 bits, is east of UTC. */
	return universal || !win->clock_bias.known || win->clock_bias.value > 24 * 60 ? 0 :
	       win->clock_bias.value;
}

bool windows_set_failed(const struct windows *win)
{
	return win->failed.known && win->failed.value && win->default_set.known &&
	       win->failed.value == win->default_set.value;
}

static int check_sets(const struct windows *win, struct error *err)
{
	if (!win->current.known || !win->default_set.known || !*win->control_set)
		return fail(err, REFUSE_CONTROL_SET,
			    "the SYSTEM hive names no control set that exists (%s): start Windows "
			    "once and shut it down",
			    win->current.from);
	if (win->current.value != win->default_set.value)
		return fail(err, REFUSE_CONTROL_SET,
			    "the control set used last (%llu) is not the one "
			    "used next (%llu): start Windows once and shut it "
			    "down", (unsigned long long)win->current.value,
			    (unsigned long long)win->default_set.value);
	if (windows_set_failed(win))
		return fail(err, REFUSE_CONTROL_SET,
			    "Windows has marked the control set that it uses next (%llu) as "
			    "failed: start it, run \"reg add HKLM\\SYSTEM\\Select /v Failed /t "
			    "REG_DWORD /d 0 /f\" in it, and shut it down",
			    (unsigned long long)win->failed.value);
	return 0;
}

int windows_check(const struct windows *win, struct error *err)
{
	if (win->generation == WINDOWS_TOO_OLD)
		return fail(err, REFUSE_WINDOWS_OLD,
			    "Windows build %u is older than Windows 7",
			    win->build);
	if (win->generation == WINDOWS_UNKNOWN)
		return fail(err, REFUSE_WINDOWS_UNKNOWN,
			    "cannot determine the version of Windows (%s)",
			    win->build_text.from);
	if (check_sets(win, err) < 0)
		return -1;
	if (win->arch == ARCH_UNKNOWN)
		return fail(err, REFUSE_WINDOWS_UNKNOWN,
			    "cannot determine the processor architecture: %s and %s do not "
			    "agree", win->arch_text.from,
			    win->arch_machine.from);
	if (win->driver_database != (win->generation >= WINDOWS_8) ||
	    (!win->driver_database && !win->critical_database))
		return fail(err, REFUSE_WINDOWS_UNKNOWN,
			    "unknown layout: a device database of another "
			    "Windows than build %u has", win->build);
	return 0;
}

const char *windows_generation_name(enum windows_generation generation)
{
	static const char *const names[] = {
		[WINDOWS_UNKNOWN] = "unknown", [WINDOWS_TOO_OLD] = "too old",
		[WINDOWS_7] = "7", [WINDOWS_8] = "8", [WINDOWS_8_1] = "8.1",
		[WINDOWS_10] = "10", [WINDOWS_11] = "11",
	};

	return names[generation];
}

const char *windows_arch_name(enum windows_arch arch)
{
	static const char *const names[] = {
		[ARCH_UNKNOWN] = "unknown", [ARCH_X86] = "x86",
		[ARCH_AMD64] = "amd64", [ARCH_ARM64] = "arm64",
	};

	return names[arch];
}
