// SPDX-License-Identifier: GPL-2.0-or-later
/* publish.c - one step of a domain, stored in libvirt and logged */

#include "hook/lifecycle/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helper/shared/log.h"
#include "hook/host/baitimage.h"
#include "hook/host/qemuuser.h"
#include "hook/libvirt/definition.h"
#include "hook/lifecycle/diskcheck.h"
#include "hook/lifecycle/endreason.h"
#include "hook/phase/bait.h"
#include "hook/phase/decide.h"
#include "hook/phase/place.h"
#include "hook/state/lock.h"
#include "hook/state/pending.h"
#include "hook/state/session.h"
#include "hook/state/story.h"

bool publish_may_pass(const struct error *err)
{
	return err->code == ECONNREFUSED || err->code == EAGAIN;
}

struct stepping {
	struct virt *virt;
	enum happening happened;
	const char *detail;
	const struct config *config;
	struct step *step;
	struct error *no_bait;	/* repeated as often as the definition changes */
};

static int take_step(void *context, struct domain *domain, struct error *err)
{
	const struct stepping *s = context;

	s->no_bait->code = 0;
	if (step_apply_because(domain, s->happened, s->detail, s->config, s->step, err) < 0)
		return -1;
	/* libvirt starts the domain without a bait that does not exist, but not without one
	 * that QEMU can't read: leave that one out. */
	if (s->step->changed && s->step->after == PHASE_STAGED &&
	    baitimage_ready(s->config->bait, s->no_bait) == 0 &&
	    qemu_reads_bait(s->virt, domain, s->config->bait, s->no_bait) < 0) {
		xmlFreeNode(bait_remove(domain));
		s->step->bait_back = false;
	}
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
	str_cut(step->no_bait, sizeof(step->no_bait), no_bait.code ? no_bait.msg : "");
	if (no_bait.code)
		story_tell(LOG_LEVEL_WARNING, virt_name(dom), virt_uuid(dom),
			   "is staged without a bait: %s", no_bait.msg);
	if (step->bait_back)
		story_tell(LOG_LEVEL_NOTICE, virt_name(dom), virt_uuid(dom),
			   "its bait had been removed from its definition and was put back");
	/* What is repeated and changes nothing else is no event, but the end of a session is
	 * one. */
	if (happened == HAPPENED_SEEN ? step->changed && !step->bait_back :
	    step->changed || happened < HAPPENED_PROMOTE)
		story_step(virt_name(dom), virt_uuid(dom), step);
	return 0;
}

int publish_step_because(struct virt *virt, const struct virt_domain *dom,
			 enum happening happened, const char *detail,
			 const struct config *config, struct step *step, struct error *err)
{
	if (try_step(virt, dom, happened, detail, config, step, err) == 0)
		return 0;
	/* The details that were found on a disk must not keep a domain from changing its
	 * phase. */
	if (detail && !publish_may_pass(err) && err->code != PLACE_MOVED &&
	    try_step(virt, dom, happened, NULL, config, step, err) == 0)
		return 0;
	if ((happened != HAPPENED_VIRTIO_UNCLEAN && happened != HAPPENED_VIRTIO_FAILED) ||
	    publish_may_pass(err) || err->code == PLACE_MOVED)
		return -1;
	/* A failed trial must count, otherwise it would be repeated without limit. */
	story_tell(LOG_LEVEL_WARNING, virt_name(dom), virt_uuid(dom),
		   "can't go back to SATA: %s", err->msg);
	return try_step(virt, dom, HAPPENED_VIRTIO_STUCK, detail, config, step, err);
}

int publish_step(struct virt *virt, const struct virt_domain *dom,
		 enum happening happened, const struct config *config,
		 struct step *step, struct error *err)
{
	return publish_step_because(virt, dom, happened, NULL, config, step, err);
}
