// SPDX-License-Identifier: GPL-2.0-or-later
/* slots.c - free names, ports and controllers in a domain */

#include "hook/domain/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An ICH9 AHCI has six ports (virDomainDiskDefAssignAddress() in src/conf/domain_conf.c
 * assumes so too). */
#define SATA_PORTS 6
/* libvirt allows units up to 16383 on virtio-scsi; nobody needs that many, and this keeps the
 * search short. */
#define SCSI_UNITS 256
#define NAMES 676

void slots_target(const struct domain *domain, const char *prefix, char *buf,
		  size_t size)
{
	for (int i = 0; i < NAMES + 26; i++) {
		if (i < 26)
			snprintf(buf, size, "%s%c", prefix, 'a' + i);
		else
			snprintf(buf, size, "%s%c%c", prefix,
				 'a' + (i - 26) / 26, 'a' + (i - 26) % 26);
		if (!domain_disk(domain, buf))
			return;
	}
}

bool slots_disk_place(const xmlNode *disk, struct slot *slot)
{
	const xmlNode *address = xml_child(disk, "address");
	bool ide = disk_bus(disk) == BUS_IDE;
	long per = ide ? 4 : disk_bus(disk) == BUS_SATA ? SATA_PORTS : 7, index;
	char name[TARGET_SIZE];

	if (address) {
		slot->controller = xml_attr_number(address, "controller");
		slot->bus = ide ? xml_attr_number(address, "bus") : 0;
		slot->target = xml_attr_number(address, "target");
		slot->unit = xml_attr_number(address, "unit");
		if (slot->controller < 0)
			slot->controller = 0;
		if (slot->bus < 0)
			slot->bus = 0;
		if (slot->target < 0)
			slot->target = 0;
		if (slot->unit < 0)
			slot->unit = 0;
		return true;
	}
	index = disk_target(disk, name, sizeof(name)) ? disk_name_index(name) : -1;
	if (index < 0)
		return false;
	slot->controller = index / per;
	slot->bus = ide ? index % per / 2 : 0;
	slot->target = 0;
	slot->unit = ide ? index % 2 : index % per;
	return true;
}

/* SCSI devices of the host occupy addresses, too. */
static bool sits_on(const xmlNode *device, enum bus bus)
{
	if (xml_is(device, "hostdev"))
		return bus == BUS_SCSI &&
		       xml_attr_is(xml_child(device, "address"), "type", "drive");
	return xml_is(device, "disk") && disk_bus(device) == bus;
}

static bool occupied(const struct domain *domain, enum bus bus,
		     const struct slot *slot)
{
	const xmlNode *disk = domain->devices ? domain->devices->children : NULL;
	struct slot found;

	for (; disk; disk = disk->next)
		if (sits_on(disk, bus) && slots_disk_place(disk, &found) &&
		    found.controller == slot->controller &&
		    ((found.unit == slot->unit && found.bus == slot->bus &&
		      found.target == slot->target) || slot->unit < 0))
			return true;
	return false;
}

bool slots_taken(const struct domain *domain, const xmlNode *disk)
{
	const xmlNode *other = xml_child(domain->devices, "disk");
	struct slot mine, theirs;

	if (!slots_disk_place(disk, &mine))
		return false;
	for (; other; other = xml_next(other, "disk"))
		if (other != disk && disk_bus(other) == disk_bus(disk) &&
		    slots_disk_place(other, &theirs) &&
		    theirs.controller == mine.controller &&
		    theirs.bus == mine.bus && theirs.target == mine.target &&
		    theirs.unit == mine.unit)
			return true;
	return false;
}

bool slots_ide(const struct domain *domain, struct slot *slot)
{
	slot->controller = slot->target = 0;
	for (slot->bus = 0; slot->bus < 2; slot->bus++)
		for (slot->unit = 0; slot->unit < 2; slot->unit++)
			if (!occupied(domain, BUS_IDE, slot))
				return true;
	return false;
}

