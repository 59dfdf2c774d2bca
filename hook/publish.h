/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * publish.h - carry steps over into libvirt: redefine, settle what a hook has
 * left to do, bounce a guest that started too early
 */
#ifndef BUSFLIP_PUBLISH_H
#define BUSFLIP_PUBLISH_H

#include "hook/cycle.h"
#include "hook/pending.h"
#include "hook/virt.h"

/*
 * publish_step() - apply @happened to the persistent definition of @domain and
 * log it. The caller holds the domain's lock.
 */
int publish_step(struct virt *virt, const struct virt_domain *domain,
		 enum happening happened, const struct config *config,
		 struct step *step, struct error *err);

/*
 * publish_settle() - do what the pending record of @uuid asks for, if there is
 * one, and remove it.
 *
 * Waits for the domain to be free and, up to config->publish_timeout seconds,
 * for a daemon that is restarting; then it leaves the record for later and
 * fails. Called by the process that a hook leaves behind, by "stage --all" and
 * so at boot. What fails is logged, and where there is a domain it is in its story.
 */
int publish_settle(const char *uuid, const struct config *config);

#endif
