// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * publish.c - carry steps over into libvirt
 *
 * The record is removed last. A process that is killed anywhere before leaves
 * it, and doing the same again is harmless: each step is decided from the
 * phase that the definition has then, and a step that was taken already
 * decides to "nothing".
 */

#include "hook/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hook/bait.h"
#include "hook/baitimage.h"
#include "hook/definition.h"
#include "hook/evidence.h"
#include "hook/gate.h"
#include "hook/qemuuser.h"
#include "hook/session.h"
#include "hook/story.h"

/* Is it worth another try, with nothing else done? */
static bool passes(const struct error *err)
{
	return err->code == ECONNREFUSED || err->code == EAGAIN;
}

struct stepping {
	struct virt *virt;
	enum happening happened;
	const char *detail;
	const struct config *config;
	struct step *step;
	struct error *no_bait;	/* tried as often as the definition is */
};

static int take_step(void *context, struct domain *domain, struct error *err)
{
	const struct stepping *s = context;

	s->no_bait->code = 0;
	if (cycle_step_because(domain, s->happened, s->detail, s->config, s->step, err) < 0)
		return -1;
	/* libvirt starts the domain without a bait that is missing, but not without one
	 * that QEMU can't read: that one stays out. */
	if (s->step->changed && s->step->after == PHASE_STAGED &&
	    baitimage_ready(s->config->bait, s->no_bait) == 0 &&
	    qemu_reads_bait(s->virt, domain, s->config->bait, s->no_bait) < 0)
		xmlFreeNode(bait_remove(domain));
	return s->step->changed;
}

static int try_step(struct virt *virt, const struct virt_domain *dom,
		    enum happening happened, const char *detail,
		    const struct config *config, struct step *step, struct error *err)
{
	struct error no_bait = { 0 };
	struct stepping s = { virt, happened, detail, config, step, &no_bait };

	if (definition_change(virt, dom, take_step, &s, err) < 0)
		return -1;
	if (no_bait.code)
		story_tell(LOG_LEVEL_WARNING, virt_name(dom), virt_uuid(dom),
			   "is staged without a bait: %s", no_bait.msg);
	story_step(virt_name(dom), virt_uuid(dom), step);
	return 0;
}

static int step_because(struct virt *virt, const struct virt_domain *dom,
			enum happening happened, const char *detail,
			const struct config *config, struct step *step,
			struct error *err)
{
	if (try_step(virt, dom, happened, detail, config, step, err) == 0)
		return 0;
	/* What was found on a disk must not keep a domain where it is. */
	if (detail && !passes(err) && try_step(virt, dom, happened, NULL, config, step, err) == 0)
		return 0;
	if ((happened != HAPPENED_VIRTIO_UNCLEAN && happened != HAPPENED_VIRTIO_FAILED) ||
	    passes(err))
		return -1;
	/* A trial that failed must count, or it would be tried for ever. */
	story_tell(LOG_LEVEL_WARNING, virt_name(dom), virt_uuid(dom),
		   "can't go back to SATA: %s", err->msg);
	return try_step(virt, dom, HAPPENED_VIRTIO_STUCK, detail, config, step, err);
}

int publish_step(struct virt *virt, const struct virt_domain *dom,
		 enum happening happened, const struct config *config,
		 struct step *step, struct error *err)
{
	return step_because(virt, dom, happened, NULL, config, step, err);
}

