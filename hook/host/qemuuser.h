/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemuuser.h - as which user a domain's QEMU runs */
#ifndef BUSFLIP_QEMUUSER_H
#define BUSFLIP_QEMUUSER_H

#include "hook/host/access.h"
#include "hook/domain/domain.h"
#include "hook/libvirt/virt.h"

/*
 * qemu_user() - by the domain's <seclabel>, else by libvirt's capabilities, or, with NULL for
 * @virt, where libvirt can't be asked, by the owner of its folder for QEMU
 *
 * @domain: NULL for one without a <seclabel>. False: no telling.
 */
bool qemu_user(struct virt *virt, const struct domain *domain, struct access_user *user);

#endif
