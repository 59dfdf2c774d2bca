/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemuuser.h - the user that a domain's QEMU runs as */
#ifndef BUSFLIP_QEMUUSER_H
#define BUSFLIP_QEMUUSER_H

#include "hook/domain/domain.h"
#include "hook/host/access.h"
#include "hook/libvirt/virt.h"

/*
 * qemu_user() - from the domain's <seclabel>, otherwise from libvirt's capabilities, or, with
 * NULL for @virt because libvirt can't be called, from the owner of its folder for QEMU
 *
 * @domain: NULL for one without a <seclabel>. False: unknown.
 */
bool qemu_user(struct virt *virt, const struct domain *domain, struct access_user *user);

#endif
