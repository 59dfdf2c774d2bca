// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rewrite-check.c - which domains can't be staged, each with one sentence
 *
 * A table of conditions. Each check examines one thing and returns NULL or the reason. They are
 * ordered by how useful the answer is to the administrator.
 */

#include "hook/phase/rewrite.h"

#include <errno.h>
#include <string.h>

#include "hook/domain/schema.h"
#include "hook/domain/slots.h"

struct candidate {
	const struct domain *domain;
	const xmlNode *disk;
	char text[64];		/* buffer for the attribute being checked */
};

static const char *attr(struct candidate *c, const xmlNode *node, const char *name)
{
	return xml_attr(node, name, c->text, sizeof(c->text)) ? c->text : "";
}

static const xmlNode *os_type(const struct candidate *c)
{
	return xml_child(xml_child(c->domain->root, "os"), "type");
}

static const char *hypervisor(struct candidate *c)
{
	const char *type = attr(c, c->domain->root, "type");

	if (strcmp(type, "kvm") && strcmp(type, "qemu"))
		return "only QEMU and KVM domains can be staged";
	if (!xml_text(os_type(c), c->text, sizeof(c->text)) ||
	    strcmp(c->text, "hvm"))
		return "only fully virtualised (hvm) domains can be staged";
	return NULL;
}

static const char *architecture(struct candidate *c)
{
	const char *arch = attr(c, os_type(c), "arch");
	const char *machine;

	if (arch[0] && strcmp(arch, "x86_64") && strcmp(arch, "i686"))
		return "only x86 domains can be staged";
	machine = attr(c, os_type(c), "machine");
	if (strcmp(machine, "isapc") == 0 || strcmp(machine, "none") == 0 ||
	    strncmp(machine, "microvm", 7) == 0)
		return "its machine type has no PCI bus for a SATA controller";
	return NULL;
}

static const char *bus(struct candidate *c)
{
	enum bus bus = disk_bus(c->disk);

	if (!bus_is_target(bus) && bus != BUS_SATA && bus != BUS_IDE)
		return "its system disk is on a bus that busflip does not move "
		       "(only virtio, scsi, sata and ide)";
	if (xml_attr_is(c->disk, "device", "lun"))
		return "its system disk is a SCSI pass-through (device='lun'), which SATA does not "
		       "support";
	return NULL;
}

static const char *source(struct candidate *c)
{
	const char *type = attr(c, c->disk, "type");

	if (strcmp(type, "vhostuser") == 0 || strcmp(type, "vhostvdpa") == 0)
		return "its system disk is a vhost device, which exists only on VirtIO";
	return NULL;
}

static const char *flags(struct candidate *c)
{
	if (xml_child(c->disk, "readonly"))
		return "its system disk is read-only, which SATA does not support and Windows "
		       "can't boot from";
	if (xml_child(c->disk, "transient"))
		return "its system disk is transient: what Windows writes on SATA would be "
		       "discarded";
	return NULL;
}

/* ide-hd: "logical_block_size must be 512 for IDE" (hw/ide/qdev.c, QEMU 7.2) */
static const char *sectors(struct candidate *c)
{
	const char *size = attr(c, xml_child(c->disk, "blockio"),
				"logical_block_size");

	if (size[0] && strcmp(size, "512"))
		return "its system disk has a sector size other than 512 bytes, which SATA does "
		       "not support";
	return NULL;
}

static const char *target(struct candidate *c)
{
	char name[TARGET_SIZE];

	if (!disk_target(c->disk, name, sizeof(name)) || strlen(name) < 3)
		return "its system disk has no usable <target dev=>";
	return NULL;
}

/*
 * A definition has only user aliases ("ua-..."). libvirt generates the others at each start, by
 * position on a controller (SCSI includes a target, except for LSI's) or by target name
 * (qemuAssignDeviceDiskAlias() in src/qemu/qemu_alias.c, 9.0.0).
 */
static bool is_called(const xmlNode *disk, const xmlNode *device)
{
	const char *kind = bus_name(disk_bus(disk));
	char own[256] = "", place[128] = "", scsi[160] = "", name[TARGET_SIZE];
	struct slot slot;

	xml_attr(xml_child(disk, "alias"), "name", own, sizeof(own));
	if (own[0] && xml_attr_is(device, "alias", own))
		return true;
	if (strncmp(own, "ua-", 3) == 0)
		return false;
	if (disk_bus(disk) == BUS_VIRTIO && disk_target(disk, name, sizeof(name))) {
		str_printf(place, sizeof(place), "virtio-disk%ld", disk_name_index(name));
	} else if (slots_disk_place(disk, &slot)) {
		str_printf(place, sizeof(place), "%s%ld-%ld-%ld", kind, slot.controller, slot.bus,
			   slot.unit);
		str_printf(scsi, sizeof(scsi), "%s%ld-%ld-%ld-%ld", kind, slot.controller,
			   slot.bus, slot.target, slot.unit);
	}
	return (place[0] && xml_attr_is(device, "alias", place)) ||
	       (scsi[0] && xml_attr_is(device, "alias", scsi));
}

bool rewrite_is_overridden(const struct domain *domain, const xmlNode *disk)
{
	const xmlNode *o = xml_child_ns(domain->root, "override", QEMU_URI), *dev;

	for (dev = xml_child_ns(o, "device", QEMU_URI); dev && disk;
	     dev = xml_next_ns(dev, "device", QEMU_URI))
		if (is_called(disk, dev))
			return true;
	return false;
}

static const char *override(struct candidate *c)
{
	return rewrite_is_overridden(c->domain, c->disk) ?
	       "a <qemu:override> refers to its system disk" : NULL;
}

static const char *(*const conditions[])(struct candidate *) = {
	hypervisor, architecture, bus, source, flags, sectors, target, override,
};

int rewrite_check(const struct domain *domain, const xmlNode *disk,
		  struct error *err)
{
	struct candidate c = { .domain = domain, .disk = disk };

	for (unsigned i = 0; i < ARRAY_SIZE(conditions); i++) {
		const char *why = conditions[i](&c);

		if (why)
			return fail(err, ENOTSUP, "%s", why);
	}
	return schema_check(domain, disk, err);
}
