// SPDX-License-Identifier: GPL-2.0-or-later
/* report.c - the facts about a Windows, as JSON with their sources */

#include "helper/verdict/report.h"
#include "helper/shared/json.h"

#include <string.h>
#include <time.h>

/* FILETIME counts 100 ns from 1601; the Unix epoch is this many seconds later. */
#define EPOCH UINT64_C(11644473600)
#define YEAR_9999 UINT64_C(253402300799)

void report_time(uint64_t filetime, char text[REPORT_TIME])
{
	uint64_t seconds = filetime / 10000000;
	time_t when = (time_t)(seconds - EPOCH);
	struct tm tm;

	if (!filetime || seconds < EPOCH || seconds > EPOCH + YEAR_9999 ||
	    !gmtime_r(&when, &tm) ||
	    !strftime(text, REPORT_TIME, "%Y-%m-%d %H:%M:%S UTC", &tm))
		str_fits(text, REPORT_TIME, "never");
}

static const char *flag(bool is)
{
	return is ? "true" : "false";
}

/* ---- single facts -------------------------------------------------------- */

enum fact_form { FORM_TEXT, FORM_NUMBER, FORM_TIME };

static const struct fact_row {
	enum fact_form form;
	const char *name;	/* in JSON */
	size_t offset;
} facts[] = {
#define AT(member) offsetof(struct windows, member)
	{ FORM_TEXT, "product", AT(product) },
	{ FORM_TEXT, "edition", AT(edition) },
	{ FORM_TEXT, "installation_type", AT(installation) },
	{ FORM_TEXT, "display_version", AT(display_version) },
	{ FORM_TEXT, "build", AT(build_text) },
	{ FORM_TEXT, "build_lab", AT(build_lab) },
	{ FORM_TEXT, "system_root", AT(system_root) },
	{ FORM_TEXT, "product_type", AT(product_type) },
	{ FORM_NUMBER, "major", AT(major) },
	{ FORM_NUMBER, "revision", AT(revision) },
	{ FORM_TEXT, "processor_architecture", AT(arch_text) },
	{ FORM_NUMBER, "kernel_machine", AT(arch_machine) },
	{ FORM_NUMBER, "select_current", AT(current) },
	{ FORM_NUMBER, "select_default", AT(default_set) },
	{ FORM_NUMBER, "select_failed", AT(failed) },
	{ FORM_NUMBER, "select_last_known_good", AT(last_known_good) },
	{ FORM_TEXT, "hardware_config", AT(hardware_config) },
	{ FORM_NUMBER, "hardware_config_id", AT(hardware_id) },
	{ FORM_TIME, "last_use", AT(last_use) },
	{ FORM_TEXT, "manufacturer", AT(manufacturer) },
	{ FORM_TEXT, "model", AT(model) },
	{ FORM_TEXT, "bios_version", AT(bios_version) },
	{ FORM_TIME, "shutdown_time", AT(shutdown_time) },
	{ FORM_NUMBER, "boot_id", AT(boot_id) },
	{ FORM_NUMBER, "dirty_shutdown_count", AT(dirty_shutdowns) },
	{ FORM_NUMBER, "last_boot_shutdown", AT(last_boot_shutdown) },
	{ FORM_NUMBER, "last_boot_succeeded", AT(last_boot_succeeded) },
	{ FORM_NUMBER, "real_time_is_universal", AT(clock_utc) },
	{ FORM_NUMBER, "active_time_bias", AT(clock_bias) },
	{ FORM_NUMBER, "hiberboot_enabled", AT(hiberboot) },
	{ FORM_NUMBER, "hibernate_enabled", AT(hibernate) },
	{ FORM_NUMBER, "auto_reboot", AT(auto_reboot) },
	{ FORM_NUMBER, "crash_dump_enabled", AT(crash_dump) },
	{ FORM_NUMBER, "san_policy", AT(san_policy) },
	{ FORM_NUMBER, "poll_boot_partition_ms", AT(poll_boot_partition) },
	{ FORM_TEXT, "device_install_restrictions", AT(restrictions) },
	{ FORM_TEXT, "pending_rename", AT(renames) },
	{ FORM_TIME, "memory_dump", AT(memory_dump) },
	{ FORM_TIME, "minidump_folder", AT(minidumps) },
	{ FORM_NUMBER, "bootstat_clean", AT(bootstat_clean) },
#undef AT
};

