// SPDX-License-Identifier: GPL-2.0-or-later
/* diskcheck.c - what a domain's own disk shows before and after a session */

#include "hook/lifecycle/diskcheck.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helper/shared/log.h"
#include "helper/shared/refusal.h"
#include "helper/shared/uuid.h"
#include "hook/disk/findings.h"
#include "hook/domain/virtioid.h"
#include "hook/host/cure.h"
#include "hook/host/qemuuser.h"
#include "hook/image/diskimage.h"
#include "hook/libvirt/files.h"
#include "hook/phase/place.h"
#include "hook/phase/writable.h"
#include "hook/recovery/backup.h"
#include "hook/state/mark.h"
#include "hook/state/pending.h"
#include "hook/state/session.h"
#include "hook/state/story.h"

/* The system disk of one domain, ready for guestdisk_run(). */
struct guest {
	const struct domain *domain;
	struct disk_image image;
	struct guestdisk disk;
	struct access_user qemu;
	struct guestdisk_options options;
	struct job job;
};

static int guest_of(const struct domain *domain, const struct config *config,
		      struct guest *s, struct error *err)
{
	const struct state *state = &domain->state;
	const xmlNode *disk = writable_system_disk(domain, err), *device;

	memset(s, 0, sizeof(*s));
	s->domain = domain;
	if (!disk)
		return -1;
	if (disk_image_of(disk, &s->image, err) < 0)
		return -1;
	s->disk = (struct guestdisk){ .path = s->image.path,
				      .format = s->image.format,
				      .key = domain->uuid,
				      .qemu = qemu_user(NULL, domain, &s->qemu) ? &s->qemu : NULL,
				      .not_given = !qemu_is_given(domain, disk) };
	s->options = guestdisk_defaults();
	s->options.timeout_ms = config->patch_timeout * 1000;
	s->options.deadline = monotonic_ms() + s->options.timeout_ms;
	s->options.keep = (unsigned int)config->keep;
	s->options.sandbox_require = config->sandbox == CONFIG_SANDBOX_REQUIRE;
	if (config->virtio_win[0])
		s->options.virtio_win = config->virtio_win;
	s->job = (struct job){
		.bus = bus_target(state->bus),
		.driver_optional = true, .partition = domain->tag.partition,
	};
	s->job.has_uuid = uuid_bytes(domain->machine, s->job.uuid);
	device = virtio_boot_device(domain);
	s->job.device_id = device ? virtio_device_id(domain, device) : 0;
	return 0;
}

/* The disk was not refused: a program was killed while working on it. */
static bool was_cut_off(const struct error *err)
{
	return err->code == REFUSE_HELPER_DIED ||
	       (!is_refusal(err->code) && err->code != ENOENT && err->code != ENOLCK);
}

/* Nobody repeats what is not done now, so try once more if there is time. */
static int run(struct guest *s, enum job_action action,
	       struct guestdisk_result *result, struct error *err)
{
	const struct timespec nap = { 0, 200 * 1000000L };
	int r;

	s->job.action = action;
	r = guestdisk_run(&s->disk, &s->options, &s->job, result, err);
	if (r == 0 || !was_cut_off(err) || monotonic_ms() >= s->options.deadline)
		return r;
	story_tell(LOG_LEVEL_WARNING, s->domain->name, s->domain->uuid, "trying again: %s",
		   err->msg);
	guestdisk_result_free(result);
	/* A qemu-nbd whose keeper was killed closes the image meanwhile. */
	nanosleep(&nap, NULL);
	return guestdisk_run(&s->disk, &s->options, &s->job, result, err);
}

/* Why Windows has no driver for VirtIO, as far as the story has room. */
#define NO_DRIVER_SIZE 512

/* ---- before ---------------------------------------------------------------- */

static void read_no_driver(void *context, const char *key, const char *value)
{
	if (strcmp(key, "no_driver") == 0)
		str_cut(context, NO_DRIVER_SIZE, value);
}

