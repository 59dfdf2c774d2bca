// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evidence.c - judge from the disk whether VirtIO would boot, or did
 *
 * Each condition is one function that returns a verdict, what was found and where. Times inside
 * the guest are compared with each other, or with their values before the run, rather than with
 * the host's clock: LastUse is written early in the boot, when Windows may not have set its
 * clock yet. It may even be later than ShutdownTime: to a guest west of UTC a clock that runs in
 * UTC is hours ahead until it asks a time server. Windows 7 stores neither HardwareConfig nor
 * arrival times; conditions that it can't answer do not gate it.
 */

#include "helper/verdict/evidence.h"
#include "helper/shared/uuid.h"
#include "helper/verdict/report.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

/* A guest's clock may be off by a time zone and by daylight saving time. */
#define MINUTE UINT64_C(600000000)
#define SKEW_SMALL (UINT64_C(10) * MINUTE)
#define SKEW_LARGE (UINT64_C(900) * MINUTE)

struct judge {
	const struct windows *win;
	const struct volume_health *health;
	const struct evidence_asked *asked;
	bool seven;
};

static void __attribute__((format(printf, 4, 5)))
say(struct condition *c, enum verdict verdict, const char *from,
    const char *fmt, ...)
{
	va_list ap;

	c->verdict = verdict;
	if (from)
		str_fits(c->from, sizeof(c->from), from);
	va_start(ap, fmt);
	if (vsnprintf(c->found, sizeof(c->found), fmt, ap) < 0)
		c->found[0] = '\0';
	va_end(ap);
}

static enum verdict yes_if(bool is)
{
	return is ? VERDICT_YES : VERDICT_NO;
}

static void say_time(struct condition *c, enum verdict verdict,
		     const struct fact_number *fact)
{
	char text[REPORT_TIME];

	report_time(fact->known ? fact->value : 0, text);
	say(c, verdict, fact->from, "%s", text);
}

/* ---- the volume and the hive --------------------------------------------- */

static void judge_volume(const struct judge *j, struct condition *c)
{
	const struct volume_health *h = j->health;

	if (!h)
		say(c, VERDICT_UNKNOWN, "volume", "not checked");
	else if (h->bitlocker)
		say(c, VERDICT_NO, "volume", "BitLocker");
	else if (h->dirty || h->chkdsk)
		say(c, VERDICT_NO, "$Volume", "marked dirty");
	else if (h->logfile != LOGFILE_CLEAN)
		say(c, VERDICT_NO, "$LogFile", "not closed");
	else if (h->hibernation > HIBERNATION_RESUMED)
		say(c, VERDICT_NO, "hiberfil.sys", "holds an image");
	else
		say(c, VERDICT_YES, "volume", "clean");
}

static void judge_hive(const struct judge *j, struct condition *c)
{
	const struct hivelog *log = &j->win->system_status.log;

	say(c, VERDICT_YES, "SYSTEM", "%s%s", log->dirty ? "replayed" : "clean",
	    log->gap ? ", but older log entries are missing" : "");
}

static void judge_set(const struct judge *j, struct condition *c)
{
	const struct windows *w = j->win;

	say(c, yes_if(w->current.known && w->default_set.known &&
		      *w->control_set &&
		      w->current.value == w->default_set.value &&
		      !windows_set_failed(w)),
	    w->current.from, "%scurrent %llu, default %llu, failed %llu",
	    windows_set_failed(w) ? "marked as failed: " : "",
	    (unsigned long long)w->current.value,
	    (unsigned long long)w->default_set.value,
	    (unsigned long long)w->failed.value);
}

/* ---- the last session ---------------------------------------------------- */

/* Windows has closed its volume and its registry, as it does at the very end. */
static bool ended_clean(const struct judge *j)
{
	struct condition volume = { 0 };

	judge_volume(j, &volume);
	return volume.verdict == VERDICT_YES && !j->win->system_status.log.dirty;
}

