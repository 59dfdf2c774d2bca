// SPDX-License-Identifier: GPL-2.0-or-later
/* watch.c - watch the writes of a guest on trial to see whether Windows is up */

#include "hook/lifecycle/watch.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "helper/shared/log.h"
#include "hook/domain/domain.h"
#include "hook/host/installed.h"
#include "hook/libvirt/virt.h"
#include "hook/phase/place.h"
#include "hook/state/lock.h"
#include "hook/state/pending.h"
#include "hook/state/session.h"
#include "hook/state/story.h"

/* More than a boot loader writes, far fewer than a booting Windows does. */
#define WRITES_UP 16
#define WRITES_LOADER 4
/* The count must grow in this many samples: a sustained rate. */
#define SAMPLES_UP 3
/* This many samples without a write end a series. Shorter than the time from a reset to the
 * loader's next write: firmware, loader, and NT's wait of 30 s for its boot partition. */
#define SAMPLES_STILL 10

struct watch {
	const char *uuid;
	const struct config *config;
	struct virt *virt;
	struct virt_domain *dom;
	char target[TARGET_SIZE];
	char since[24];		/* of this trial; "" not known yet */
	int id;			/* of this run of the guest */
	struct writes writes;
	long long ran_ms;	/* does not count time while it was paused */
};

static void nap(void)
{
	const struct timespec t = { 0, WATCH_PERIOD_MS * 1000000L };

	nanosleep(&t, NULL);
}

/*
 * The persistent definition has the same target as the running one as long as the trial that
 * was started is still the current one. A command (disable, hold, rollback) or an edit may have
 * ended it while the guest runs: then the guest must not be destroyed.
 */
static int find_trial(struct watch *w, struct error *err)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	AUTO_FREE char *xml = NULL;

	if (virt_xml(w->dom, &xml, err) < 0 ||
	    domain_parse(xml, strlen(xml), &domain, err) < 0)
		return -1;
	if (!domain.tag.present)
		return fail(err, ECANCELED, "it no longer has a tag");
	if (domain.state.phase != PHASE_TRIAL ||
	    (w->since[0] && strcmp(w->since, domain.state.since) != 0))
		return fail(err, ECANCELED, "it is now %s", domain.state.phase == PHASE_TRIAL ?
			    "on another trial" : phase_said(domain.state.phase));
	if (place_is_moved(&domain))
		return fail(err, ECANCELED, "its disk was moved to another bus");
	str_fits(w->target, sizeof(w->target), domain.state.disk);
	str_fits(w->since, sizeof(w->since), domain.state.since);
	return 0;
}

static void note_writes(const struct watch *w)
{
	struct session_note session;
	struct error err = { 0 };

	if (!session_read(w->uuid, &session) || session.phase != PHASE_TRIAL)
		return;
	if (session_add_writes(w->uuid, &err) < 0)
		log_msg(LOG_LEVEL_ERROR, "domain %s: cannot record its writes: %s",
			virt_name(w->dom), err.msg);
}

/*
 * The caller holds the domain's lock. The release hook finds the record and replaces it by its
 * own; settle, which waits for the lock, moves the disk back to SATA and starts the guest again.
 * If the guest could not be destroyed, its user may do that later, and must not get it started
 * again: so the record is removed, except if the daemon was lost, which may have destroyed it.
 */
static int destroy_trial(struct watch *w, struct error *err)
{
	struct virt_state state;
	struct pending pending;

	/* Not a guest that was just reverted to a snapshot: that has memory to lose. */
	if (virt_state(w->dom, &state, err) < 0)
		return -1;
	if (!state.active || state.id != w->id)
		return 0;
	pending_new(&pending, PENDING_RESTART, w->uuid, virt_name(w->dom));
	pending.session = PHASE_TRIAL;
	pending.id = w->id;
	if (pending_write(&pending, err) < 0)
		return -1;
	if (virt_destroy(w->dom, err) == 0)
		return 0;
	if (err->code == ECONNREFUSED)
		return -1;
	pending_remove(&pending);
	story_tell(LOG_LEVEL_WARNING, virt_name(w->dom), w->uuid,
		   "can't be started again on SATA and is left as it is: %s", err->msg);
	return 0;
}

