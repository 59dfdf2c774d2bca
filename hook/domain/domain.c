// SPDX-License-Identifier: GPL-2.0-or-later
/* domain.c - domain XML bytes <-> struct domain: disks, buses, tag and state */

#include "hook/domain/domain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/shared/text.h"
#include "hook/domain/machineid.h"

static const char *const bus_names[] = {
	[BUS_NONE] = "",
	[BUS_VIRTIO] = "virtio",
	[BUS_SCSI] = "scsi",
	[BUS_SATA] = "sata",
	[BUS_IDE] = "ide",
	[BUS_OTHER] = "?",
};

const char *domain_word(const char *name, const char *uuid, char buf[DOMAIN_WORD])
{
	return shell_word(name[0] == '-' && uuid[0] ? uuid : name, buf, DOMAIN_WORD);
}

enum bus bus_parse(const char *name)
{
	for (unsigned i = BUS_VIRTIO; i < BUS_OTHER; i++)
		if (strcmp(bus_names[i], name) == 0)
			return (enum bus)i;
	return BUS_OTHER;
}

const char *bus_name(enum bus bus)
{
	return bus_names[bus];
}

bool bus_is_target(enum bus bus)
{
	return bus == BUS_VIRTIO || bus == BUS_SCSI;
}

enum target_bus bus_target(enum bus bus)
{
	return bus == BUS_SCSI ? TARGET_SCSI : TARGET_VIRTIO;
}

enum bus bus_of_target(enum target_bus target)
{
	return target == TARGET_SCSI ? BUS_SCSI : BUS_VIRTIO;
}

bool partition_parse(const char *text, uint32_t *number)
{
	size_t digits = strspn(text, "0123456789");

	*number = 0;
	if (text[digits] || !digits || digits > 6)
		return false;
	*number = (uint32_t)strtoul(text, NULL, 10);
	return *number != 0;
}

/* Attributes of other namespaces are not busflip's. */
static bool is_ours(const xmlAttr *attr)
{
	return !attr->ns || str_eq((const char *)attr->ns->href, TAG_URI);
}

/* Return false if there is no such attribute, or its value is invalid. */
static bool read_attribute(struct tag *tag, const xmlAttr *attr, const char *value)
{
	if (attr->ns)
		return false;
	if (str_eq((const char *)attr->name, "bus")) {
		tag->bus = bus_parse(value);
		return bus_is_target(tag->bus);
	}
	if (str_eq((const char *)attr->name, "partition"))
		return partition_parse(value, &tag->partition);
	return str_eq((const char *)attr->name, "disk") && *value &&
	       str_fits(tag->disk, sizeof(tag->disk), value);
}

static void note_wrong(struct tag *tag, const xmlAttr *attr, const char *value)
{
	char name[32], short_value[32];

	tag->valid = false;
	str_cut(name, sizeof(name), (const char *)attr->name);
	str_cut(short_value, sizeof(short_value), value);
	snprintf(tag->wrong, sizeof(tag->wrong), "%.8s%s%s=\"%s\"",
		 attr->ns && attr->ns->prefix ? (const char *)attr->ns->prefix : "",
		 attr->ns ? ":" : "", name, short_value);
	make_printable(tag->wrong);
}

static void read_tag(struct domain *domain)
{
	struct tag *tag = &domain->tag;
	const xmlNode *node = domain->tag_node;

	if (!node)
		return;
	tag->present = true;
	tag->valid = !xml_next_ns(node, "domain", TAG_URI);
	for (const xmlAttr *attr = node->properties; attr; attr = attr->next) {
		AUTO_XML_STRING xmlChar *value = xmlNodeGetContent((const xmlNode *)attr);
		const char *text = value ? (const char *)value : "";

		if (is_ours(attr) && !read_attribute(tag, attr, text))
			note_wrong(tag, attr, text);
	}
}

static bool is_odd_tag(const xmlNode *node)
{
	const xmlNs *ns = node->type == XML_ELEMENT_NODE ? node->ns : NULL;
	const char *uri = ns ? (const char *)ns->href : NULL;
	const char *prefix = ns && ns->prefix ? (const char *)ns->prefix : "";

	return uri && strcmp(uri, STATE_URI) != 0 &&
	       (strcasestr(uri, "busflip") || strcasestr(prefix, "busflip"));
}

const char *domain_odd_tag(const struct domain *domain, char buf[ODD_TAG])
{
	const xmlNode *node = domain->metadata ? domain->metadata->children : NULL;
	char name[48], uri[80];

	while (node && !is_odd_tag(node))
		node = node->next;
	buf[0] = '\0';
	if (domain->tag_node || !node)
		return buf;
	str_cut(name, sizeof(name), (const char *)node->name);
	str_cut(uri, sizeof(uri), (const char *)node->ns->href);
	snprintf(buf, ODD_TAG, "its metadata has an element <%s> of %s, but the tag is <domain> "
		 "of " TAG_URI, name, uri);
	make_printable(buf);
	return buf;
}

