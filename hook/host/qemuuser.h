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

/*
 * qemu_is_given() - does libvirt give the image of @disk to QEMU's user when @domain starts?
 *
 * Not so with dynamic_ownership = 0 in qemu.conf, nor where a <seclabel> of the DAC driver, of
 * the domain or of the disk's source, forbids it (virSecurityDACSetImageLabelSingle() in
 * src/security/security_dac.c, 9.0.0). Then QEMU opens what its user may open by itself.
 */
bool qemu_is_given(const struct domain *domain, const xmlNode *disk);

#endif
