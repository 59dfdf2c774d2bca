// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * frontend.c - the part of a <disk> that belongs to its bus, taken off and put
 * back
 *
 * What each bus accepts is from libvirt's own checks, 9.0.0 unless said
 * otherwise: virDomainDiskDefValidate() in src/conf/domain_validate.c and
 * qemuValidateDomainDeviceDefDiskFrontend() in src/qemu/qemu_validate.c. Versions
 * differ; where they do, the table has what all of them accept. A disk can have more on
 * its own bus, since its libvirt has taken it: that is noted and comes back, whatever
 * the table says.
 */

#include "hook/frontend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ON(bus) (1u << BUS_##bus)

struct part {
	const char *on;		/* element within <disk>; "disk": itself */
	const char *name;	/* attribute, or element when @element */
	unsigned buses;		/* the buses that accept it */
	bool element;
	const char *only;	/* taken off only when it has this value, */
	const char *instead;	/* and this put in its place */
};

static const struct part parts[] = {
	{ "disk", "model", ON(VIRTIO), false, NULL, NULL },
	/* lun is SCSI pass-through; on SATA the same device is a plain disk */
	{ "disk", "device", ON(VIRTIO) | ON(SCSI), false, "lun", "disk" },
	{ "disk", "rawio", ON(VIRTIO) | ON(SCSI), false, NULL, NULL },
	{ "disk", "sgio", ON(VIRTIO) | ON(SCSI), false, NULL, NULL },
	{ "source", "reservations", ON(VIRTIO) | ON(SCSI), true, NULL, NULL },
	{ "driver", "iothread", ON(VIRTIO), false, NULL, NULL },
	/* several iothreads with their queues: libvirt 10.0.0 */
	{ "driver", "iothreads", ON(VIRTIO), true, NULL, NULL },
	{ "driver", "queues", ON(VIRTIO), false, NULL, NULL },
	{ "driver", "queue_size", ON(VIRTIO), false, NULL, NULL },
	{ "driver", "event_idx", ON(VIRTIO), false, NULL, NULL },
	{ "driver", "ioeventfd", ON(VIRTIO), false, NULL, NULL },
	{ "driver", "packed", ON(VIRTIO), false, NULL, NULL },
	{ "driver", "page_per_vq", ON(VIRTIO), false, NULL, NULL },
	{ "driver", "iommu", ON(VIRTIO), false, NULL, NULL },
	{ "driver", "ats", ON(VIRTIO), false, NULL, NULL },
	{ "target", "rotation_rate", ON(SCSI) | ON(SATA) | ON(IDE), false, NULL, NULL },
	/* of USB and SCSI only: libvirt 9.6.0, 11.10.0 */
	{ "target", "removable", ON(SCSI), false, NULL, NULL },
	{ "target", "dpofua", ON(SCSI), false, NULL, NULL },
	{ "geometry", "trans", ON(IDE), false, NULL, NULL },
	/* "heads must be between 1 and 16": hw/ide/qdev.c of QEMU 7.2, while
	 * VirtIO takes 255; likewise "discard_granularity must be 512 for ide", and 9.0.0
	 * has none of it there */
	{ "disk", "geometry", ON(VIRTIO) | ON(SCSI) | ON(IDE), true, NULL, NULL },
	{ "blockio", "discard_granularity", ON(VIRTIO) | ON(SCSI), false, NULL, NULL },
	{ "disk", "wwn", ON(SCSI) | ON(IDE), true, NULL, NULL },
	{ "disk", "vendor", ON(SCSI), true, NULL, NULL },
	/* 16 characters on SCSI; since 11.1.0 40 on SATA and IDE: not the same thing */
	{ "disk", "product", 0, true, NULL, NULL },
	/* an ACPI index is a property of PCI devices */
	{ "disk", "acpi", ON(VIRTIO), true, NULL, NULL },
	/* these two name a place on one bus */
	{ "disk", "alias", 0, true, NULL, NULL },
	{ "disk", "address", 0, true, NULL, NULL },
};

