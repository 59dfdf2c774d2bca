/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bounce.h - restart a guest that was started before it was staged
 */
#ifndef BUSFLIP_BOUNCE_H
#define BUSFLIP_BOUNCE_H

#include "hook/libvirt/virt.h"
#include "hook/phase/step.h"
#include "hook/state/pending.h"

/* bounce_settle() - destroy the guest of @pending, if it has only just been started, and start
 * it on SATA; otherwise stage it for its next start. -1 as publish_may_pass() says. */
int bounce_settle(struct virt *virt, struct virt_domain *dom, struct pending *pending,
		  const struct config *config, struct error *err);

#endif
