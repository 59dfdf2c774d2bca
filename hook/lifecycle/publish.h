/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * publish.h - one step of a domain, stored in libvirt and logged
 */
#ifndef BUSFLIP_PUBLISH_H
#define BUSFLIP_PUBLISH_H

#include "hook/libvirt/virt.h"
#include "hook/phase/decide.h"
#include "hook/phase/step.h"

/*
 * publish_step() - apply @happened to the persistent definition of @domain and log it. The
 * caller holds the domain's lock.
 */
int publish_step(struct virt *virt, const struct virt_domain *domain,
		 enum happening happened, const struct config *config,
		 struct step *step, struct error *err);

/*
 * publish_step_because() - the same; append @detail, unless NULL, to the reason. If libvirt
 * rejects the step because of its detail, it is stored without. A failed trial that can't go
 * back to SATA is held.
 */
int publish_step_because(struct virt *virt, const struct virt_domain *dom,
			 enum happening happened, const char *detail,
			 const struct config *config, struct step *step, struct error *err);

/* publish_may_pass() - true if the same call may succeed later. */
bool publish_may_pass(const struct error *err);

#endif