/* Since the values of before, Windows has been started and shut down, and its clock says the
 * opposite. */
static bool clock_went_back(const struct judge *j)
{
	const struct fact_number *use = &j->win->last_use, *down = &j->win->shutdown_time;
	const struct evidence_asked *a = j->asked;

	return !j->seven && a->has_before && use->known && use->value != a->before_last_use &&
	       down->known && down->value != a->before_shutdown && down->value <= use->value &&
	       ended_clean(j);
}

/* What Windows has noted of this session is not older than that; 0: not known. A clock that went
 * back did so by the offset of the time zone, or by an unknown time; but not to before the last
 * shutdown. */
static uint64_t session_since(const struct judge *j)
{
	uint64_t use = j->win->last_use.known ? j->win->last_use.value : 0;
	uint64_t corrected = use - windows_clock_ahead(j->win) * MINUTE, since = 0;

	if (!use || !clock_went_back(j))
		return use;
	if (corrected <= j->win->shutdown_time.value)
		since = corrected;
	if (j->asked->before_shutdown > since &&
	    j->asked->before_shutdown <= j->win->shutdown_time.value)
		since = j->asked->before_shutdown;
	return since ? since : use;
}

static void judge_booted_seven(const struct judge *j, struct condition *c)
{
	const struct fact_number *id = &j->win->boot_id;

	if (!id->known || !j->asked->has_before)
		say(c, VERDICT_UNKNOWN, id->from, "%s", id->known
		    ? "nothing to compare with" : "not recorded");
	else
		say(c, yes_if(id->value > j->asked->before_boot_id), id->from,
		    "%llu, was %u", (unsigned long long)id->value,
		    j->asked->before_boot_id);
}

static enum verdict in_run(const struct evidence_asked *a, uint64_t time)
{
	uint64_t to = a->run_to ? a->run_to : UINT64_MAX - SKEW_LARGE;

	if (!a->run_from)
		return VERDICT_UNKNOWN;
	if (time + SKEW_SMALL >= a->run_from && time <= to + SKEW_SMALL)
		return VERDICT_YES;
	return time + SKEW_LARGE >= a->run_from && time <= to + SKEW_LARGE
		? VERDICT_UNKNOWN : VERDICT_NO;
}

static void judge_booted(const struct judge *j, struct condition *c)
{
	const struct fact_number *use = &j->win->last_use;
	const struct evidence_asked *a = j->asked;

	if (j->seven)
		judge_booted_seven(j, c);
	else if (!use->known)
		say_time(c, VERDICT_NO, use);
	else
		say_time(c, a->has_before ? yes_if(use->value != a->before_last_use)
					  : in_run(a, use->value), use);
}

/* SMBIOS stores the first three fields in the other byte order; which order Windows shows
 * depends on the firmware's SMBIOS version. */
static bool same_machine(const uint8_t a[16], const uint8_t b[16])
{
	static const uint8_t swapped[8] = { 3, 2, 1, 0, 5, 4, 7, 6 };

	if (memcmp(a + 8, b + 8, 8) != 0)
		return false;
	if (memcmp(a, b, 8) == 0)
		return true;
	for (size_t i = 0; i < 8; i++)
		if (a[i] != b[swapped[i]])
			return false;
	return true;
}

static void judge_machine(const struct judge *j, struct condition *c)
{
	const struct fact_text *config = &j->win->hardware_config;
	uint8_t uuid[16];

	if (j->seven)
		say(c, VERDICT_YES, config->from, "Windows 7 has none");
	else if (!j->asked->has_uuid)
		say(c, VERDICT_UNKNOWN, config->from, "no uuid to compare with");
	else if (!config->known || !uuid_bytes(config->value, uuid))
		say(c, VERDICT_UNKNOWN, config->from, "not recorded");
	else
		say(c, yes_if(same_machine(uuid, j->asked->uuid)), config->from,
		    "%.60s%s%.100s", config->value,
		    *j->win->manufacturer.value ? " " : "", j->win->manufacturer.value);
}