xmlNode *controller_find(const struct domain *domain, const char *type, long index)
{
	xmlNode *node = index < 0 ? NULL : xml_child(domain->devices, "controller");

	for (; node; node = xml_next(node, "controller"))
		if (xml_attr_is(node, "type", type) &&
		    xml_attr_number(node, "index") == index)
			return node;
	return NULL;
}

/* libvirt gives each q35 domain one AHCI, whether the XML lists it or not
 * (qemuDomainDefAddDefaultDevices() in src/qemu/qemu_domain.c). */
static bool sata_exists(const struct domain *domain, long index)
{
	char machine[64];

	if (controller_find(domain, "sata", index))
		return true;
	xml_attr(xml_child(xml_child(domain->root, "os"), "type"), "machine",
		 machine, sizeof(machine));
	return index == 0 && strstr(machine, "q35");
}

bool slots_sata(const struct domain *domain, struct slot *slot)
{
	slot->bus = slot->target = 0;
	for (slot->controller = 0; sata_exists(domain, slot->controller);
	     slot->controller++)
		for (slot->unit = 0; slot->unit < SATA_PORTS; slot->unit++)
			if (!occupied(domain, BUS_SATA, slot))
				return true;
	/* libvirt will add a controller that the XML does not list but a disk uses: do not use
	 * its index. */
	for (slot->unit = -1; occupied(domain, BUS_SATA, slot) ||
	     sata_exists(domain, slot->controller); slot->controller++)
		;
	slot->unit = 0;
	return false;
}

long slots_scsi_unit(const struct domain *domain, long index)
{
	struct slot slot = { .controller = index };

	while (slot.unit < SCSI_UNITS && occupied(domain, BUS_SCSI, &slot))
		slot.unit++;
	return slot.unit;
}

void slots_drive_address(xmlNode *disk, const struct slot *slot)
{
	xmlNode *node = xmlNewDocNode(disk->doc, NULL, XS("address"), NULL);
	char text[24];

	xml_set(node, "type", "drive");
	snprintf(text, sizeof(text), "%ld", slot->controller);
	xml_set(node, "controller", text);
	snprintf(text, sizeof(text), "%ld", slot->bus);
	xml_set(node, "bus", text);
	snprintf(text, sizeof(text), "%ld", slot->target);
	xml_set(node, "target", text);
	snprintf(text, sizeof(text), "%ld", slot->unit);
	xml_set(node, "unit", text);
	xml_append(disk, node);
}

bool controller_is_virtio_scsi(const xmlNode *controller)
{
	char model[40];

	return xml_attr(controller, "model", model, sizeof(model)) &&
	       (strcmp(model, "virtio-scsi") == 0 ||
		strcmp(model, "virtio-transitional") == 0 ||
		strcmp(model, "virtio-non-transitional") == 0);
}

long controller_virtio_scsi(const struct domain *domain)
{
	const xmlNode *node = xml_child(domain->devices, "controller");

	for (; node; node = xml_next(node, "controller"))
		if (xml_attr_is(node, "type", "scsi") &&
		    controller_is_virtio_scsi(node) &&
		    xml_attr_number(node, "index") >= 0)
			return xml_attr_number(node, "index");
	return -1;
}

long controller_free_index(const struct domain *domain, const char *type, long first)
{
	struct slot any = { .controller = first, .unit = -1 };

	while (controller_find(domain, type, any.controller) ||
	       occupied(domain, bus_parse(type), &any))
		any.controller++;
	return any.controller;
}

xmlNode *controller_add(struct domain *domain, const char *type, long index,
			const char *model)
{
	xmlNode *last = NULL, *node, *n = xml_child(domain->devices, "controller");
	char text[24];

	for (; n; n = xml_next(n, "controller"))
		last = n;
	if (!last)
		for (n = xml_child(domain->devices, "disk"); n; n = xml_next(n, "disk"))
			last = n;
	node = xmlNewDocNode(domain->doc, NULL, XS("controller"), NULL);
	xml_set(node, "type", type);
	snprintf(text, sizeof(text), "%ld", index);
	xml_set(node, "index", text);
	if (model)
		xml_set(node, "model", model);
	xml_paste_after(last, node);
	return node;
}