static void pause_ms(long ms)
{
	const struct timespec t = { ms / 1000, (ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

static time_t monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* ---- after a session -------------------------------------------------- */

/* libvirt's own word first; when it has lost it (it was restarted, or the
 * domain runs again), what its log of the domain said when the hook ran. */
static const char *end_reason(const struct pending *pending,
			      const struct virt_state *state)
{
	if (pending->reason[0])
		return pending->reason;
	if (!state->active && strcmp(state->reason, "unknown") != 0)
		return state->reason;
	return pending->logged[0] ? pending->logged : "unknown";
}

/* After a clean shutdown the disk decides. Where it can't be read, libvirt's word
 * is enough only if the administrator says so. */
static enum happening clean_end(const struct pending *pending, bool writes_seen,
				const struct config *config)
{
	bool trial = pending->session == PHASE_TRIAL;

	switch (gate_parse(pending->disk)) {
	case GATE_HOLDS:
		break;
	case GATE_FAILS:
		return trial ? HAPPENED_VIRTIO_UNCLEAN : HAPPENED_SATA_NOT_READY;
	case GATE_UNKNOWN:
		return trial ? HAPPENED_VIRTIO_UNKNOWN : HAPPENED_SATA_NOT_READY;
	case GATE_UNREADABLE:
		if (config->evidence == CONFIG_EVIDENCE_REQUIRE && !(trial && writes_seen))
			return trial ? HAPPENED_VIRTIO_UNKNOWN : HAPPENED_SATA_NOT_READY;
	}
	return trial ? HAPPENED_VIRTIO_CLEAN : HAPPENED_SATA_CLEAN;
}

/* A trial that did not come up, and that the user wanted to run: on SATA now. Only
 * once; whoever does this again after a kill finds it running. */
static int start_again(const struct virt_domain *dom, const struct pending *pending,
		       struct error *err)
{
	struct virt_state state;

	session_remove(pending->uuid);
	if (virt_state(dom, &state, err) < 0)
		return -1;
	if (state.active)
		return 0;
	story_tell(LOG_LEVEL_NOTICE, virt_name(dom), virt_uuid(dom), "started again, on SATA");
	return virt_start(dom, false, err);
}

static int settle_release(struct virt *virt, struct virt_domain *dom,
			  const struct pending *pending,
			  const struct config *config, struct error *err)
{
	struct session_note note = { .writes_seen = false };
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
				   "its start failed before the guest ran: it may be tried once "
				   "more on VirtIO");
		return 0;
	}
	session_read(pending->uuid, &note);
	switch (evidence_from_reason(reason)) {
	case EVIDENCE_OPEN:
		return 0;
	case EVIDENCE_HOLDS:
		happened = clean_end(pending, note.writes_seen, config);
		if (happened != HAPPENED_SATA_CLEAN && happened != HAPPENED_VIRTIO_CLEAN)
			detail = pending->disk_why;
		break;
	case EVIDENCE_FAILS:
	default:
		happened = pending->session != PHASE_TRIAL ? HAPPENED_SATA_UNCLEAN :
			   failed ? HAPPENED_VIRTIO_FAILED : HAPPENED_VIRTIO_UNCLEAN;
	}
	if (step_because(virt, dom, happened, detail, config, &step, err) < 0)
		return -1;
	/* Held on VirtIO it would come to the same end once more. */
	if (pending->session == PHASE_TRIAL && step.after != PHASE_TRIAL && !step.stuck &&
	    (note.restart ||
	     (config->auto_recover && strcmp(reason, "crashed") == 0)))
		return start_again(dom, pending, err);
	return 0;
}

/* ---- a start that came before staging ---------------------------------
 *
 * The guest is suspended before its firmware has read much, destroyed, staged
 * and started again. That may be done to a guest that has only just been
 * started and to no other: one that has run for a while may be Windows with
 * something to lose. Hence the window, and libvirt's id of the run, which the hook
 * has noted: it saw that this run boots (libvirt_start()). Restored, migrated and
 * reverted guests have memory to lose, and are runs of their own.
 */
#define BOUNCE_WINDOW_MS 5000
#define RESUME_AFTER_MS 60000
#define RESUME_WAIT_MS 2000
#define RESUME_POLL_MS 50

/* The new definition comes first: a host that can't store it (/etc/libvirt full, or
 * read-only) would have the guest destroyed at each of its starts, for nothing. */
static int stage_and_destroy(struct virt *virt, struct virt_domain *dom,
			     const struct pending *pending, const struct config *config,
			     struct error *err)
{
	struct step step = { .changed = false };
	struct error ignored;

	if (publish_step(virt, dom, HAPPENED_SEEN, config, &step, err) == 0 &&
	    virt_destroy(dom, err) == 0)
		return 0;
	if (!pending->paused)
		virt_resume(dom, &ignored);
	return -1;
}

/* "virsh start --console" has the guest started paused, and resumes it when its console is
 * there (cmdStart() in tools/virsh-domain.c, libvirt 9.9.0): it shall not stay paused. One
 * that is paused doesn't boot, so there is time. */
static int await_resume(const struct virt_domain *dom, struct pending *pending,
			struct virt_state *state, struct error *err)
{
	for (long left = RESUME_WAIT_MS; pending->paused && left > 0; left -= RESUME_POLL_MS) {
		pause_ms(RESUME_POLL_MS);
		if (virt_state(dom, state, err) < 0)
			return -1;
		pending->paused = state->paused_by_user;
	}
	return 0;
}

/* Return: 1 when the guest is down now, 0 when it went off by itself before. */
static int take_down(struct virt *virt, struct virt_domain *dom, struct pending *pending,
		     struct virt_state *state, const struct config *config,
		     struct error *err)
{
	long long age = pending_age(pending);
	struct virt_state now;
	struct error ignored;

	if (age < 0 || age > BOUNCE_WINDOW_MS)
		return fail(err, ECANCELED, "it has run for too long to be started "
			    "again; it goes to SATA with its next start");
	if (await_resume(dom, pending, state, err) < 0)
		return -1;
	if (!state->active)
		return 0;
	if (state->id != pending->id)
		return fail(err, ECANCELED, "it was started anew meanwhile; it goes to SATA "
			    "with its next start");
	pending->begun = true;
	if (pending_write(pending, err) < 0)
		return -1;
	if (virt_suspend(dom, err) == 0)
		return stage_and_destroy(virt, dom, pending, config, err) < 0 ? -1 : 1;
	if (virt_state(dom, &now, &ignored) < 0 || (now.active && now.id == state->id))
		return -1;
	/* What is off by its own will is not started again by us, later. */
	pending->begun = false;
	return pending_write(pending, err);
}

/* Somebody began this and was killed. Return: 1 when the guest is down now,
 * 0 when there is nothing to finish. */
static int finish_take_down(struct virt *virt, struct virt_domain *dom,
			    const struct pending *pending, const struct virt_state *state,
			    const struct config *config, struct error *err)
{
	long long age = pending_age(pending);

	if (age < 0)
		return 0;
	if (!state->active)
		return 1;
	/* Running: the kill came before the suspend, or it was started anew. */
	if (state->id != pending->id || !state->paused_by_user || pending->paused)
		return 0;
	if (age > RESUME_AFTER_MS)
		return virt_resume(dom, err);
	return stage_and_destroy(virt, dom, pending, config, err) < 0 ? -1 : 1;
}

/* Would staging work at all, and is this a phase to stage in? A guest is not
 * taken down for nothing. A definition that was staged just now, after the
 * start had begun, counts too: the guest still runs on the old bus. */
static int check_bounce(const struct virt_domain *dom, const struct config *config,
			struct error *err)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct step step = { .changed = false };

	if (definition_read(dom, &domain, err) < 0)
		return -1;
	if (domain.state.phase != PHASE_NONE && domain.state.phase != PHASE_STAGED)
		return fail(err, ECANCELED, "it is %s by now",
			    phase_name(domain.state.phase));
	return cycle_step(&domain, HAPPENED_SEEN, config, &step, err);
}

