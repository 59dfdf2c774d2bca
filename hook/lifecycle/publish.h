/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * publish.h - one step of a domain, stored in libvirt and told
 */
#ifndef BUSFLIP_PUBLISH_H
#define BUSFLIP_PUBLISH_H

#include "hook/phase/decide.h"
#include "hook/phase/step.h"
#include "hook/libvirt/virt.h"

/*
 * publish_step() - apply @happened to the persistent definition of @domain and
 * log it. The caller holds the domain's lock.
 */
int publish_step(struct virt *virt, const struct virt_domain *domain,
		 enum happening happened, const struct config *config,
		 struct step *step, struct error *err);

/*
 * publish_step_because() - the same; @detail is added to the reason, or NULL. A step whose
 * detail is refused is made without, and a failed trial that can't go back to SATA is held.
 */
int publish_step_because(struct virt *virt, const struct virt_domain *dom,
			 enum happening happened, const char *detail,
			 const struct config *config, struct step *step, struct error *err);

/* publish_may_pass() - is it worth another try, with nothing else done? */
bool publish_may_pass(const struct error *err);

#endif
