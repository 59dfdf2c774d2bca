// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * settle.c - do the step that a hook has recorded
 *
 * The record is removed last. A process that is killed before that leaves it, and repeating the
 * step is harmless: each step is decided from the phase in the present definition, and for a
 * step that was done already the decision is to do nothing.
 */

#include "hook/lifecycle/settle.h"

#include <errno.h>
#include <string.h>

#include "helper/shared/log.h"
#include "hook/host/baitimage.h"
#include "hook/libvirt/virt.h"
#include "hook/lifecycle/bounce.h"
#include "hook/lifecycle/diskcheck.h"
#include "hook/lifecycle/endreason.h"
#include "hook/lifecycle/publish.h"
#include "hook/phase/bait.h"
#include "hook/state/lock.h"
#include "hook/state/pending.h"
#include "hook/state/session.h"
#include "hook/state/story.h"

/* Prefer libvirt's own reason. If libvirt has lost it (it was restarted, or the domain runs
 * again), use the last line of the domain's log at the time of the hook. */
static const char *end_reason(const struct pending *pending,
			      const struct virt_state *state)
{
	if (pending->reason[0])
		return pending->reason;
	if (!state->active && strcmp(state->reason, "unknown") != 0)
		return state->reason;
	return pending->logged[0] ? pending->logged : "unknown";
}

/* After a clean shutdown the disk decides. If it can't be read, libvirt's reason is enough
 * only if the administrator configured that. */
static enum happening clean_end(const struct pending *pending, const struct config *config)
{
	bool trial = pending->session == PHASE_TRIAL;
	struct diskcheck_result disk;

	diskcheck_parse(pending->disk, &disk);
	if (!disk.readable) {
		if (config->evidence == CONFIG_EVIDENCE_REQUIRE && !(trial && pending->writes))
			return trial ? HAPPENED_VIRTIO_UNKNOWN : HAPPENED_SATA_NOT_READY;
	} else if (disk.verdict != VERDICT_YES) {
		return !trial ? HAPPENED_SATA_NOT_READY : disk.verdict == VERDICT_NO ?
			HAPPENED_VIRTIO_UNCLEAN : HAPPENED_VIRTIO_UNKNOWN;
	}
	return trial ? HAPPENED_VIRTIO_CLEAN : HAPPENED_SATA_CLEAN;
}

/* Put @what before an error that goes into the story; one that may pass is tried again. */
static int explain(struct error *err, const char *what)
{
	return publish_may_pass(err) ? -1 : error_prefix(err, "%s", what);
}

/* Windows did not come up in a trial, but the user wanted a running guest: start it on SATA
 * now. Only once: whoever repeats this after a kill finds it running. */
static int start_again(const struct virt_domain *dom, struct error *err)
{
	struct virt_state state;

	if (virt_state(dom, &state, err) < 0)
		return -1;
	if (state.active)
		return 0;
	if (virt_start(dom, false, err) < 0)
		return explain(err, "can't be started again on SATA");
	story_tell(LOG_LEVEL_NOTICE, virt_name(dom), virt_uuid(dom), "started again, on SATA");
	return 0;
}

/* A former version left these in the note instead of the record. */
static void add_noted(struct pending *pending)
{
	struct session_note note;

	if (!session_read_last(pending->uuid, &note) || note.phase != pending->session)
		return;
	pending->writes |= note.writes_seen;
	pending->restart |= note.restart;
}

static int settle_release(struct virt *virt, struct virt_domain *dom,
			  struct pending *pending,
			  const struct config *config, struct error *err)
{
	const char *reason, *detail = NULL;
	enum happening happened;
	struct virt_state state;
	struct step step = { .changed = false };
	bool failed;

	if (virt_state(dom, &state, err) < 0)
		return -1;
	reason = end_reason(pending, &state);
	failed = strcmp(reason, "failed") == 0;
	if (failed && pending->excused) {
		if (pending->session == PHASE_TRIAL)
			story_tell(LOG_LEVEL_NOTICE, virt_name(dom), virt_uuid(dom),
				   "its start failed before the guest ran: VirtIO may be tried "
				   "once more");
		return 0;
	}
	add_noted(pending);
	switch (session_end_of(reason)) {
	case SESSION_END_OPEN:
		return 0;
	case SESSION_END_CLEAN:
		happened = clean_end(pending, config);
		if (happened != HAPPENED_SATA_CLEAN && happened != HAPPENED_VIRTIO_CLEAN)
			detail = pending->asking ? "the hook was killed before it had read the disk"
						 : pending->disk_why;
		break;
	case SESSION_END_UNCLEAN:
	default:
		happened = pending->session != PHASE_TRIAL ? HAPPENED_SATA_UNCLEAN :
			   failed ? HAPPENED_VIRTIO_FAILED : HAPPENED_VIRTIO_UNCLEAN;
	}
	if (publish_step_because(virt, dom, happened, detail, config, &step, err) < 0)
		return explain(err, "stays as it is");
	/* Do not start it if it is held on VirtIO: it would fail again. */
	if (pending->session == PHASE_TRIAL && step.after != PHASE_TRIAL && !step.stuck &&
	    (pending->restart ||
	     (config->auto_recover && strcmp(reason, "crashed") == 0)))
		return start_again(dom, err);
	return 0;
}

