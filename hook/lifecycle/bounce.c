// SPDX-License-Identifier: GPL-2.0-or-later
/* bounce.c - restart a guest that was started before it was staged
 *
 * The guest is suspended before its firmware has read much, destroyed, staged and started
 * again. That is done only to a guest that has just been started: one that has run for a while
 * may be a Windows with unsaved data. Hence the time window, and libvirt's id of the run,
 * which the hook recorded when it saw that this run boots (libvirt_start()). Restored,
 * migrated and reverted guests have memory to lose, and are runs with other ids. */

#include "hook/lifecycle/bounce.h"

#include <errno.h>

#include "helper/shared/log.h"
#include "hook/libvirt/definition.h"
#include "hook/libvirt/virt.h"
#include "hook/lifecycle/publish.h"
#include "hook/phase/step.h"
#include "hook/state/pending.h"
#include "hook/state/story.h"

/* ---- a start that came before staging --------------------------------------- */

#define BOUNCE_WINDOW_MS 5000
#define RESUME_AFTER_MS 60000
#define RESUME_WAIT_MS 2000
#define RESUME_POLL_MS 50

/* Store the new definition first: on a host that can't store it (/etc/libvirt full, or
 * read-only) the guest would otherwise be destroyed at each of its starts, for nothing. */
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

/* "virsh start --console" starts the guest paused and resumes it when its console is connected
 * (cmdStart() in tools/virsh-domain.c, libvirt 9.9.0); the new guest must not stay paused. A
 * paused guest does not boot, so there is time. */
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

/* Return: 1 if the guest was destroyed, 0 if it went off by itself before. */
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
		return fail(err, ECANCELED, "it was restarted meanwhile; it goes to SATA with its "
			    "next start");
	pending->begun = true;
	if (pending_write(pending, err) < 0)
		return -1;
	if (virt_suspend(dom, err) == 0)
		return stage_and_destroy(virt, dom, pending, config, err) < 0 ? -1 : 1;
	if (virt_state(dom, &now, &ignored) < 0 || (now.active && now.id == state->id))
		return -1;
	/* A guest that went off by itself is not started again later. */
	pending->begun = false;
	return pending_write(pending, err);
}

/* An earlier process began this and was killed. Return: 1 if the guest is off now, 0 if there
 * is nothing to finish. */
static int finish_take_down(struct virt *virt, struct virt_domain *dom,
			    const struct pending *pending, const struct virt_state *state,
			    const struct config *config, struct error *err)
{
	long long age = pending_age(pending);

	if (age < 0)
		return 0;
	if (!state->active)
		return 1;
	/* Running: the process was killed before the suspend, or the guest was restarted. */
	if (state->id != pending->id || !state->paused_by_user || pending->paused)
		return 0;
	if (age > RESUME_AFTER_MS)
		return virt_resume(dom, err);
	return stage_and_destroy(virt, dom, pending, config, err) < 0 ? -1 : 1;
}

/* Check that staging would work at all, and that the phase allows it: a guest must not be
 * destroyed for nothing. A definition that was staged just now, after the start had begun,
 * counts too: the guest still runs on the old bus. */
static int check_bounce(const struct virt_domain *dom, const struct config *config,
			struct error *err)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct step step = { .changed = false };

	if (definition_read(dom, &domain, err) < 0)
		return -1;
	if (domain.state.phase != PHASE_NONE && domain.state.phase != PHASE_STAGED)
		return fail(err, ECANCELED, "it is now %s",
			    phase_said(domain.state.phase));
	return step_apply(&domain, HAPPENED_SEEN, config, &step, err);
}

/* virt-install starts a domain and defines it afterwards, so try again as long as the guest
 * could still be destroyed. Returns -1. */
static int not_yet(const struct pending *pending, struct error *err)
{
	long long age = pending_age(pending);

	if (err->code == ENOTSUP && age >= 0 && age <= BOUNCE_WINDOW_MS)
		err->code = EAGAIN;
	return -1;
}

/* The user asked for a running guest: start it again, whatever has failed. A process that was
 * killed between recording its intent and the destroy may not have staged it. */
static int stage_and_start(struct virt *virt, struct virt_domain *dom,
			   const struct pending *pending,
			   const struct config *config, struct error *err)
{
	struct error start_err = { 0 };
	struct virt_state state;
	struct step step = { .changed = false };
	int rc = publish_step(virt, dom, HAPPENED_SEEN, config, &step, err);

	if (rc < 0 && publish_may_pass(err))
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

int bounce_settle(struct virt *virt, struct virt_domain *dom,
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
	/* Not destroyed this time, but its next start must be on SATA. */
	if (publish_step(virt, dom, HAPPENED_SEEN, config, &step, &late) < 0 && down == 0)
		*err = late;
	else if (down == 0)
		return 0;
	return -1;
}