static void judge_shutdown(const struct judge *j, struct condition *c)
{
	const struct fact_number *time = &j->win->shutdown_time;
	const struct evidence_asked *a = j->asked;
	enum verdict verdict;

	if (!time->known)
		verdict = VERDICT_UNKNOWN;
	else if (a->has_before && time->value == a->before_shutdown)
		verdict = VERDICT_NO;
	else if (!j->seven)
		verdict = !j->win->last_use.known ? VERDICT_UNKNOWN
			: yes_if(time->value > j->win->last_use.value || clock_went_back(j));
	else
		verdict = a->has_before ? yes_if(time->value > a->before_shutdown || ended_clean(j))
					: in_run(a, time->value);
	say_time(c, verdict, time);
}

/* ---- the driver ---------------------------------------------------------- */

static void judge_service(const struct judge *j, struct condition *c)
{
	const struct service *s = &j->win->virtio[j->asked->bus].service;

	if (!s->has_start || !s->has_type)
		say(c, VERDICT_NO, s->from, "%s", "not set up");
	else if (s->start != 0 || s->type != 1)
		say(c, VERDICT_NO, s->from, "Start %u, Type %u", s->start,
		    s->type);
	else if (s->file_there == PRESENCE_NO)
		say(c, VERDICT_NO, s->from, "%.200s is missing", s->file);
	else
		say(c, s->file_there == PRESENCE_YES ? VERDICT_YES
						     : VERDICT_UNKNOWN,
		    s->from, "Start 0, %.200s", s->file);
}

static void judge_override(const struct judge *j, struct condition *c)
{
	const struct service *s = &j->win->virtio[j->asked->bus].service;

	if (!s->overridden)
		say(c, VERDICT_YES, s->from, "no StartOverride");
	else if (s->has_override)
		say(c, yes_if(j->seven || !s->override), s->from, "StartOverride %u",
		    s->override);
	else
		say(c, VERDICT_YES, s->from, "StartOverride for another configuration only");
}

static void judge_findable(const struct judge *j, struct condition *c)
{
	const struct virtio *v = &j->win->virtio[j->asked->bus];

	say(c, VERDICT_NO, v->ids[0].from, "no entry leads to %s",
	    v->service.name);
	for (size_t i = 0; i < 2; i++) {
		const struct virtio_id *id = &v->ids[i];

		if (j->asked->device_id && j->asked->device_id != id->id)
			continue;
		if (id->findable) {
			say(c, VERDICT_YES, id->from, "1af4:%04x %s", id->id,
			    id->inf);
			return;
		}
		str_fits(c->from, sizeof(c->from), id->from);
	}
}

/* A device instance of the wanted ID that is set up for the driver; the one that arrived last. */
static const struct device *bound_device(const struct judge *j)
{
	const uint16_t *ids = virtio_device_ids(j->asked->bus);
	const struct device *best = NULL;

	for (size_t i = 0; i < j->win->device_count; i++) {
		const struct device *d = &j->win->devices[i];

		if (d->vendor != VENDOR_VIRTIO ||
		    (d->id != ids[0] && d->id != ids[1]) ||
		    (j->asked->device_id && d->id != j->asked->device_id) ||
		    strcasecmp(d->service, virtio_service_name(j->asked->bus)) ||
		    !d->driver_key || (d->config_flags & 0x67))
			continue;
		if (!best || d->arrived > best->arrived)
			best = d;
	}
	return best;
}

static void judge_bound(const struct judge *j, struct condition *c)
{
	const struct device *d = bound_device(j);

	if (d)
		say(c, VERDICT_YES, d->from, "%s %s", d->inf, d->version);
	else
		say(c, VERDICT_NO, "SYSTEM\\Enum\\PCI", "no device is set up "
		    "for %s", virtio_service_name(j->asked->bus));
}

