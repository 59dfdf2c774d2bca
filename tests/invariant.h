/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * invariant.h - what no operation may change in a domain, whatever the domain and the state
 * in it claim
 *
 * Between the document before and the one after, only these may differ: the state element;
 * the parts of disks that belong to a bus; a bait; SATA and SCSI controllers. Everything
 * that may differ is stripped from both, and the rest must be identical.
 */
#ifndef BUSFLIP_TESTS_INVARIANT_H
#define BUSFLIP_TESTS_INVARIANT_H

#include "hook/domain/domain.h"

#include <stdlib.h>
#include <string.h>

/* Written down a second time on purpose: a part that is added to the table in
 * hook/phase/frontend.c has to be thought about here as well. */
static const struct {
	const char *on, *attrs, *elements;
} bus_parts[] = {
	{ "disk", " model ", " wwn vendor product acpi alias address geometry " },
	{ "driver", " iothread queues queue_size event_idx ioeventfd packed page_per_vq iommu "
	  "ats ", " iothreads " },
	{ "target", " dev bus rotation_rate removable dpofua ", "" },
	{ "geometry", " trans ", "" },
	{ "blockio", " discard_granularity ", "" },
};

static inline bool in_list(const xmlChar *name, const char *list)
{
	char word[64];

	snprintf(word, sizeof(word), " %.60s ", (const char *)name);
	return strstr(list, word);
}

static inline void remove_node(xmlNode *node)
{
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}

static inline void strip_element(xmlNode *element, const char *attrs, const char *elements)
{
	xmlAttr *attr = element->properties, *next_attr;
	xmlNode *node = element->children, *next;

	for (; attr; attr = next_attr) {
		next_attr = attr->next;
		if (!attr->ns && in_list(attr->name, attrs))
			xmlRemoveProp(attr);
	}
	for (; node; node = next) {
		next = node->next;
		if (node->type == XML_ELEMENT_NODE && !node->ns && in_list(node->name, elements))
			remove_node(node);
	}
}

static inline void strip_disk(xmlNode *disk)
{
	for (size_t i = 0; i < ARRAY_SIZE(bus_parts); i++) {
		xmlNode *node = xml_child(disk, bus_parts[i].on);

		if (i == 0)
			strip_element(disk, bus_parts[i].attrs, bus_parts[i].elements);
		for (; node; node = xml_next(node, bus_parts[i].on))
			strip_element(node, bus_parts[i].attrs, bus_parts[i].elements);
	}
}

/* One blank for each stretch of white space, none at the ends. */
static inline void squeeze(xmlChar *text)
{
	xmlChar *out = text;

	for (const xmlChar *in = text; *in; in++)
		if (!strchr(" \t\r\n", *in))
			*out++ = *in;
		else if (out != text && out[-1] != ' ')
			*out++ = ' ';
	if (out != text && out[-1] == ' ')
		out--;
	*out = '\0';
}

static inline void strip_space(xmlNode *node)
{
	xmlNode *next;

	for (; node; node = next) {
		/* Text that an element was taken out of, or put into, is in one piece then. */
		while (node->type == XML_TEXT_NODE && node->next &&
		       node->next->type == XML_TEXT_NODE)
			xmlTextMerge(node, node->next);
		next = node->next;
		if (node->type == XML_TEXT_NODE && xmlIsBlankNode(node))
			remove_node(node);
		else if (node->type == XML_TEXT_NODE)
			squeeze(node->content);
		else if (node->type == XML_ELEMENT_NODE)
			strip_space(node->children);
	}
}

/* A bait as bait_add() makes it, and nothing else in it. */
static inline bool is_clean_bait(const xmlNode *disk, const char *image)
{
	const xmlNode *source = xml_child(disk, "source");

	for (const xmlNode *n = disk->children; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE &&
		    !in_list(n->name, " driver source target readonly serial address "))
			return false;
	return disk_is_bait(disk) && xml_attr_is(source, "file", image) &&
	       xml_attr_is(disk, "type", "file") && xml_attr_is(disk, "device", "disk") &&
	       xml_attr_is(xml_child(disk, "driver"), "type", "raw");
}

/* On whatever bus it is now: a step may move it there. */
static inline bool looks_like_bait(const xmlNode *disk)
{
	char serial[32];

	return xml_text(xml_child(disk, "serial"), serial, sizeof(serial)) &&
	       strcmp(serial, BAIT_SERIAL) == 0 && xml_child(disk, "readonly");
}

static inline void strip_devices(xmlNode *devices, const char *image, int *odd)
{
	xmlNode *node = devices ? devices->children : NULL, *next;

	for (; node; node = next) {
		next = node->next;
		/* Nothing to libvirt, and in other pieces when a device beside it goes. */
		if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
			remove_node(node);
		} else if (xml_is(node, "controller") && (xml_attr_is(node, "type", "sata") ||
						   xml_attr_is(node, "type", "scsi"))) {
			remove_node(node);
		} else if (xml_is(node, "panic")) {
			/* A forged state may say that it was added. */
			remove_node(node);
		} else if (xml_is(node, "disk") && looks_like_bait(node)) {
			*odd += !is_clean_bait(node, image);
			remove_node(node);
		} else if (xml_is(node, "disk")) {
			strip_disk(node);
		}
	}
}

/* What of a domain must never change, and how many baits in it are not as
 * bait_add() makes them. */
struct essence {
	char *text;		/* NULL: it was no domain; the owner frees */
	int odd_baits;
};

static inline struct essence essence_of(const char *xml, size_t len, const char *image)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct essence e = { 0 };
	struct error err;
	xmlNode *node, *next;

	if (domain_parse(xml, len, &domain, &err) < 0)
		return e;
	for (node = domain.metadata ? domain.metadata->children : NULL; node; node = next) {
		next = node->next;
		if (node->type == XML_ELEMENT_NODE && node->ns &&
		    (str_eq((const char *)node->ns->href, STATE_URI) ||
		     str_eq((const char *)node->ns->href, TAG_URI)))
			remove_node(node);
	}
	strip_devices(domain.devices, image, &e.odd_baits);
	strip_space(domain.root);
	/* It may go with the tag. */
	if (domain.metadata && !xmlFirstElementChild(domain.metadata))
		remove_node(domain.metadata);
	if (domain_format(&domain, &e.text, &len, &err) < 0)
		e.text = NULL;
	return e;
}

/* broken() - what is wrong with @after as the outcome of any operation on the
 * domain that @before is the essence of, or NULL. */
static inline const char *broken(const struct essence *before, const char *after,
				 size_t len, const char *image)
{
	struct essence e = essence_of(after, len, image);
	const char *why = NULL;

	if (!e.text)
		why = "the outcome is no domain XML";
	else if (before->text && strcmp(before->text, e.text) != 0)
		why = "something changed that no operation may change";
	else if (e.odd_baits > before->odd_baits)
		why = "a bait has something in it that baits don't have";
	free(e.text);
	return why;
}

#endif