static void read_controllers(struct state *state, const xmlNode *node)
{
	const xmlNode *n = xml_child_ns(node, "added", STATE_URI);

	for (; n; n = xml_next_ns(n, "added", STATE_URI)) {
		if (xml_attr_is(n, "type", "sata"))
			state->sata_added = xml_attr_number(n, "index");
		else if (xml_attr_is(n, "type", "scsi"))
			state->scsi_added = xml_attr_number(n, "index");
		else if (xml_attr_is(n, "type", "pci"))
			state->pci_added = xml_attr_number(n, "index");
		else if (xml_attr_is(n, "type", "panic"))
			xml_attr(n, "model", state->panic, sizeof(state->panic));
	}
}

static void read_state(struct domain *domain)
{
	struct state *state = &domain->state;
	const xmlNode *node = domain->state_node, *disk;
	char text[32];

	state->attempts = 0;
	state->sata_added = state->scsi_added = state->pci_added = -1;
	state->scsi = state->scsi_avoid = -1;
	state->valid = true;
	if (!node)
		return;
	if (!xml_attr(node, "phase", text, sizeof(text)))
		state->valid = false;
	state->phase = phase_parse(text);
	state->attempts = xml_attr_number(node, "attempts");
	if (state->phase == PHASE_COUNT || state->phase == PHASE_NONE ||
	    state->attempts < 0 || xml_next_ns(node, "state", STATE_URI)) {
		state->valid = false;
		state->phase = PHASE_NONE;
	}
	state->override = xml_attr_is(node, "override", "yes");
	xml_attr(node, "since", state->since, sizeof(state->since));
	xml_attr(node, "reason", state->reason, sizeof(state->reason));
	/* If it is missing, the phase is as old as its reason. */
	if (!xml_attr(node, "at", state->at, sizeof(state->at)))
		str_fits(state->at, sizeof(state->at), state->since);
	disk = xml_child_ns(node, "disk", STATE_URI);
	xml_attr(disk, "target", state->disk, sizeof(state->disk));
	xml_attr(disk, "source", state->source, sizeof(state->source));
	state->staged_form = xml_attr_is(disk, "form", "staged");
	xml_attr(disk, "bus", text, sizeof(text));
	state->bus = bus_parse(text);
	xml_attr(disk, "origin", text, sizeof(text));
	state->origin = bus_parse(text);
	state->scsi = xml_attr_number(disk, "controller");
	read_controllers(state, node);
	state->saved = xml_child_ns(node, "saved", STATE_URI);
}

static int take_document(struct domain *domain, xmlDoc *doc, bool declaration, struct error *err)
{
	memset(domain, 0, sizeof(*domain));
	domain->doc = doc;
	if (!domain->doc)
		return -1;
	domain->declaration = declaration;
	domain->root = xmlDocGetRootElement(domain->doc);
	if (!xml_is(domain->root, "domain"))
		return fail(err, EINVAL, "the XML is not a <domain>");
	if (!xml_text(xml_child(domain->root, "name"), domain->name,
		      sizeof(domain->name)))
		return fail(err, EINVAL, "the domain has no usable <name>");
	xml_text(xml_child(domain->root, "uuid"), domain->uuid,
		 sizeof(domain->uuid));
	machine_id(domain->root, domain->machine);
	domain->devices = xml_child(domain->root, "devices");
	domain->metadata = xml_child(domain->root, "metadata");
	domain->tag_node = xml_child_ns(domain->metadata, "domain", TAG_URI);
	domain->state_node = xml_child_ns(domain->metadata, "state", STATE_URI);
	read_tag(domain);
	read_state(domain);
	return 0;
}

int domain_parse(const char *bytes, size_t len, struct domain *domain,
		 struct error *err)
{
	return take_document(domain, xml_parse(bytes, len, err),
		    len >= 5 && memcmp(bytes, "<?xml", 5) == 0, err);
}

int domain_parse_bare(const char *bytes, size_t len, struct domain *domain, struct error *err)
{
	return take_document(domain, xml_parse_bare(bytes, len, err), false, err);
}

void domain_free(struct domain *domain)
{
	xmlFreeDoc(domain->doc);
	memset(domain, 0, sizeof(*domain));
}

int domain_format(const struct domain *domain, char **bytes, size_t *len,
		  struct error *err)
{
	return xml_format(domain->doc, domain->declaration, bytes, len, err);
}