static void judge_arrived(const struct judge *j, struct condition *c)
{
	const struct device *d = bound_device(j);
	char text[REPORT_TIME];
	enum verdict verdict;

	if (!d) {
		say(c, VERDICT_NO, "SYSTEM\\Enum\\PCI", "no device");
		return;
	}
	report_time(d->arrived ? d->arrived : d->installed, text);
	if (j->seven)
		verdict = d->installed ? VERDICT_YES : VERDICT_UNKNOWN;
	else if (!d->arrived || !j->win->last_use.known)
		verdict = VERDICT_UNKNOWN;
	else
		verdict = yes_if(d->arrived >= session_since(j) && d->removed <= d->arrived);
	say(c, verdict, d->from, "%s", text);
}

/* ---- around it ----------------------------------------------------------- */

/* A filter whose file is on another volume can't be checked, and can't have been missing: with
 * it the system disk, and the VirtIO device, have just worked. */
static void judge_filters(const struct judge *j, struct condition *c)
{
	const char *elsewhere = NULL;
	bool unknown = false;

	for (size_t i = 0; i < j->win->filter_count; i++) {
		const struct class_filter *f = &j->win->filters[i];

		if (!f->service || f->file == PRESENCE_NO) {
			say(c, VERDICT_NO, f->from, "%s has no %s", f->name,
			    f->service ? "file" : "service");
			return;
		}
		unknown |= f->file == PRESENCE_UNKNOWN && !f->elsewhere;
		elsewhere = f->elsewhere ? f->name : elsewhere;
	}
	say(c, unknown ? VERDICT_UNKNOWN : VERDICT_YES, "SYSTEM\\Control\\Class",
	    "%zu filters%s%s%s", j->win->filter_count, elsewhere ? ", the file of " : "",
	    elsewhere ? elsewhere : "", elsewhere ? " on another volume" : "");
}

static void judge_rename(const struct judge *j, struct condition *c)
{
	const struct fact_text *r = &j->win->renames;

	say(c, yes_if(!r->known), r->from, "%.200s", r->known ? r->value
							       : "none");
}

static void judge_dump(const struct judge *j, struct condition *c)
{
	const struct windows *w = j->win;
	uint64_t since = w->last_use.known ? session_since(j) : j->asked->run_from;

	if (w->memory_dump.known && w->memory_dump.value > since)
		say_time(c, since ? VERDICT_NO : VERDICT_UNKNOWN,
			 &w->memory_dump);
	else if (w->minidumps.known && w->minidumps.value > since)
		say_time(c, since ? VERDICT_NO : VERDICT_UNKNOWN,
			 &w->minidumps);
	else
		say(c, w->arch_machine.known ? VERDICT_YES : VERDICT_UNKNOWN,
		    w->memory_dump.from, "none newer than the last start");
}

static void judge_sata(const struct judge *j, struct condition *c)
{
	say(c, yes_if(j->win->ahci_ready), "SYSTEM\\Services", "%.200s",
	    j->win->ahci_ready ? "ready" : j->win->ahci_reason);
}

static void judge_disk(const struct judge *j, struct condition *c)
{
	const struct windows *w = j->win;
	char text[REPORT_TIME];

	report_time(w->virtio_disk_arrived, text);
	if (!w->virtio_disk_seen)
		say(c, VERDICT_NO, "SYSTEM\\Enum\\SCSI", "none");
	else if (!w->virtio_disk_arrived || !w->last_use.known)
		say(c, j->seven ? VERDICT_YES : VERDICT_UNKNOWN,
		    "SYSTEM\\Enum\\SCSI", "one, no time recorded");
	else
		say(c, yes_if(w->virtio_disk_arrived >= session_since(j)),
		    "SYSTEM\\Enum\\SCSI", "%s", text);
}

/* ---- all ----------------------------------------------------------------- */