/* virt-install starts a domain and defines it afterwards: worth another look, as long
 * as it could still be taken down. Gives -1. */
static int not_yet(const struct pending *pending, struct error *err)
{
	long long age = pending_age(pending);

	if (err->code == ENOTSUP && age >= 0 && age <= BOUNCE_WINDOW_MS)
		err->code = EAGAIN;
	return -1;
}

/* The user asked for a running guest: whatever has failed, start it again. Whoever was
 * killed between noting that he begins and the destroy may not have staged it. */
static int stage_and_start(struct virt *virt, struct virt_domain *dom,
			   const struct pending *pending,
			   const struct config *config, struct error *err)
{
	struct error start_err = { 0 };
	struct virt_state state;
	struct step step = { .changed = false };
	int rc = publish_step(virt, dom, HAPPENED_SEEN, config, &step, err);

	if (rc < 0 && passes(err))
		return -1;
	if (virt_state(dom, &state, &start_err) < 0 ||
	    (!state.active && virt_start(dom, pending->paused, &start_err) < 0)) {
		*err = start_err;
		return -1;
	}
	if (rc == 0)
		story_tell(LOG_LEVEL_NOTICE, virt_name(dom), virt_uuid(dom),
			   "started again, on SATA");
	return rc;
}

static int settle_bounce(struct virt *virt, struct virt_domain *dom,
			 struct pending *pending, const struct config *config,
			 struct error *err)
{
	struct virt_state state;
	struct error late;
	struct step step = { .changed = false };
	int down = 1;