static void json_time(FILE *out, uint64_t filetime)
{
	char text[REPORT_TIME];

	report_time(filetime, text);
	fprintf(out, "{ \"filetime\": %llu, \"text\": \"%s\" }",
		(unsigned long long)filetime, text);
}

static void json_fact(FILE *out, const struct windows *win,
		      const struct fact_row *row)
{
	const uint8_t *at = (const uint8_t *)win + row->offset;
	const struct fact_text *text = (const void *)at;
	const struct fact_number *number = (const void *)at;
	bool is_text = row->form == FORM_TEXT;

	fprintf(out, "  \"%s\": { \"value\": ", row->name);
	if (!(is_text ? text->known : number->known))
		fputs("null", out);
	else if (is_text)
		json_string(out, text->value);
	else if (row->form == FORM_TIME)
		json_time(out, number->value);
	else
		fprintf(out, "%llu", (unsigned long long)number->value);
	fputs(", \"from\": ", out);
	json_string(out, is_text ? text->from : number->from);
	fputs(" },\n", out);
}

/* ---- services, devices, VirtIO ------------------------------------------- */

static void next_member(FILE *out, const char *name, const char *text)
{
	fputs(", ", out);
	json_member(out, name, text);
}

static const char *presence_json(enum presence presence)
{
	return presence == PRESENCE_UNKNOWN ? "null"
	     : presence == PRESENCE_YES ? "true" : "false";
}

static void json_service(FILE *out, const struct service *s)
{
	fputs("{ \"name\": ", out);
	json_string(out, s->name);
	next_member(out, "from", s->from);
	fprintf(out, ", \"present\": %s", flag(s->present));
	if (s->has_start)
		fprintf(out, ", \"start\": %u", s->start);
	if (s->has_type)
		fprintf(out, ", \"type\": %u", s->type);
	fprintf(out, ", \"start_override\": %s", flag(s->overridden));
	if (s->has_override)
		fprintf(out, ", \"start_override_value\": %u", s->override);
	fprintf(out, ", \"effective_start\": %u", s->effective);
	next_member(out, "image_path", s->image_path);
	next_member(out, "file", s->file);
	fprintf(out, ", \"file_there\": %s, \"changed\": ",
		presence_json(s->file_there));
	json_time(out, s->changed);
	fputs(" }", out);
}

static void json_device(FILE *out, const struct device *d)
{
	const struct {
		const char *name;
		uint64_t time;
	} times[] = {
		{ "installed", d->installed },
		{ "first_installed", d->first_installed },
		{ "arrived", d->arrived }, { "removed", d->removed },
	};

	fprintf(out, "{ \"pci_id\": \"%04x:%04x\"", d->vendor, d->id);
	next_member(out, "from", d->from);
	next_member(out, "service", d->service);
	next_member(out, "class_guid", d->class_guid);
	next_member(out, "driver", d->driver);
	fprintf(out, ", \"driver_key\": %s", flag(d->driver_key));
	if (d->has_flags)
		fprintf(out, ", \"config_flags\": %u", d->config_flags);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		fprintf(out, ", \"%s\": ", times[i].name);
		json_time(out, times[i].time);
	}
	next_member(out, "driver_version", d->version);
	next_member(out, "inf", d->inf);
	next_member(out, "section", d->section);
	next_member(out, "matching_id", d->matching_id);
	fputs(" }", out);
}

