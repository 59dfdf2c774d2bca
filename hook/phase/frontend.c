// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * frontend.c - remove the bus-specific part of a <disk> and put it back
 *
 * What each bus accepts is taken from libvirt's own checks, in 9.0.0 unless noted otherwise:
 * virDomainDiskDefValidate() in src/conf/domain_validate.c and
 * qemuValidateDomainDeviceDefDiskFrontend() in src/qemu/qemu_validate.c. Where versions differ,
 * the table lists what all of them accept. On its own bus a disk may have more, because its
 * libvirt has accepted it; that is saved and restored whatever the table says.
 *
 * A pass-through (device='lun' with its rawio, sgio and reservations) is not in the table: it
 * is refused (hook/phase/rewrite-check.c). Otherwise settings that give a guest access to the
 * host's devices would be stored in the state element, which can be forged, and root would
 * restore them without any check of the definition.
 */

#include "hook/phase/frontend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/domain/schema.h"

#define ON(bus) (1u << BUS_##bus)
#define ON_ALL (~0u)

struct part {
	const char *on;		/* element within <disk>; "disk": the disk itself */
	const char *name;	/* attribute, or element when @element */
	unsigned buses;		/* the buses that accept it */
	bool element;
};

static const struct part parts[] = {
	{ "disk", "model", ON(VIRTIO), false },
	{ "driver", "iothread", ON(VIRTIO), false },
	/* several iothreads with their queues: libvirt 10.0.0 */
	{ "driver", "iothreads", ON(VIRTIO), true },
	{ "driver", "queues", ON(VIRTIO), false },
	{ "driver", "queue_size", ON(VIRTIO), false },
	{ "driver", "event_idx", ON(VIRTIO), false },
	{ "driver", "ioeventfd", ON(VIRTIO), false },
	{ "driver", "packed", ON(VIRTIO), false },
	{ "driver", "page_per_vq", ON(VIRTIO), false },
	{ "driver", "iommu", ON(VIRTIO), false },
	{ "driver", "ats", ON(VIRTIO), false },
	{ "target", "rotation_rate", ON(SCSI) | ON(SATA) | ON(IDE), false },
	/* USB and SCSI only: libvirt 9.6.0, 11.10.0 */
	{ "target", "removable", ON(SCSI), false },
	{ "target", "dpofua", ON(SCSI), false },
	{ "geometry", "trans", ON(IDE), false },
	/* IDE: "heads must be between 1 and 16" (hw/ide/qdev.c of QEMU 7.2), while VirtIO
	 * accepts 255; likewise "discard_granularity must be 512 for ide", and 9.0.0 accepts
	 * none there */
	{ "disk", "geometry", ON(VIRTIO) | ON(SCSI) | ON(IDE), true },
	{ "blockio", "discard_granularity", ON(VIRTIO) | ON(SCSI), false },
	{ "disk", "wwn", ON(SCSI) | ON(IDE), true },
	{ "disk", "vendor", ON(SCSI), true },
	/* SCSI: 16 characters; since 11.1.0 40 on SATA and IDE, so it is bus-specific */
	{ "disk", "product", 0, true },
	/* an ACPI index is a property of PCI devices */
	{ "disk", "acpi", ON(VIRTIO), true },
	/* never removed: oVirt's engine and KubeVirt find a disk by its user alias; former
	 * versions have saved it */
	{ "disk", "alias", ON_ALL, true },
	/* a position on one bus */
	{ "disk", "address", 0, true },
};

static xmlNode *owner(xmlNode *disk, const char *on)
{
	return strcmp(on, "disk") == 0 ? disk : xml_child(disk, on);
}

static xmlNode *add_saved(xmlNode *saved, const char *kind, const char *on)
{
	xmlNode *node = xmlNewChild(saved, saved->ns, XS(kind), NULL);

	xml_set(node, "on", on);
	return node;
}

static void save_attr(xmlNode *saved, const char *on, const char *name,
		      const xmlChar *value)
{
	xmlNode *node;

	if (!saved)
		return;
	node = add_saved(saved, "attr", on);
	xml_set(node, "name", name);
	xml_set(node, "value", (const char *)value);
}

static void take_attr(xmlNode *from, const struct part *part, xmlNode *saved)
{
	AUTO_XML_STRING xmlChar *value = xmlGetNoNsProp(from, XS(part->name));

	if (!value)
		return;
	save_attr(saved, part->on, part->name, value);
	xml_unset(from, part->name);
}

static xmlNode *save_element(xmlNode *saved, const char *on, unsigned at, const xmlChar *space)
{
	xmlNode *node = add_saved(saved, "element", on);
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
		xmlAddChild(save_element(saved, part->on, at, space), element);
	else
		xmlFreeNode(element);
}

/* An element that stays on the disk. */
struct kept {
	xmlNode *from, *element;
	xmlChar *space;
	unsigned at;
};

/* It stays on the disk, and is saved so that it is restored on the way back, where it would be
 * removed. Return the element, cut out, as @kept. */
static bool copy_part(xmlNode *from, const struct part *part, xmlNode *saved, struct kept *kept)
{
	AUTO_XML_STRING xmlChar *value = NULL;

	*kept = (struct kept){ .from = from };
	kept->element = part->element ? xml_child(from, part->name) : NULL;
	if (kept->element) {
		xml_cut(kept->element, &kept->at, &kept->space);
		xmlAddChild(save_element(saved, part->on, kept->at, kept->space),
			    xmlDocCopyNode(kept->element, saved->doc, 1));
	} else if (!part->element) {
		value = xmlGetNoNsProp(from, XS(part->name));
		if (value)
			save_attr(saved, part->on, part->name, value);
	}
	return kept->element;
}

