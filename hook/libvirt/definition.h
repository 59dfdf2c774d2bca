/* SPDX-License-Identifier: GPL-2.0-or-later */
/* definition.h - read a domain's persistent definition from libvirt, and change it */
#ifndef BUSFLIP_DEFINITION_H
#define BUSFLIP_DEFINITION_H

#include "hook/domain/domain.h"
#include "hook/libvirt/virt.h"

/* definition_read() - ENOTSUP: it is transient, and has none. */
int definition_read(const struct virt_domain *dom, struct domain *domain, struct error *err);

/*
 * definition_change() - have @change change it, and store what comes out
 *
 * @change returns 1 when it has changed @domain, 0 when there is nothing to store, -1 to
 * give up. It may be called several times, each time with what is there then: a
 * definition that others have changed meanwhile is read anew. After that has happened
 * several times in a row, which only a program does, it is EAGAIN.
 */
int definition_change(struct virt *virt, const struct virt_domain *dom,
		      int (*change)(void *context, struct domain *domain, struct error *err),
		      void *context, struct error *err);

#endif