static xmlNode *owner(xmlNode *disk, const char *on)
{
	return strcmp(on, "disk") == 0 ? disk : xml_child(disk, on);
}

static xmlNode *note(xmlNode *saved, const char *kind, const char *on)
{
	xmlNode *node = xmlNewChild(saved, saved->ns, XS(kind), NULL);

	xml_set(node, "on", on);
	return node;
}

static void note_attr(xmlNode *saved, const char *on, const char *name,
		      const xmlChar *value)
{
	xmlNode *node;

	if (!saved)
		return;
	node = note(saved, "attr", on);
	xml_set(node, "name", name);
	xml_set(node, "value", (const char *)value);
}

static void take_attr(xmlNode *from, const struct part *part, xmlNode *saved)
{
	AUTO_XML_STRING xmlChar *value = xmlGetNoNsProp(from, XS(part->name));

	if (!value || (part->only && !str_eq((const char *)value, part->only)))
		return;
	note_attr(saved, part->on, part->name, value);
	if (part->instead)
		xml_set(from, part->name, part->instead);
	else
		xml_unset(from, part->name);
}

static xmlNode *note_element(xmlNode *saved, const char *on, unsigned at, const xmlChar *space)
{
	xmlNode *node = note(saved, "element", on);
	char text[16];

	snprintf(text, sizeof(text), "%u", at);
	xml_set(node, "at", text);
	if (space)
		xml_set(node, "space", (const char *)space);
	return node;
}

static void take_element(xmlNode *from, const struct part *part, xmlNode *saved)
{
	AUTO_XML_STRING xmlChar *space = NULL;
	xmlNode *element = xml_child(from, part->name);
	unsigned at;

	if (!element)
		return;
	xml_cut(element, &at, &space);
	if (saved)
		xmlAddChild(note_element(saved, part->on, at, space), element);
	else
		xmlFreeNode(element);
}

/* It stays, and is noted for the way back, on which it would be taken off. */
static void copy_part(xmlNode *from, const struct part *part, xmlNode *saved)
{
	AUTO_XML_STRING xmlChar *space = NULL;
	AUTO_XML_STRING xmlChar *value = NULL;
	xmlNode *element = part->element ? xml_child(from, part->name) : NULL;
	unsigned at;

	if (element) {
		xml_cut(element, &at, &space);
		xmlAddChild(note_element(saved, part->on, at, space),
			    xmlDocCopyNode(element, saved->doc, 1));
		xml_paste(from, element, at, space);
	} else if (!part->element) {
		value = xmlGetNoNsProp(from, XS(part->name));
		if (value)
			note_attr(saved, part->on, part->name, value);
	}
}

void frontend_take(xmlNode *disk, enum bus to, xmlNode *saved)
{
	static const char *const always[] = { "dev", "bus" };
	xmlNode *target = xml_child(disk, "target");
	enum bus own = disk_bus(disk);

	for (unsigned i = 0; i < ARRAY_SIZE(always); i++) {
		AUTO_XML_STRING xmlChar *value =
			xmlGetNoNsProp(target, XS(always[i]));

		if (value)
			note_attr(saved, "target", always[i], value);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		xmlNode *from = owner(disk, parts[i].on);

		if (!from)
			continue;
		if (parts[i].buses & (1u << to)) {
			if (saved && !(parts[i].buses & (1u << own)))
				copy_part(from, &parts[i], saved);
			continue;
		}
		/* An alias holds on any bus, and a geometry may: off for the boot
		 * on SATA only, where they may not fit; never lost. */
		if ((strcmp(parts[i].name, "alias") == 0 ||
		     strcmp(parts[i].name, "geometry") == 0) &&
		    (to != BUS_SATA || !saved))
			continue;
		if (parts[i].element)
			take_element(from, &parts[i], saved);
		else
			take_attr(from, &parts[i], saved);
	}
}