/* @no_lease: why the disk was only read; .code 0: it was not only read. */
static void tell_patch(const struct guest *s, const struct guestdisk_result *result,
		       const struct error *no_lease)
{
	const struct domain *domain = s->domain;
	char word[DOMAIN_WORD], no_driver[NO_DRIVER_SIZE] = "";

	if (!result->changed)
		return;
	findings_each(result, read_no_driver, no_driver);
	if (no_lease->code)
		story_tell(LOG_LEVEL_WARNING, domain->name, domain->uuid, "starts with its disk "
			   "unchanged, on which Windows is not ready for SATA and VirtIO: %s; when "
			   "the guest runs on no host, run busflip patch %s", no_lease->msg,
			   domain_word(domain->name, domain->uuid, word));
	else if (no_driver[0])
		story_tell(LOG_LEVEL_WARNING, domain->name, domain->uuid, "disk %s: Windows was "
			   "made ready for SATA (%llu bytes), but not for VirtIO: %s",
			   s->image.path, (unsigned long long)result->bytes, no_driver);
	else
		story_tell(LOG_LEVEL_NOTICE, domain->name, domain->uuid, "disk %s: Windows was "
			   "made ready for SATA and VirtIO (%llu bytes)", s->image.path,
			   (unsigned long long)result->bytes);
}

static int prepare_disk(struct guest *s, struct session_note *note, struct error *err)
{
	bool staged = s->domain->state.phase == PHASE_STAGED;
	struct guestdisk_result result = { 0 };
	struct error no_lease = { 0 };
	int r = run(s, staged ? JOB_PATCH : JOB_INSPECT, &result, err);

	/* Read the disk all the same: somebody may have prepared it by hand. */
	if (r < 0 && err->code == ENOLCK) {
		no_lease = *err;
		s->job.dry_run = true;
		guestdisk_result_free(&result);
		r = run(s, JOB_PATCH, &result, err);
	}
	if (r == 0) {
		note->read = true;
		findings_each(&result, session_read_before, note);
		tell_patch(s, &result, &no_lease);
	}
	guestdisk_result_free(&result);
	return r;
}

void diskcheck_before_session(const struct domain *domain, const struct config *config)
{
	struct session_note note = { .phase = domain->state.phase,
				     .from = filetime_now(),
				     .front = (int)getppid() };
	struct session_note last;
	struct guest s;
	struct error err = { 0 };

	/* The record of the last session is of no use to this one, whatever happens now. */
	if (!session_read(domain->uuid, &last) && session_read_last(domain->uuid, &last) &&
	    session_is_of(&last, domain->state.phase, domain->state.since))
		note.failed = last.failed;
	session_remove(domain->uuid);
	str_fits(note.uuid, sizeof(note.uuid), domain->uuid);
	str_fits(note.since, sizeof(note.since), domain->state.since);
	if (guest_of(domain, config, &s, &err) < 0 || prepare_disk(&s, &note, &err) < 0) {
		str_cut(note.why, sizeof(note.why), err.msg);
		cure_append(&err);
		if (err.code == ENOTSUP && config->evidence == CONFIG_EVIDENCE_REQUIRE)
			error_suffix(&err, "evidence = shutdown in /etc/busflip.conf does not need "
				     "it");
		story_tell(LOG_LEVEL_WARNING, domain->name, domain->uuid,
			   "starts with its disk as it is: %s", err.msg);
	}
	mark_preparing(note.front);
	if (session_write(&note, &err) < 0)
		log_msg(LOG_LEVEL_ERROR, "domain %s: cannot record its start: %s", domain->name,
			err.msg);
}

/* ---- after ----------------------------------------------------------------- */

struct verdicts {
	struct findings findings;
	enum verdict booted;
};

static void read_booted(void *context, const char *key, const char *value)
{
	struct verdicts *v = context;

	if (strcmp(key, "booted") == 0)
		v->booted = verdict_parse(value);
}

static int inspect_disk(struct guest *s, struct verdicts *v, struct error *err)
{
	struct guestdisk_result result = { 0 };
	int r = run(s, JOB_INSPECT, &result, err);

	memset(v, 0, sizeof(*v));
	if (r == 0) {
		findings_read(&result, &v->findings);
		findings_each(&result, read_booted, v);
	}
	guestdisk_result_free(&result);
	return r;
}

static bool only_override(const struct findings *f)
{
	size_t others = 0, overrides = 0;

	for (size_t i = 0; i < f->count; i++) {
		bool is = strcmp(f->list[i].name, "no-start-override") == 0;

		overrides += is && finding_fails(&f->list[i]);
		others += !is && finding_fails(&f->list[i]);
	}
	return overrides && !others;
}

/* Windows has disabled its own driver again (StartOverride; helper/windows/winservice.c), and
 * nothing else is wrong: once enabled, all conditions hold. */
static int inspect_or_repair(struct guest *s, struct verdicts *v, struct error *err)
{
	struct guestdisk_result result = { 0 };
	int r = inspect_disk(s, v, err);

	if (r < 0 || v->findings.flip || !only_override(&v->findings))
		return r;
	r = run(s, JOB_PATCH, &result, err);
	guestdisk_result_free(&result);
	/* busflip must not enable it: the result stands. */
	if (r < 0 && err->code == ENOLCK)
		return 0;
	return r < 0 ? -1 : inspect_disk(s, v, err);
}

