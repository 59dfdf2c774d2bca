/* SPDX-License-Identifier: GPL-2.0-or-later */
/* definition.h - read a domain's persistent definition from libvirt, and change it */
#ifndef BUSFLIP_DEFINITION_H
#define BUSFLIP_DEFINITION_H

#include "hook/domain/domain.h"
#include "hook/libvirt/virt.h"

/* definition_read() - ENOTSUP: the domain is transient and has none. */
int definition_read(const struct virt_domain *dom, struct domain *domain, struct error *err);

/*
 * definition_change() - let @change edit it, and store the result
 *
 * @change returns 1 if it has changed @domain, 0 if there is nothing to store, -1 to give up.
 * It may be called several times, each time with the present definition: one that others have
 * changed meanwhile is read again. If that happens several times in a row, which only a program
 * does, the result is EAGAIN.
 */
int definition_change(struct virt *virt, const struct virt_domain *dom,
		      int (*change)(void *context, struct domain *domain, struct error *err),
		      void *context, struct error *err);

#endif