static void json_id(FILE *out, const struct virtio_id *id)
{
	fprintf(out, "{ \"pci_id\": \"1af4:%04x\", \"listed\": %s, "
		"\"findable\": %s, \"by_package\": %s", id->id,
		flag(id->listed), flag(id->findable), flag(id->by_package));
	next_member(out, "inf", id->inf);
	next_member(out, "from", id->from);
	fputs(" }", out);
}

static void json_virtio(FILE *out, const struct windows *win,
			enum target_bus kind)
{
	const struct virtio *v = &win->virtio[kind];

	fprintf(out, "  \"%s\": { \"state\": \"%s\"", virtio_service_name(kind),
		virtio_state_name(v->state));
	next_member(out, "reason", v->reason);
	if (v->state == VIRTIO_BOUND)
		next_member(out, "instance", win->devices[v->bound_device].from);
	fputs(", \"service\": ", out);
	json_service(out, &v->service);
	fputs(", \"ids\": [ ", out);
	json_id(out, &v->ids[0]);
	fputs(", ", out);
	json_id(out, &v->ids[1]);
	fputs(" ] },\n", out);
}

/* ---- lists --------------------------------------------------------------- */

static void json_filter(FILE *out, const struct class_filter *f)
{
	fputs("{ \"name\": ", out);
	json_string(out, f->name);
	next_member(out, "from", f->from);
	fprintf(out, ", \"service\": %s, \"file_there\": %s }",
		flag(f->service), presence_json(f->file));
}

static void json_board(FILE *out, const struct board_driver *b)
{
	fputs("{ \"path\": ", out);
	json_string(out, b->path);
	fprintf(out, ", \"size\": %llu, \"machine\": %u, \"version\": ",
		(unsigned long long)b->size, b->machine);
	if (b->has_version)
		fprintf(out, "\"%u.%u.%u.%u\" }", b->version[0], b->version[1],
			b->version[2], b->version[3]);
	else
		fputs("null }", out);
}

static void separate(FILE *out, size_t i)
{
	fputs(i ? ",\n    " : "\n    ", out);
}

static void json_lists(FILE *out, const struct windows *win)
{
	fputs("  \"services\": [", out);
	for (size_t i = 0; i < win->service_count; i++) {
		separate(out, i);
		json_service(out, &win->services[i]);
	}
	fputs(" ],\n  \"devices\": [", out);
	for (size_t i = 0; i < win->device_count; i++) {
		separate(out, i);
		json_device(out, &win->devices[i]);
	}
	fputs(" ],\n  \"filters\": [", out);
	for (size_t i = 0; i < win->filter_count; i++) {
		separate(out, i);
		json_filter(out, &win->filters[i]);
	}
	fputs(" ],\n  \"drivers_on_board\": [", out);
	for (size_t i = 0; i < win->board_count; i++) {
		separate(out, i);
		json_board(out, &win->board[i]);
	}
	fputs(" ],\n", out);
}

static void json_hive(FILE *out, const char *name, const struct hive_status *h)
{
	static const char *const formats[] = {
		[HIVELOG_NONE] = "none", [HIVELOG_DIRT] = "DIRT",
		[HIVELOG_HVLE] = "HvLE",
	};
	const struct hivelog *log = &h->log;

	fprintf(out, "  \"%s\": ", name);
	if (!h->there) {
		fputs("null,\n", out);
		return;
	}
	fprintf(out, "{ \"size\": %llu, \"format\": \"1.%u\", \"dirty\": %s, "
		"\"bad_base_block\": %s, \"primary_sequence\": %u, "
		"\"secondary_sequence\": %u, \"replayed\": \"%s\", "
		"\"log1_entries\": %u, \"log2_entries\": %u, \"pages\": %zu, "
		"\"first_sequence\": %u, \"last_sequence\": %u, "
		"\"sequence_gap\": %s },\n", (unsigned long long)h->size,
		h->minor, flag(log->dirty), flag(log->bad_base), log->hive_seq1,
		log->hive_seq2, formats[log->format], log->entries[0],
		log->entries[1], log->pages, log->first_seq, log->last_seq,
		flag(log->gap));
}

