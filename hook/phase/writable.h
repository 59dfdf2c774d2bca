/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * writable.h - which disk of a domain busflip may write to
 *
 * Anybody who may define domains can make the state element name any disk of the domain, even
 * one that the guest may only read, which libvirt would never let QEMU write to. So every job
 * that writes checks here, whatever the state says.
 */
#ifndef BUSFLIP_WRITABLE_H
#define BUSFLIP_WRITABLE_H

#include "hook/domain/domain.h"

/* writable_check() - check that @disk may be written to: a hard disk of the guest's own, and
 * not the bait. -1 and @err (EPERM): what it is instead. */
int writable_check(const xmlNode *disk, struct error *err);

/*
 * writable_system_disk() - the disk with Windows, if it may be written to. With a state: the
 * disk named there, if tag and boot order select the same one and it is on a bus that is
 * possible in that phase. Without a state: the disk that tag and boot order select. NULL and
 * @err: EPERM, ENOENT or EINVAL, with a sentence that begins with "its".
 */
xmlNode *writable_system_disk(const struct domain *domain, struct error *err);

#endif