void controller_drop_unused(struct domain *domain, const char *type, long index)
{
	struct slot any = { .controller = index, .unit = -1 };

	if (index >= 0 && !occupied(domain, bus_parse(type), &any))
		xml_delete(controller_find(domain, type, index));
}

/* A PCI address as four numbers. libvirt writes them as 0x..., people also in decimal, and
 * each part may be omitted for 0. */
static void pci_numbers(const xmlNode *address, unsigned long numbers[4])
{
	static const char *const names[] = { "domain", "bus", "slot", "function" };
	char text[16];

	for (unsigned i = 0; i < 4; i++)
		numbers[i] = xml_attr(address, names[i], text, sizeof(text)) ?
			strtoul(text, NULL, 0) : 0;
}

bool pci_address_taken(const struct domain *domain, const xmlNode *address,
		       const xmlNode *except)
{
	const xmlNode *dev = domain->devices ? domain->devices->children : NULL;
	unsigned long mine[4], theirs[4];

	if (!xml_attr_is(address, "type", "pci"))
		return false;
	pci_numbers(address, mine);
	for (; dev; dev = dev->next) {
		const xmlNode *other = xml_child(dev, "address");

		if (dev == except || !xml_attr_is(other, "type", "pci") ||
		    !(xmlHasProp(other, XS("bus")) || xmlHasProp(other, XS("slot"))))
			continue;
		pci_numbers(other, theirs);
		if (memcmp(mine, theirs, sizeof(mine)) == 0)
			return true;
	}
	return false;
}

/* The slots of bus @index that are in use, one bit each. */
static uint32_t pci_slots(const struct domain *domain, unsigned long index)
{
	const xmlNode *device = domain->devices ? domain->devices->children : NULL;
	/* Slot 0 is the bridge itself; slot 1 of the root bus is the chipset (PIIX3). */
	uint32_t used = index ? 1u : 3u;
	unsigned long place[4];

	for (; device; device = device->next) {
		const xmlNode *address = xml_child(device, "address");

		if (!xml_attr_is(address, "type", "pci"))
			continue;
		pci_numbers(address, place);
		if (!place[0] && place[1] == index && place[2] < 32)
			used |= 1u << place[2];
	}
	return used;
}

bool pci_is_full(const struct domain *domain)
{
	const xmlNode *node = xml_child(domain->devices, "controller");
	bool conventional = false;

	for (; node; node = xml_next(node, "controller")) {
		long index = xml_attr_number(node, "index");
		bool root = xml_attr_is(node, "model", "pci-root");

		if (!xml_attr_is(node, "type", "pci") || index < 0)
			continue;
		if (!root && !xml_attr_is(node, "model", "pci-bridge"))
			return false;
		conventional |= root;
		if (pci_slots(domain, (unsigned long)index) != UINT32_MAX)
			return false;
	}
	return conventional;
}

bool pci_wants_address(const xmlNode *device)
{
	return device && !xml_child(device, "address");
}

long pci_next_index(const struct domain *domain)
{
	const xmlNode *node = xml_child(domain->devices, "controller");
	long index, next = -1;

	for (; node; node = xml_next(node, "controller")) {
		index = xml_attr_number(node, "index");
		if (xml_attr_is(node, "type", "pci") && index >= next)
			next = index + 1;
	}
	return next;
}

long pci_port_of(const xmlNode *device)
{
	const xmlNode *address = xml_child(device, "address");
	unsigned long place[4];

	if (!xml_attr_is(address, "type", "pci"))
		return -1;
	pci_numbers(address, place);
	return place[1] <= INT32_MAX ? (long)place[1] : -1;
}

void pci_drop_port(struct domain *domain, long index)
{
	xmlNode *port = controller_find(domain, "pci", index);

	if (port && xml_attr_is(port, "model", "pcie-root-port") &&
	    pci_next_index(domain) == index + 1 &&
	    pci_slots(domain, (unsigned long)index) == 1u)
		xml_delete(port);
}