static bool known(const char *on, const char *name, bool element)
{
	if (!element && strcmp(on, "target") == 0 &&
	    (strcmp(name, "dev") == 0 || strcmp(name, "bus") == 0))
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i].element == element &&
		    strcmp(parts[i].on, on) == 0 && strcmp(parts[i].name, name) == 0)
			return true;
	return false;
}

static void wear_attr(xmlNode *disk, const xmlNode *node)
{
	AUTO_XML_STRING xmlChar *value = xmlGetNoNsProp(node, XS("value"));
	char on[16], name[24];
	xmlNode *to;

	if (!value || !xml_attr(node, "on", on, sizeof(on)) ||
	    !xml_attr(node, "name", name, sizeof(name)) || !known(on, name, false))
		return;
	to = owner(disk, on);
	/* libvirt drops one that has lost its only attribute. */
	if (!to && strcmp(on, "blockio") == 0) {
		to = xmlNewDocNode(disk->doc, NULL, XS(on), NULL);
		xml_append(disk, to);
	}
	if (to)
		xml_set(to, name, (const char *)value);
}

static void wear_element(xmlNode *disk, const xmlNode *node)
{
	AUTO_XML_STRING xmlChar *space = xmlGetNoNsProp(node, XS("space"));
	xmlNode *element = xmlFirstElementChild((xmlNode *)(uintptr_t)node), *to;
	long at = xml_attr_number(node, "at");
	char on[16];

	if (!element || at < 0 || !xml_attr(node, "on", on, sizeof(on)) ||
	    element->ns || !known(on, (const char *)element->name, true))
		return;
	to = owner(disk, on);
	/* One that the user put there meanwhile is the user's. */
	if (!to || xml_child(to, (const char *)element->name))
		return;
	for (const xmlChar *p = space; p && *p; p++)
		if (!strchr(" \t\r\n", *p))
			return;
	xml_paste(to, xmlDocCopyNode(element, disk->doc, 1), (unsigned)at, space);
}

/* Last taken, first put back: the noted places were counted while the earlier
 * ones were gone already. */
void frontend_wear(xmlNode *disk, const xmlNode *saved)
{
	char text[TARGET_SIZE];

	/* A target need not name its bus: then its name tells it. */
	if (frontend_saved_attr(saved, "target", "dev", text, sizeof(text)) &&
	    !frontend_saved_attr(saved, "target", "bus", text, sizeof(text)))
		xml_unset(xml_child(disk, "target"), "bus");
	for (const xmlNode *node = saved ? saved->last : NULL; node; node = node->prev) {
		if (node->type != XML_ELEMENT_NODE)
			continue;
		if (str_eq((const char *)node->name, "attr"))
			wear_attr(disk, node);
		else if (str_eq((const char *)node->name, "element"))
			wear_element(disk, node);
	}
}

void frontend_plain(xmlNode *disk, const char *name, enum bus bus)
{
	xmlNode *target = xml_child(disk, "target");

	xml_set(target, "dev", name);
	xml_set(target, "bus", bus_name(bus));
}

xmlNode *frontend_saved(const xmlNode *saved, const char *name)
{
	const xmlNode *node = xml_child_ns(saved, "element", STATE_URI);

	for (; node; node = xml_next_ns(node, "element", STATE_URI)) {
		xmlNode *element = xml_child(node, name);

		if (element)
			return element;
	}
	return NULL;
}

bool frontend_saved_attr(const xmlNode *saved, const char *on, const char *name,
			 char *buf, size_t size)
{
	const xmlNode *node = xml_child_ns(saved, "attr", STATE_URI);

	buf[0] = '\0';
	for (; node; node = xml_next_ns(node, "attr", STATE_URI))
		if (xml_attr_is(node, "on", on) && xml_attr_is(node, "name", name))
			return xml_attr(node, "value", buf, size);
	return false;
}