/* ---- the volume ---------------------------------------------------------- */

static const char *hibernation_name(enum hibernation hibernation)
{
	static const char *const names[] = {
		[HIBERNATION_ABSENT] = "absent", [HIBERNATION_EMPTY] = "empty",
		[HIBERNATION_RESUMED] = "resumed",
		[HIBERNATION_IMAGE] = "image",
		[HIBERNATION_RESTORING] = "resume interrupted",
		[HIBERNATION_UNKNOWN] = "unknown",
	};

	return names[hibernation];
}

static const char *logfile_name(enum logfile logfile)
{
	static const char *const names[] = {
		[LOGFILE_CLEAN] = "clean", [LOGFILE_UNCLEAN] = "unclean",
		[LOGFILE_CACHED] = "cached", [LOGFILE_DAMAGED] = "damaged",
	};

	return names[logfile];
}

void report_health_json(const struct volume_health *h, FILE *out)
{
	fprintf(out, "{ \"bitlocker\": %s, \"dirty\": %s, \"chkdsk\": %s, "
		"\"flags\": %u, \"logfile\": \"%s\", "
		"\"logfile_version\": \"%u.%u\", \"hibernation\": \"%s\", "
		"\"ntfs_version\": \"%u.%u\", \"serial\": \"%016llx\", "
		"\"cluster_size\": %u, \"label\": ", flag(h->bitlocker),
		flag(h->dirty), flag(h->chkdsk), h->flags,
		logfile_name(h->logfile), h->logfile_major, h->logfile_minor,
		hibernation_name(h->hibernation), h->ntfs_major, h->ntfs_minor,
		(unsigned long long)h->serial, h->cluster_size);
	json_string(out, h->label);
	fputs(" }", out);
}

/* ---- all of it ----------------------------------------------------------- */

static void json_judgements(FILE *out, const struct windows *win)
{
	fputs("{\n  \"root\": ", out);
	json_string(out, win->root);
	fprintf(out, ",\n  \"generation\": \"%s\", \"server\": %s, "
		"\"architecture\": \"%s\", \"build_number\": %u,\n",
		windows_generation_name(win->generation), flag(win->server),
		windows_arch_name(win->arch), win->build);
	fprintf(out, "  \"control_set\": \"%s\", \"driver_database\": %s, "
		"\"critical_device_database\": %s,\n", win->control_set,
		flag(win->driver_database), flag(win->critical_database));
	fprintf(out, "  \"ahci_ready\": %s, \"ahci_reason\": ",
		flag(win->ahci_ready));
	json_string(out, win->ahci_reason);
	fprintf(out, ", \"ide_ready\": %s,\n  \"virtio_disk_seen\": %s, "
		"\"virtio_disk_arrived\": ", flag(win->ide_ready),
		flag(win->virtio_disk_seen));
	json_time(out, win->virtio_disk_arrived);
	fputs(",\n", out);
}

void report_json(const struct windows *win, const struct volume_health *health,
		 FILE *out)
{
	struct error why = { 0 };

	json_judgements(out, win);
	json_hive(out, "system_hive", &win->system_status);
	json_hive(out, "software_hive", &win->software_status);
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		json_fact(out, win, &facts[i]);
	for (unsigned int k = 0; k < TARGET_BUSES; k++)
		json_virtio(out, win, (enum target_bus)k);
	json_lists(out, win);
	fputs("  \"volume\": ", out);
	if (health)
		report_health_json(health, out);
	else
		fputs("null", out);
	fprintf(out, ",\n  \"patchable\": %s, \"refusal\": ",
		flag(windows_check(win, &why) == 0));
	json_string(out, why.msg);
	fputs("\n}\n", out);
}