static const struct {
	const char *name;
	bool gates;		/* must be YES before the promotion to VirtIO */
	void (*judge)(const struct judge *j, struct condition *c);
} conditions[] = {
	[CONDITION_VOLUME] = { "volume-clean", true, judge_volume },
	[CONDITION_HIVE] = { "hive-whole", true, judge_hive },
	[CONDITION_CONTROL_SET] = { "control-set", true, judge_set },
	[CONDITION_BOOTED] = { "booted", true, judge_booted },
	[CONDITION_MACHINE] = { "machine", true, judge_machine },
	[CONDITION_SHUTDOWN] = { "shut-down", true, judge_shutdown },
	[CONDITION_SERVICE] = { "driver-service", true, judge_service },
	[CONDITION_NO_OVERRIDE] = { "no-start-override", true, judge_override },
	[CONDITION_FINDABLE] = { "driver-findable", true, judge_findable },
	[CONDITION_BOUND] = { "device-bound", true, judge_bound },
	[CONDITION_ARRIVED] = { "device-arrived", true, judge_arrived },
	[CONDITION_FILTERS] = { "class-filters", true, judge_filters },
	[CONDITION_NO_RENAME] = { "no-pending-rename", false, judge_rename },
	[CONDITION_NO_DUMP] = { "no-new-dump", true, judge_dump },
	[CONDITION_SATA_READY] = { "sata-ready", false, judge_sata },
	[CONDITION_VIRTIO_DISK] = { "virtio-disk-seen", false, judge_disk },
};
_Static_assert(ARRAY_SIZE(conditions) == CONDITION_COUNT, "all conditions");

const char *condition_name(enum condition_id id)
{
	return conditions[id].name;
}

bool condition_gates(enum condition_id id)
{
	return conditions[id].gates;
}

/* NO overrides UNKNOWN, and the first condition that is not YES is named. */
static void judge_flip(struct evidence *out)
{
	out->flip = VERDICT_YES;
	out->stop = CONDITION_COUNT;
	for (unsigned int i = 0; i < CONDITION_COUNT; i++) {
		enum verdict v = out->list[i].verdict;

		if (!conditions[i].gates || v == VERDICT_YES)
			continue;
		if (out->stop == CONDITION_COUNT)
			out->stop = (enum condition_id)i;
		if (out->flip != VERDICT_NO)
			out->flip = v;
	}
}

/* Success needs all of it; failure means that nothing has changed; anything else is unknown.
 * Only viostor gives its disks a name of their own; behind vioscsi they have QEMU's name. */
static void judge_run(const struct judge *j, struct evidence *out)
{
	const struct fact_number *shutdown = &j->win->shutdown_time;

	out->booted = VERDICT_UNKNOWN;
	if (out->list[CONDITION_BOOTED].verdict == VERDICT_YES &&
	    out->list[CONDITION_SHUTDOWN].verdict == VERDICT_YES &&
	    out->list[CONDITION_ARRIVED].verdict == VERDICT_YES &&
	    (j->asked->bus == TARGET_SCSI ||
	     out->list[CONDITION_VIRTIO_DISK].verdict == VERDICT_YES))
		out->booted = VERDICT_YES;
	else if (j->asked->has_before &&
		 out->list[CONDITION_BOOTED].verdict == VERDICT_NO &&
		 shutdown->known &&
		 shutdown->value == j->asked->before_shutdown)
		out->booted = VERDICT_NO;
}

void evidence_judge(const struct windows *win,
		    const struct volume_health *health,
		    const struct evidence_asked *asked, struct evidence *out)
{
	struct judge j = { win, health, asked,
			   win->generation == WINDOWS_7 };

	memset(out, 0, sizeof(*out));
	for (unsigned int i = 0; i < CONDITION_COUNT; i++) {
		out->list[i].id = (enum condition_id)i;
		conditions[i].judge(&j, &out->list[i]);
	}
	judge_flip(out);
	judge_run(&j, out);
}