	if (virt_state(dom, &state, err) < 0)
		return -1;
	if (pending->begun) {
		down = finish_take_down(virt, dom, pending, &state, config, err);
	} else if (!state.active) {
		down = 0;
	} else {
		if (check_bounce(dom, config, err) < 0)
			return not_yet(pending, err);
		down = take_down(virt, dom, pending, &state, config, err);
	}
	if (down > 0)
		return stage_and_start(virt, dom, pending, config, err);
	/* Not this time; its next start shall be on SATA all the same. */
	if (publish_step(virt, dom, HAPPENED_SEEN, config, &step, &late) < 0 && down == 0)
		*err = late;
	else if (down == 0)
		return 0;
	return -1;
}

/* ---- both -------------------------------------------------------------- */

/* @told: what is in @err is in the domain's story. */
static int settle_once(const char *uuid, const struct config *config, bool *told,
		       struct error *err)
{
	AUTO_VIRT struct virt *virt = NULL;
	AUTO_VIRT_DOMAIN struct virt_domain *dom = NULL;
	struct pending pending;
	int found, rc;

	found = pending_read(uuid, &pending, err);
	if (found < 0) {
		pending_discard(uuid);
		error_suffix(err, "it was removed: the phase stays as it is");
		return error_prefix(err, "domain %s", uuid);
	}
	if (found == 0)
		return 0;
	if (virt_open(config->uri, &virt, err) < 0)
		return error_prefix(err, "domain %s", pending.name);
	rc = virt_find(virt, uuid, &dom, err);
	if (rc < 0 && err->code == ECONNREFUSED)
		return error_prefix(err, "domain %s", pending.name);
	/* Undefined meanwhile: there is nothing left to do for it. */
	if (rc < 0 || strcmp(virt_uuid(dom), uuid) != 0) {
		pending_remove(&pending);
		return 0;
	}
	rc = pending.kind == PENDING_BOUNCE ?
		settle_bounce(virt, dom, &pending, config, err) :
		settle_release(virt, dom, &pending, config, err);
	if (rc < 0 && passes(err))
		return error_prefix(err, "domain %s", virt_name(dom));
	if (rc < 0)
		story_tell(LOG_LEVEL_ERROR, virt_name(dom), uuid, "%s: %s",
			   pending.kind == PENDING_BOUNCE ? "can't be started again on SATA" :
			   "stays as it is", err->msg);
	*told = rc < 0;
	pending_remove(&pending);
	return rc;
}

static int settle(const char *uuid, const struct config *config, bool *told,
		  struct error *err)
{
	time_t end = monotonic() + config->publish_timeout;
	AUTO_FD int lock = domain_lock(uuid, (unsigned)config->publish_timeout, err);
	long wait = 20;

	if (lock < 0)
		return error_prefix(err, "domain %s", uuid);
	while (settle_once(uuid, config, told, err) < 0) {
		if (!passes(err))
			return -1;
		if (monotonic() >= end)
			return error_suffix(err, "busflip stage --all does what is left");
		pause_ms(wait);
		wait = wait < 1000 ? wait * 2 : 1000;
	}
	return 0;
}

int publish_settle(const char *uuid, const struct config *config)
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