/* All of them are cut out before the first is put back: a position is counted without those
 * that were saved before, as it is when they are restored. */
static void copy_parts(xmlNode *disk, enum bus own, enum bus to, xmlNode *saved)
{
	struct kept kept[ARRAY_SIZE(parts)];
	size_t n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		xmlNode *from = owner(disk, parts[i].on);

		if (from && (parts[i].buses & (1u << to)) && !(parts[i].buses & (1u << own)) &&
		    copy_part(from, &parts[i], saved, &kept[n]))
			n++;
	}
	while (n-- > 0) {
		xml_paste(kept[n].from, kept[n].element, kept[n].at, kept[n].space);
		xmlFree(kept[n].space);
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
			save_attr(saved, "target", always[i], value);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		xmlNode *from = owner(disk, parts[i].on);

		if (!from)
			continue;
		if (parts[i].buses & (1u << to))
			continue;
		/* A geometry may be valid on any bus. It is removed for the boot on SATA, where
		 * it may not fit, and always saved. */
		if (strcmp(parts[i].name, "geometry") == 0 && (to != BUS_SATA || !saved))
			continue;
		if (parts[i].element)
			take_element(from, &parts[i], saved);
		else
			take_attr(from, &parts[i], saved);
	}
	if (saved)
		copy_parts(disk, own, to, saved);
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

/* One saved piece in <saved>. */
struct note {
	bool element;
	char on[16], name[24];
	xmlChar *value, *space;		/* owned by libxml2; name of an attribute or of an
					 * element */
	xmlNode *copy_of;		/* the element; owned by <saved> */
	long at;
};

static void note_free(struct note *n)
{
	if (n->value)
		xmlFree(n->value);
	if (n->space)
		xmlFree(n->space);
}
#define AUTO_NOTE __attribute__((cleanup(note_free))) struct note

static bool read_attr_note(const xmlNode *node, struct note *n)
{
	n->value = xmlGetNoNsProp(node, XS("value"));
	return n->value && xml_attr(node, "name", n->name, sizeof(n->name)) &&
	       schema_attr(n->on, n->name, (const char *)n->value);
}

static bool read_element_note(const xmlNode *node, struct note *n)
{
	n->element = true;
	n->at = xml_attr_number(node, "at");
	n->space = xmlGetNoNsProp(node, XS("space"));
	n->copy_of = xmlFirstElementChild((xmlNode *)(uintptr_t)node);
	for (const xmlChar *p = n->space; p && *p; p++)
		if (!strchr(" \t\r\n", *p))
			return false;
	return n->at >= 0 && xmlChildElementCount((xmlNode *)(uintptr_t)node) == 1 &&
	       str_fits(n->name, sizeof(n->name), (const char *)n->copy_of->name) &&
	       schema_element(n->copy_of);
}

/* Return: false if frontend_take() did not write it, or libvirt would not have accepted it on
 * a disk. */
static bool read_note(const xmlNode *node, struct note *n)
{
	const char *kind = (const char *)node->name;

	if (!node->ns || !str_eq((const char *)node->ns->href, STATE_URI) ||
	    !xml_attr(node, "on", n->on, sizeof(n->on)))
		return false;
	if (str_eq(kind, "attr") ? !read_attr_note(node, n) :
	    !str_eq(kind, "element") || !read_element_note(node, n))
		return false;
	return known(n->on, n->name, n->element);
}

bool frontend_saved_valid(const xmlNode *saved)
{
	for (const xmlNode *node = saved ? saved->children : NULL; node; node = node->next) {
		AUTO_NOTE n = { 0 };

		if (node->type == XML_ELEMENT_NODE && !read_note(node, &n))
			return false;
	}
	return true;
}

static void wear_attr(xmlNode *disk, const struct note *n)
{
	xmlNode *to = owner(disk, n->on);

	/* libvirt drops an element that has lost its only attribute. */
	if (!to && strcmp(n->on, "blockio") == 0) {
		to = xmlNewNode(NULL, XS(n->on));
		xml_append(disk, to);
	}
	if (to)
		xml_set(to, n->name, (const char *)n->value);
}

static void wear_element(xmlNode *disk, const struct note *n)
{
	xmlNode *to = owner(disk, n->on);

	/* If the user has added one meanwhile, keep the user's. */
	if (to && !xml_child(to, n->name))
		xml_paste(to, xmlDocCopyNode(n->copy_of, disk->doc, 1), (unsigned)n->at, n->space);
}

/* Restore in reverse order: positions were counted after the earlier pieces had been removed. */
void frontend_wear(xmlNode *disk, const xmlNode *saved)
{
	char text[TARGET_SIZE];

	/* A target may omit its bus; then its name implies it. */
	if (frontend_saved_attr(saved, "target", "dev", text, sizeof(text)) &&
	    !frontend_saved_attr(saved, "target", "bus", text, sizeof(text)))
		xml_unset(xml_child(disk, "target"), "bus");
	for (const xmlNode *node = saved ? saved->last : NULL; node; node = node->prev) {
		AUTO_NOTE n = { 0 };

		if (node->type != XML_ELEMENT_NODE || !read_note(node, &n))
			continue;
		if (n.element)
			wear_element(disk, &n);
		else
			wear_attr(disk, &n);
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