static int not_restored(const struct domain *domain, const struct error *err)
{
	char word[DOMAIN_WORD];

	story_tell(LOG_LEVEL_WARNING, domain->name, domain->uuid,
		   "the temporary changes in Windows (AutoReboot, SanPolicy, fast startup) "
		   "could not be undone: %s; when the guest %s, run busflip undo --settings %s",
		   err->msg, err->code == ENOLCK ? "runs on no host" : "is off",
		   domain_word(domain->name, domain->uuid, word));
	return -1;
}

/* Restore AutoReboot, SanPolicy and fast startup as they were before the first patch. */
static int restore_settings(struct guest *s)
{
	struct guestdisk_result result = { 0 };
	struct error err = { 0 };
	int r = run(s, JOB_SETTLE, &result, &err);

	/* Nothing was ever patched there. */
	if (r < 0 && (err.code == REFUSE_NO_WINDOWS || err.code == REFUSE_PARTITION_TABLE))
		r = 0;
	else if (r < 0)
		not_restored(s->domain, &err);
	else if (result.changed)
		story_tell(LOG_LEVEL_NOTICE, s->domain->name, s->domain->uuid,
			   "the temporary changes in Windows were undone");
	r = r < 0 ? -1 : result.changed;
	guestdisk_result_free(&result);
	return r;
}

int diskcheck_restore(const struct domain *domain, const struct config *config)
{
	struct guest s;
	struct error err = { 0 };

	if (guest_of(domain, config, &s, &err) < 0)
		return err.code == PLACE_MOVED ? not_restored(domain, &err) : 0;
	s.options.by_hand = true;
	return restore_settings(&s);
}

static bool holds(const struct findings *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->list[i].name, name) == 0)
			return f->list[i].holds == VERDICT_YES;
	return false;
}

/* The definition may have changed to an overlay or a copy; then the image of this session may
 * be below it. */
static bool is_below(const struct domain *domain)
{
	return libvirt_names_other_images(domain, domain_disk(domain, domain->state.disk));
}

static void judge(struct guest *s, bool clean, struct diskcheck_result *result)
{
	bool staged = s->domain->state.phase == PHASE_STAGED;
	struct session_note note;
	bool may_write;
	struct error err = { 0 };
	struct verdicts v;
	int r;

	if (session_read(s->domain->uuid, &note) &&
	    session_is_of(&note, s->domain->state.phase, s->domain->state.since))
		session_compare(&note, &s->job);
	else if (staged)
		/* Not for a trial: a time difference of minutes does not distinguish it from
		 * the session before. */
		session_since(s->domain->state.since, &s->job);
	may_write = !note.job && !is_below(s->domain);
	r = staged && may_write ? inspect_or_repair(s, &v, &err) : inspect_disk(s, &v, &err);
	if (r < 0) {
		str_cut(result->why, sizeof(result->why), err.msg);
		return;
	}
	result->readable = true;
	findings_list(&v.findings, result->why, sizeof(result->why));
	if (staged)
		result->verdict = v.findings.flip ? VERDICT_YES : VERDICT_NO;
	else
		result->verdict = v.booted;
	result->shut_down = holds(&v.findings, "booted") && holds(&v.findings, "shut-down");
	if (!staged && may_write && v.booted == VERDICT_YES && (clean || result->shut_down))
		restore_settings(s);
}

void diskcheck_after_session(const struct domain *domain, const struct config *config, bool clean,
		struct diskcheck_result *result)
{
	struct guest s;
	struct error err = { 0 };

	memset(result, 0, sizeof(*result));
	if (guest_of(domain, config, &s, &err) < 0)
		str_cut(result->why, sizeof(result->why), err.msg);
	else
		judge(&s, clean, result);
}

/* Earlier versions have left records with these words, too. */
static const char *const names[] = {
	[VERDICT_UNKNOWN] = "unknown", [VERDICT_NO] = "fails", [VERDICT_YES] = "holds",
};

const char *diskcheck_name(const struct diskcheck_result *result)
{
	return result->readable ? names[result->verdict] : "unreadable";
}

void diskcheck_parse(const char *name, struct diskcheck_result *result)
{
	memset(result, 0, sizeof(*result));
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0) {
			result->readable = true;
			result->verdict = (enum verdict)i;
		}
}
