/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slots.h - free names, ports and controllers in a domain
 */
#ifndef BUSFLIP_SLOTS_H
#define BUSFLIP_SLOTS_H

#include "hook/domain/domain.h"

/* An address on a SATA or SCSI controller. */
struct slot {
	long controller;	/* index of the controller */
	long bus;		/* IDE has two for each controller; otherwise 0 */
	long target;		/* used by SCSI controllers; otherwise 0 */
	long unit;
};

/* slots_target() - the lowest free target name that begins with @prefix ("sd", "vd"), into
 * @buf. */
void slots_target(const struct domain *domain, const char *prefix, char *buf,
		  size_t size);

/*
 * slots_sata() - find a free SATA port.
 * Return: false if no controller has one; then slot->controller is the index for a new
 * controller, and slot->unit is 0.
 */
bool slots_sata(const struct domain *domain, struct slot *slot);

/* slots_ide() - find a free address on the first IDE controller, false: none. */
bool slots_ide(const struct domain *domain, struct slot *slot);

/* slots_taken() - true if a disk other than @disk has its address. */
bool slots_taken(const struct domain *domain, const xmlNode *disk);

/* slots_scsi_unit() - the lowest free unit on SCSI controller @index. */
long slots_scsi_unit(const struct domain *domain, long index);

/* slots_drive_address() - a new <address type='drive'> for @slot, to be added to @disk as its
 * last child. */
void slots_drive_address(xmlNode *disk, const struct slot *slot);

/* slots_disk_place() - the address of a SATA, SCSI or IDE disk; without an <address>, the one
 * that libvirt would assign. */
bool slots_disk_place(const xmlNode *disk, struct slot *slot);

/* controller_find() - <controller type= index=>, or NULL. One without an index is not found:
 * there is no @index -1. */
xmlNode *controller_find(const struct domain *domain, const char *type, long index);

/* controller_is_virtio_scsi() - false for NULL. */
bool controller_is_virtio_scsi(const xmlNode *controller);

/* controller_virtio_scsi() - the index of the first VirtIO SCSI controller, -1. */
long controller_virtio_scsi(const struct domain *domain);

/* controller_free_index() - the lowest index from @first on that no controller of @type has. */
long controller_free_index(const struct domain *domain, const char *type, long first);

/* controller_add() - add a controller after the others; @model may be NULL. */
xmlNode *controller_add(struct domain *domain, const char *type, long index,
			const char *model);

/* controller_drop_unused() - remove controller @index of @type unless a disk uses it. @index
 * -1 is allowed. */
void controller_drop_unused(struct domain *domain, const char *type, long index);

/* pci_address_taken() - true if a device other than @except has the same PCI address as
 * @address. */
bool pci_address_taken(const struct domain *domain, const xmlNode *address,
		       const xmlNode *except);

/* pci_is_full() - true if the machine has conventional PCI (pc, not q35) and no slot is free,
 * on the root bus or on a bridge: then libvirt can't even add a bridge. False if the addresses
 * are not assigned yet. */
bool pci_is_full(const struct domain *domain);

/* pci_next_index() - the index that the next PCI controller will have; -1: none is listed. */
long pci_next_index(const struct domain *domain);

/* pci_port_of() - the index of the PCI controller that @device (may be NULL) is on, or -1. */
long pci_port_of(const xmlNode *device);

/* pci_drop_port() - remove PCI Express root port @index if it is the last PCI controller and
 * nothing is on it. @index -1 is allowed. */
void pci_drop_port(struct domain *domain, long index);

/* pci_wants_address() - true if @device has no address, so libvirt looks for a PCI slot. NULL:
 * false. */
bool pci_wants_address(const xmlNode *device);

#endif
