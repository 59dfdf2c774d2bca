/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemuuser.h - as which user a domain's QEMU runs, and the bait that it is to read */
#ifndef BUSFLIP_QEMUUSER_H
#define BUSFLIP_QEMUUSER_H

#include "hook/access.h"
#include "hook/domain.h"
#include "hook/virt.h"

/*
 * qemu_user() - by the domain's <seclabel>, else by libvirt's capabilities, or, with NULL for
 * @virt, where libvirt can't be asked, by the owner of its folder for QEMU
 *
 * @domain: NULL for one without a <seclabel>. False: no telling.
 */
bool qemu_user(struct virt *virt, const struct domain *domain, struct access_user *user);

/*
 * qemu_reads_bait() - let QEMU's user read the image at @path, which exists, as the bait
 * that @domain has. One on SCSI has none. @virt: NULL in a hook.
 *
 * libvirt leaves out a bait that is missing, but not one that QEMU can't read, or in a
 * folder that it may not enter: the start of the guest would fail. -1: EACCES, with what
 * to do; else 0, also when it can't be told.
 */
int qemu_reads_bait(struct virt *virt, const struct domain *domain, const char *path,
		    struct error *err);

#endif