static int settle_by_kind(struct virt *virt, struct virt_domain *dom, struct pending *pending,
			  const struct config *config, struct error *err)
{
	switch (pending->kind) {
	case PENDING_BOUNCE:
		return bounce_settle(virt, dom, pending, config, err) < 0 ?
			explain(err, "can't be started again on SATA") : 0;
	case PENDING_RESTART:
		/* No release hook replaced it: the guest was not destroyed. */
		return 0;
	case PENDING_RELEASE:
	default:
		return settle_release(virt, dom, pending, config, err);
	}
}

static int keep_record(const char *name, struct error *err)
{
	if (!publish_may_pass(err))
		error_suffix(err, "once this is fixed, busflip stage --all does what is left to "
			     "do");
	return error_prefix(err, "domain %s", name);
}

/* @told: @err is in the domain's story already. */
static int settle_once(const char *uuid, const struct config *config, bool *told,
		       struct error *err)
{
	AUTO_VIRT struct virt *virt = NULL;
	AUTO_VIRT_DOMAIN struct virt_domain *dom = NULL;
	const char *name = uuid;
	struct pending pending;
	struct error unread;
	int found, rc;

	found = pending_read(uuid, &pending, &unread);
	if (found == 0)
		return 0;
	if (found > 0)
		name = pending.name;
	if (virt_open(config->uri, &virt, err) < 0)
		return error_prefix(err, "domain %s", name);
	rc = virt_find(virt, uuid, &dom, err);
	/* It may exist: the record stays. */
	if (rc < 0 && err->code != ENOENT)
		return keep_record(name, err);
	/* libvirt answers when no hook runs for the domain: now its record is complete. */
	found = pending_read(uuid, &pending, err);
	if (found < 0 && err->code != EINVAL)
		return keep_record(uuid, err);
	if (found < 0) {
		pending_discard(uuid);
		error_suffix(err, "it was removed: the phase stays as it is");
		return error_prefix(err, "domain %s", uuid);
	}
	if (found == 0)
		return 0;
	/* Undefined meanwhile: nothing is left to do. */
	if (rc < 0 || strcmp(virt_uuid(dom), uuid) != 0) {
		pending_remove(&pending);
		return 0;
	}
	rc = settle_by_kind(virt, dom, &pending, config, err);
	if (rc < 0 && publish_may_pass(err))
		return error_prefix(err, "domain %s", virt_name(dom));
	if (rc < 0)
		story_tell(LOG_LEVEL_ERROR, virt_name(dom), uuid, "%s", err->msg);
	*told = rc < 0;
	pending_remove(&pending);
	return rc;
}

static int settle(const char *uuid, const struct config *config, bool *told,
		  struct error *err)
{
	int64_t end = monotonic_ms() + 1000 * config->publish_timeout;
	AUTO_FD int lock = domain_lock(uuid, (unsigned)config->publish_timeout, err);
	long wait = 20;

	if (lock < 0)
		return error_prefix(err, "domain %s", uuid);
	while (settle_once(uuid, config, told, err) < 0) {
		if (!publish_may_pass(err))
			return -1;
		if (monotonic_ms() >= end)
			return error_suffix(err, "busflip stage --all finishes it");
		pause_ms(wait);
		wait = wait < 1000 ? wait * 2 : 1000;
	}
	return 0;
}

int settle_pending(const char *uuid, const struct config *config)
{
	struct error err = { 0 };
	bool told = false;

	if (settle(uuid, config, &told, &err) == 0) {
		bait_sweep(config->bait);
		return 0;
	}
	if (!told)
		log_msg(LOG_LEVEL_ERROR, "%s", err.msg);
	return -1;
}
