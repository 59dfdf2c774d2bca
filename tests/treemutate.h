/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * treemutate.h - domain XML mutated as a tree: the result is XML again, and often a domain,
 * which mutations of arbitrary bytes seldom produce
 */
#ifndef BUSFLIP_TESTS_TREEMUTATE_H
#define BUSFLIP_TESTS_TREEMUTATE_H

#include "hook/domain/domain.h"

/* More children than that are not added to one element. */
#define TREE_CHILDREN 30

static const char *const tree_words[] = {
	"", "0", "1", "2", "3", "4", "5", "6", "7", "-1", "%", "x", "0x00", "0x07", "10", "99",
	"512", "2147483647", "2147483648", "4294967295", "vda", "vdb", "vdz", "sda", "sdb", "sdc",
	"sdg", "hda", "hdb", "fda", "virtio", "scsi", "sata", "ide", "usb", "fdc", "none", "disk",
	"lun", "cdrom", "floppy", "pci", "drive", "ccw", "on", "off", "yes", "no", "q35", "pc",
	"pc-q35-9.2", "hd", "network", "virtio-scsi", "lsilogic", "virtio-transitional", "ich6",
	"file", "block", "ua-x", "ua-y", "lba", "staged", "final", "trial", "done",
};
static const char *const tree_elements[] = {
	"disk", "driver", "source", "target", "address", "alias", "geometry", "blockio", "wwn",
	"vendor", "product", "acpi", "serial", "readonly", "boot", "iothreads", "iothread",
	"queue", "controller", "hostdev", "iotune", "shareable", "panic", "memballoon", "devices",
	"os", "metadata", "zpci", "encryption", "interface", "saved", "attr", "element", "added",
};
static const char *const tree_attrs[] = {
	"dev", "bus", "type", "device", "model", "index", "controller", "target", "unit", "slot",
	"function", "domain", "name", "order", "queues", "queue_size", "iothread", "packed",
	"iommu", "rotation_rate", "removable", "dpofua", "discard_granularity", "disk", "cyls",
	"logical_block_size", "heads", "secs", "trans", "multifunction", "machine", "id", "form",
	"startupPolicy", "origin", "on", "at", "space", "value", "phase", "attempts",
};

static inline unsigned tree_roll(uint64_t *dice, unsigned sides)
{
	*dice ^= *dice << 13;
	*dice ^= *dice >> 7;
	*dice ^= *dice << 17;
	return (unsigned)(*dice >> 33) % sides;
}

#define TREE_ANY(dice, list) XS((list)[tree_roll(dice, ARRAY_SIZE(list))])

/* Any element at or below @root; one far down is as likely as one near it. */
static inline xmlNode *tree_any(xmlNode *root, uint64_t *dice)
{
	xmlNode *node = root;
	unsigned n;

	while (tree_roll(dice, 4) && (n = (unsigned)xmlChildElementCount(node))) {
		node = xmlFirstElementChild(node);
		for (unsigned i = tree_roll(dice, n); i; i--)
			node = xmlNextElementSibling(node);
	}
	return node;
}

static inline void tree_add(xmlNode *to, xmlNode *node, uint64_t *dice)
{
	if (xmlChildElementCount(to) >= TREE_CHILDREN)
		xmlFreeNode(node);
	else if (to->children && tree_roll(dice, 2))
		xmlAddPrevSibling(to->children, node);
	else
		xmlAddChild(to, node);
}

static inline xmlNode *tree_new(xmlDoc *doc, uint64_t *dice)
{
	xmlNode *node;

	switch (tree_roll(dice, 8)) {
	case 0:
		return xmlNewDocText(doc, XS(tree_roll(dice, 3) ? "\n  " : "t"));
	case 1:
		return xmlNewDocComment(doc, XS("c"));
	case 2:
		return xmlNewCDataBlock(doc, XS(tree_roll(dice, 2) ? " " : "t"), 1);
	default:
		node = xmlNewDocNode(doc, NULL, TREE_ANY(dice, tree_elements), NULL);
		xmlSetProp(node, TREE_ANY(dice, tree_attrs), TREE_ANY(dice, tree_words));
		return node;
	}
}

static inline void tree_change_attr(xmlNode *node, uint64_t *dice)
{
	xmlAttr *attr = node->properties;
	unsigned n = 0;

	for (const xmlAttr *a = attr; a; a = a->next)
		n++;
	if (!n || !tree_roll(dice, 3)) {
		xmlSetProp(node, TREE_ANY(dice, tree_attrs), TREE_ANY(dice, tree_words));
		return;
	}
	for (unsigned i = tree_roll(dice, n); i; i--)
		attr = attr->next;
	if (tree_roll(dice, 5))
		xmlSetNsProp(node, attr->ns, attr->name, TREE_ANY(dice, tree_words));
	else
		xmlRemoveProp(attr);
}

/* tree_mutate() - one change somewhere below @root. */
static inline void tree_mutate(xmlNode *root, uint64_t *dice)
{
	xmlNode *node = tree_any(root, dice), *copy;

	switch (tree_roll(dice, 12)) {
	case 0:
		if (node == root)
			break;
		xmlUnlinkNode(node);
		xmlFreeNode(node);
		break;
	case 1:
	case 2:
		copy = tree_any(root, dice);
		if (copy != root)
			tree_add(node, xmlDocCopyNode(copy, root->doc, 1), dice);
		break;
	case 3:
	case 4:
		tree_add(node, tree_new(root->doc, dice), dice);
		break;
	case 5:
		if (node != root)
			xmlNodeSetName(node, TREE_ANY(dice, tree_elements));
		break;
	default:
		tree_change_attr(node, dice);
	}
}

#endif
