// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rewrite-check.c - what can't be staged, each with one sentence
 *
 * A table of conditions: each looks at one thing and says nothing (NULL) or
 * why not. The order is that of likelihood to help the administrator.
 */

#include "hook/rewrite.h"

#include <errno.h>
#include <string.h>

#define QEMU_URI "http://libvirt.org/schemas/domain/qemu/1.0"

struct candidate {
	const struct domain *domain;
	const xmlNode *disk;
	char text[64];		/* scratch for the attribute being looked at */
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

	if (bus != BUS_VIRTIO && bus != BUS_SCSI && bus != BUS_SATA && bus != BUS_IDE)
		return "its system disk is on a bus that busflip does not move "
		       "(only virtio, scsi, sata and ide)";
	if (bus == BUS_SCSI && xml_attr_is(c->disk, "device", "lun"))
		return "its system disk is a SCSI pass-through (device='lun'), "
		       "which SATA does not have";
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
		return "its system disk is read-only, which SATA does not have "
		       "and Windows can't boot from";
	if (xml_child(c->disk, "transient"))
		return "its system disk is transient: what Windows learns on "
		       "SATA would be thrown away";
	return NULL;
}

/* ide-hd: "logical_block_size must be 512 for IDE" (hw/ide/qdev.c, QEMU 7.2) */
static const char *sectors(struct candidate *c)
{
	const char *size = attr(c, xml_child(c->disk, "blockio"),
				"logical_block_size");

	if (size[0] && strcmp(size, "512"))
		return "its system disk has sectors other than 512 bytes, "
		       "which SATA does not have";
	return NULL;
}

static const char *target(struct candidate *c)
{
	if (strlen(attr(c, xml_child(c->disk, "target"), "dev")) < 3)
		return "its system disk has no usable <target dev=>";
	return NULL;
}

static const char *override(struct candidate *c)
{
	const xmlNode *o = xml_child_ns(c->domain->root, "override", QEMU_URI), *dev;
	const char *alias = attr(c, xml_child(c->disk, "alias"), "name");

	for (dev = xml_child_ns(o, "device", QEMU_URI); dev && alias[0];
	     dev = xml_next_ns(dev, "device", QEMU_URI))
		if (xml_attr_is(dev, "alias", alias))
			return "a <qemu:override> refers to its system disk";
	return NULL;
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
	return 0;
}
