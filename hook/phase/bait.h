/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bait.h - the device that makes Windows set its VirtIO driver up while the
 * system disk is on SATA
 *
 * For virtio-blk a tiny read-only disk, because each disk is a PCI function of
 * its own; for virtio-scsi the controller is that function, so an empty one
 * does. Either takes the very PCI address that the system disk will have:
 * Windows keys a device instance by slot and function (3&13c0b0c5&0&38 is slot 7 in
 * the registry of a real Windows from VMware), and so configures the one that it
 * will boot from.
 */
#ifndef BUSFLIP_BAIT_H
#define BUSFLIP_BAIT_H

#include "hook/domain/domain.h"

/* bait_add() - put the bait for domain->state.bus behind system disk @disk.
 * @path: image of the bait; @name: target name for it
 * @keep_owner: tell libvirt not to give the image to QEMU's user
 * @address: <address> to take (copied), or NULL for libvirt to choose
 * @model: the disk's model attribute, "" for none */
void bait_add(struct domain *domain, xmlNode *disk, const char *path,
	      bool keep_owner, const char *name, const xmlNode *address, const char *model);

/* bait_remove() - take the bait disk out, if there is one, and any other that
 * was left when somebody removed the state.
 * Return: a copy of its address, the caller's to xmlFreeNode(), or NULL. */
xmlNode *bait_remove(struct domain *domain);

#endif