static xmlNode *new_element(struct domain *domain, const char *name,
			    const char *uri)
{
	xmlNode *node;

	if (!domain->metadata) {
		domain->metadata = xmlNewNode(NULL, XS("metadata"));
		xmlAddChild(domain->root, domain->metadata);
	}
	node = xmlNewDocNode(domain->doc, NULL, XS(name), NULL);
	xmlSetNs(node, xmlNewNs(node, XS(uri), XS("busflip")));
	xml_append(domain->metadata, node);
	return node;
}

/* libvirt keeps one element of a namespace, the first. */
static void make_room(struct domain *domain)
{
	xmlNode *node = domain->metadata ? domain->metadata->children : NULL, *next;

	for (; node; node = next) {
		next = node->next;
		if (node->type == XML_ELEMENT_NODE && node->ns &&
		    str_eq((const char *)node->ns->href, TAG_URI))
			xml_delete(node);
	}
}

void domain_set_tag(struct domain *domain, enum bus bus, const char *disk, uint32_t partition)
{
	xmlAttr *attr, *next;
	char number[16];

	if (!domain->tag_node) {
		make_room(domain);
		domain->tag_node = new_element(domain, "domain", TAG_URI);
	}
	for (attr = domain->tag_node->properties; attr; attr = next) {
		next = attr->next;
		if (is_ours(attr))
			xmlRemoveProp(attr);
	}
	if (bus != BUS_NONE)
		xml_set(domain->tag_node, "bus", bus_name(bus));
	if (disk[0])
		xml_set(domain->tag_node, "disk", disk);
	snprintf(number, sizeof(number), "%u", partition);
	if (partition)
		xml_set(domain->tag_node, "partition", number);
	memset(&domain->tag, 0, sizeof(domain->tag));
	read_tag(domain);
}

void domain_drop_tag(struct domain *domain)
{
	xml_delete(domain->tag_node);
	domain->tag_node = NULL;
	memset(&domain->tag, 0, sizeof(domain->tag));
	if (domain->metadata && !xmlFirstElementChild(domain->metadata)) {
		xml_delete(domain->metadata);
		domain->metadata = NULL;
	}
}

void domain_drop_state(struct domain *domain)
{
	xml_delete(domain->state_node);
	domain->state_node = NULL;
	memset(&domain->state, 0, sizeof(domain->state));
	read_state(domain);
}

static xmlNode *state_child(struct domain *domain, const char *name)
{
	return xmlNewChild(domain->state_node, domain->state_node->ns,
			   XS(name), NULL);
}

static void put_added(struct domain *domain, const char *type, long index)
{
	char text[24];
	xmlNode *node;

	if (index < 0)
		return;
	node = state_child(domain, "added");
	xml_set(node, "type", type);
	snprintf(text, sizeof(text), "%ld", index);
	xml_set(node, "index", text);
}

static void put_disk(struct domain *domain)
{
	const struct state *state = &domain->state;
	xmlNode *node;
	char text[24];

	if (!state->disk[0])
		return;
	node = state_child(domain, "disk");
	xml_set(node, "target", state->disk);
	if (state->source[0])
		xml_set(node, "source", state->source);
	xml_set(node, "form", state->staged_form ? "staged" : "final");
	xml_set(node, "bus", bus_name(state->bus));
	xml_set(node, "origin", bus_name(state->origin));
	if (state->scsi >= 0) {
		snprintf(text, sizeof(text), "%ld", state->scsi);
		xml_set(node, "controller", text);
	}
}

void domain_put_state(struct domain *domain)
{
	struct state *state = &domain->state;
	xmlNode *node, *next;
	char text[24];

	if (!domain->state_node)
		domain->state_node = new_element(domain, "state", STATE_URI);
	for (node = domain->state_node->children; node; node = next) {
		next = node->next;
		if (node == state->saved)
			continue;
		xmlUnlinkNode(node);
		xmlFreeNode(node);
	}
	xml_set(domain->state_node, "phase", phase_name(state->phase));
	snprintf(text, sizeof(text), "%ld", state->attempts);
	xml_set(domain->state_node, "attempts", text);
	xml_set(domain->state_node, "since", state->since);
	xml_set(domain->state_node, "reason", state->reason);
	xml_set(domain->state_node, "at", state->at);
	xml_unset(domain->state_node, "override");
	if (state->override)
		xml_set(domain->state_node, "override", "yes");
	put_disk(domain);
	put_added(domain, "sata", state->sata_added);
	put_added(domain, "scsi", state->scsi_added);
	put_added(domain, "pci", state->pci_added);
	if (state->panic[0]) {
		node = state_child(domain, "added");
		xml_set(node, "type", "panic");
		xml_set(node, "model", state->panic);
	}
}
