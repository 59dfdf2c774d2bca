/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bait.h - the device that makes Windows set up its VirtIO driver while the system disk is on
 * SATA
 *
 * For virtio-blk this is a tiny read-only disk, because each disk is a PCI function of its own.
 * For virtio-scsi the controller is the PCI function, so an empty controller suffices. Both use
 * the PCI address that the system disk will have later: Windows keys a device instance by slot
 * and function (3&13c0b0c5&0&38 is slot 7 in the registry of a real Windows from VMware), so it
 * configures the instance that it will boot from.
 */
#ifndef BUSFLIP_BAIT_H
#define BUSFLIP_BAIT_H

#include "hook/domain/domain.h"

/* bait_add() - insert the bait for domain->state.bus after the system disk @disk.
 * @path: image of the bait; @name: its target name
 * @keep_owner: keep libvirt from changing the owner of the image to QEMU's user
 * @address: <address> to copy, or NULL to let libvirt choose
 * @model: the disk's model attribute, "" for none */
void bait_add(struct domain *domain, xmlNode *disk, const char *path,
	      bool keep_owner, const char *name, const xmlNode *address, const char *model);

/* bait_remove() - remove the bait disk, and any bait left over from a state that was removed
 * by hand.
 * Return: a copy of its address, which the caller frees with xmlFreeNode(), or NULL. */
xmlNode *bait_remove(struct domain *domain);

#endif
