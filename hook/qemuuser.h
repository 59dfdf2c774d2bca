/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemuuser.h - as which user a domain's QEMU runs, and can that user read the bait? */
#ifndef BUSFLIP_QEMUUSER_H
#define BUSFLIP_QEMUUSER_H

#include "hook/access.h"
#include "hook/domain.h"
#include "hook/virt.h"

/* qemu_user() - by the domain's <seclabel>, else by libvirt's capabilities. False: no
 * telling. */
bool qemu_user(struct virt *virt, const struct domain *domain, struct access_user *user);

/*
 * qemu_user_unasked() - the same in a hook, where libvirt can't be asked: by the domain's
 * <seclabel>, else by the owner of libvirt's own folder for QEMU, which libvirt gives to its
 * user when it starts (qemuStateInitialize() in src/qemu/qemu_driver.c, 9.0.0).
 *
 * @domain: NULL for one without a <seclabel>. Return @user, or NULL: no telling.
 */
const struct access_user *qemu_user_unasked(const struct domain *domain,
					    struct access_user *user);

/*
 * qemu_reads_bait() - may QEMU's user read the image at @path, which exists, as the
 * bait that @domain has? One on SCSI has none.
 *
 * libvirt leaves out a bait that is missing, but not one in a folder that QEMU may not
 * enter: the start of the guest would fail. -1: EACCES, with what to do; else 0, also
 * when it can't be told.
 */
int qemu_reads_bait(struct virt *virt, const struct domain *domain, const char *path,
		    struct error *err);

#endif
