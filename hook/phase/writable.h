/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * writable.h - which disk of a domain may be written to
 *
 * Whoever may define domains can have the state element name any disk of the domain, one
 * that its guest may only read included; libvirt would never let QEMU write to that. So
 * each job that writes asks here, whatever the state says.
 */
#ifndef BUSFLIP_WRITABLE_H
#define BUSFLIP_WRITABLE_H

#include "hook/domain/domain.h"

/* writable_check() - may @disk be written to: a hard disk that is the guest's own, and not
 * the bait? -1 and @err (EPERM) with what it is. */
int writable_check(const xmlNode *disk, struct error *err);

/*
 * writable_system_disk() - the disk with Windows, as one that may be written to: that which
 * the state names, where tag and boot order mean the same, and it is on a bus that it can
 * be on in that state; without a state that which these mean.
 * NULL and @err: EPERM, ENOENT or EINVAL, a sentence that begins with "its".
 */
xmlNode *writable_system_disk(const struct domain *domain, struct error *err);

#endif