static int recover(struct watch *w, struct error *err)
{
	AUTO_FD int lock = domain_lock(w->uuid, (unsigned)w->config->publish_timeout, err);
	bool hooked = hook_is_installed(NULL);

	if (lock < 0 || find_trial(w, err) < 0)
		return -1;
	story_tell(LOG_LEVEL_WARNING, virt_name(w->dom), w->uuid,
		   "nothing was written to %s within %d s on VirtIO: Windows is not running; %s",
		   w->target, w->config->trial_timeout,
		   !w->config->auto_recover ? "auto_recover is off, so it is left as it is" :
		   !hooked ? "busflip's hook is gone, so it is left as it is" :
		   "it is destroyed, to be started on SATA");
	if (!w->config->auto_recover || !hooked)
		return 0;
	return destroy_trial(w, err);
}

bool writes_sustained(struct writes *w, long long count)
{
	if (count > w->last) {
		w->grown++;
		w->still = 0;
	} else if (count < w->last || ++w->still >= SAMPLES_STILL) {
		*w = (struct writes) { .base = count };
	}
	w->last = count;
	return count - w->base >= WRITES_UP && w->grown >= SAMPLES_UP;
}

/* Counts all its disks together, which libvirt returns if no name is given: a guest that
 * writes to another disk (an installer, a rescue system) would lose data. */
static bool writes_nothing(const struct watch *w)
{
	long long writes = virt_writes(w->dom, "");

	return writes >= 0 && writes <= WRITES_LOADER;
}

/* 1: continue, 0: over. */
static int sample(struct watch *w, struct error *err)
{
	struct virt_state state;
	long long writes;

	if (virt_state(w->dom, &state, err) < 0)
		return -1;
	if (!state.active || state.id != w->id)
		return 0;
	if (state.paused)
		return 1;
	w->ran_ms += WATCH_PERIOD_MS;
	writes = virt_writes(w->dom, w->target);
	if (writes < 0)
		return 1;
	if (writes_sustained(&w->writes, writes)) {
		note_writes(w);
		story_tell(LOG_LEVEL_NOTICE, virt_name(w->dom), w->uuid,
			   "Windows writes to %s on VirtIO", w->target);
		return 0;
	}
	if (w->ran_ms < w->config->trial_timeout * 1000LL)
		return 1;
	if (writes <= WRITES_LOADER && writes_nothing(w))
		return recover(w, err);
	story_tell(LOG_LEVEL_WARNING, virt_name(w->dom), w->uuid,
		   "only %lld writes to %s within %d s on VirtIO: left running; its disk decides "
		   "when it ends", writes, w->target, w->config->trial_timeout);
	return 0;
}

static int follow(struct watch *w, struct error *err)
{
	struct virt_state state;
	int r = 1;

	if (virt_open(w->config->uri, &w->virt, err) < 0 ||
	    virt_find(w->virt, w->uuid, &w->dom, err) < 0 ||
	    virt_state(w->dom, &state, err) < 0)
		return -1;
	if (!state.active || state.id != w->id)
		return 0;
	if (find_trial(w, err) < 0)
		return -1;
	while (r > 0) {
		nap();
		r = sample(w, err);
	}
	return r;
}

int watch_trial(const char *uuid, int id, const struct config *config, struct error *err)
{
	struct watch w = { .uuid = uuid, .config = config, .id = id };
	int r;

	for (int left = config->publish_timeout * 1000 / WATCH_PERIOD_MS; ; left--) {
		r = follow(&w, err);
		virt_domain_free(&w.dom);
		virt_close(&w.virt);
		/* It was migrated, or undefined while off, or is not on trial any more. */
		if (r < 0 && (err->code == ENOENT || err->code == ECANCELED))
			return 0;
		/* The daemon was restarted: the guest continues to run, so continue to watch
		 * it. */
		if (r >= 0 || err->code != ECONNREFUSED || left <= 0)
			return r;
		nap();
	}
}
