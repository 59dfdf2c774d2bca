/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtioid.h - the PCI IDs that a VirtIO device will show to the guest */
#ifndef BUSFLIP_VIRTIOID_H
#define BUSFLIP_VIRTIOID_H

#include "hook/domain/domain.h"

/*
 * virtio_device_id() - of @device, a disk or a controller: 0x1001 or 0x1042 (block), 0x1004 or
 * 0x1048 (SCSI); 0: unknown
 *
 * It depends on its model, or on its position: behind a PCI Express port QEMU drops the
 * transitional IDs (hw/virtio/virtio-pci.c, virtio_pci_dc_realize(), since 2.7), on the root
 * bus and on PCI it does not. Windows selects drivers by these IDs.
 */
uint16_t virtio_device_id(const struct domain *domain, const xmlNode *device);

/* virtio_boot_device() - the VirtIO device that the system disk has or will have: the bait,
 * the disk or its controller; NULL: none. */
const xmlNode *virtio_boot_device(const struct domain *domain);

#endif
