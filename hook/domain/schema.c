// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * schema.c - which values libvirt allows in those parts of a domain that busflip moves,
 * restores and counts with
 *
 * From libvirt's src/conf/schemas/domaincommon.rng and basictypes.rng, 9.0.0 to 12.8.0, and,
 * where its parser accepts more than the schema, from virDomainDiskDefParseXML() and the
 * functions that it calls in src/conf/domain_conf.c. Settings that only a pass-through has
 * (device='lun', rawio, sgio, reservations) are not included: such a disk is not moved, so they
 * are never restored.
 */

#include "hook/domain/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hook/domain/slots.h"

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
/* Longer than any name of a device that libvirt generates. */
#define ALIAS_SIZE 256

/* True if @value is one of the @words, or of the kind that the function is named after. */
typedef bool allows_fn(const char *value, const char *words);

static bool consists_of(const char *value, const char *bytes, size_t longest)
{
	size_t len = strspn(value, bytes);

	return len && len <= longest && !value[len];
}

static bool number_up_to(const char *value, unsigned long long most)
{
	return consists_of(value, DIGITS, 10) && strtoull(value, NULL, 10) <= most;
}

static bool is_word(const char *value, const char *words)
{
	const char *at = *value && !strchr(value, ' ') ? strstr(words, value) : NULL;
	size_t len = strlen(value);

	for (; at; at = strstr(at + 1, value))
		if ((at == words || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

static bool is_number(const char *value, const char *words)
{
	(void)words;
	return number_up_to(value, UINT32_MAX);
}

/* A number that busflip counts with. */
static bool is_index(const char *value, const char *words)
{
	(void)words;
	return number_up_to(value, INT32_MAX);
}

/* In libvirt's own hexadecimal, or as people write them. */
static bool is_hex(const char *value, const char *words)
{
	(void)words;
	if (value[0] == '0' && (value[1] == 'x' || value[1] == 'X'))
		return consists_of(value + 2, DIGITS "abcdefABCDEF", 8);
	return number_up_to(value, UINT32_MAX);
}

static bool is_target(const char *value, const char *words)
{
	(void)words;
	return consists_of(value, DIGITS LETTERS "_", TARGET_SIZE - 1) && strlen(value) > 2;
}

static bool is_alias(const char *value, const char *words)
{
	(void)words;
	return consists_of(value, DIGITS LETTERS "_.-", ALIAS_SIZE - 1);
}

static bool is_cpuset(const char *value, const char *words)
{
	(void)words;
	return consists_of(value, DIGITS ",-^", ALIAS_SIZE - 1);
}

static bool is_wwn(const char *value, const char *words)
{
	(void)words;
	if (strncmp(value, "0x", 2) == 0)
		value += 2;
	return consists_of(value, DIGITS "abcdefABCDEF", 16) && strlen(value) == 16;
}

/* <vendor> has at most 8 characters, <product> 16, and 40 on SATA and IDE. */
static bool is_model(const char *value, const char *words)
{
	size_t len = 0;

	(void)words;
	while (value[len] >= ' ' && value[len] <= '~')
		len++;
	return len <= 40 && !value[len];
}

#define ON_OFF is_word, "on off"
#define NUMBER is_number, NULL
#define INDEX is_index, NULL
#define HEX is_hex, NULL

/* An address is identified by its type; "" is the text of an element. */
static const struct rule {
	const char *on, *name;
	allows_fn *allows;
	const char *words;
} rules[] = {
	{ "disk", "model", is_word, "virtio virtio-transitional virtio-non-transitional" },
	{ "driver", "iothread", NUMBER },
	{ "driver", "queues", NUMBER },
	{ "driver", "queue_size", NUMBER },
	{ "driver", "event_idx", ON_OFF },
	{ "driver", "ioeventfd", ON_OFF },
	{ "driver", "packed", ON_OFF },
	{ "driver", "page_per_vq", ON_OFF },
	{ "driver", "iommu", ON_OFF },
	{ "driver", "ats", ON_OFF },
	{ "target", "dev", is_target, NULL },
	{ "target", "bus", is_word, "virtio scsi sata ide" },
	{ "target", "rotation_rate", NUMBER },
	{ "target", "removable", ON_OFF },
	{ "target", "dpofua", ON_OFF },
	{ "blockio", "discard_granularity", NUMBER },
	{ "iothread", "id", NUMBER },
	{ "queue", "id", NUMBER },
	{ "geometry", "cyls", NUMBER },
	{ "geometry", "heads", NUMBER },
	{ "geometry", "secs", NUMBER },
	{ "geometry", "trans", is_word, "auto none lba" },
	{ "wwn", "", is_wwn, NULL },
	{ "vendor", "", is_model, NULL },
	{ "product", "", is_model, NULL },
	{ "acpi", "index", NUMBER },
	{ "acpi", "nodeset", is_cpuset, NULL },
	{ "alias", "name", is_alias, NULL },
	{ "pci", "domain", HEX },
	{ "pci", "bus", HEX },
	{ "pci", "slot", HEX },
	{ "pci", "function", HEX },
	{ "pci", "multifunction", ON_OFF },
	{ "zpci", "uid", HEX },
	{ "zpci", "fid", HEX },
	{ "drive", "controller", INDEX },
	{ "drive", "bus", INDEX },
	{ "drive", "target", INDEX },
	{ "drive", "unit", INDEX },
	{ "ccw", "cssid", HEX },
	{ "ccw", "ssid", HEX },
	{ "ccw", "devno", HEX },
};

/* Elements of a disk that are moved unchanged, with their content. */
static const char *const moved[] = {
	"geometry", "wwn", "vendor", "product", "acpi", "alias", "address", "iothreads",
};

/* Elements of which a part is moved. */
static const char *const owners[] = { "driver", "target", "blockio" };

static const struct {
	const char *name, *inside;
} nested[] = {
	{ "pci", "zpci" }, { "iothreads", "iothread" }, { "iothread", "queue" },
};

static bool is_listed(const xmlNode *node, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (xml_is(node, names[i]))
			return true;
	return false;
}

static const struct rule *find_rule(const char *on, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (str_eq(rules[i].on, on) && str_eq(rules[i].name, name))
			return &rules[i];
	return NULL;
}

static bool follows(const struct rule *rule, const xmlChar *value)
{
	return rule && value && rule->allows((const char *)value, rule->words);
}

bool schema_attr(const char *on, const char *name, const char *value)
{
	return *name && follows(find_rule(on, name), XS(value));
}

/* ---- an element that is moved ------------------------------------------------ */

static bool kind_of(const xmlNode *element, char kind[16])
{
	if (!xml_is(element, "address"))
		return str_fits(kind, 16, (const char *)element->name);
	return xml_attr(element, "type", kind, 16) && is_word(kind, "pci drive ccw virtio-mmio");
}

static bool attrs_allowed(const xmlNode *element, const char *kind)
{
	for (const xmlAttr *attr = element->properties; attr; attr = attr->next) {
		AUTO_XML_STRING xmlChar *value = xmlNodeGetContent((const xmlNode *)attr);
		const char *name = (const char *)attr->name;

		if (attr->ns || (!(xml_is(element, "address") && str_eq(name, "type")) &&
				 !follows(find_rule(kind, name), value)))
			return false;
	}
	return true;
}

static bool may_be_inside(const xmlNode *parent, const xmlNode *child)
{
	char kind[16];

	for (size_t i = 0; kind_of(parent, kind) && i < ARRAY_SIZE(nested); i++)
		if (str_eq(nested[i].name, kind) && xml_is(child, nested[i].inside))
			return true;
	return false;
}

/* Check the element itself, independent of its parent and its content. */
static bool alone_allowed(const xmlNode *element)
{
	AUTO_XML_STRING xmlChar *text = NULL;
	const struct rule *rule;
	char kind[16];

	if (!kind_of(element, kind) || element->nsDef || !attrs_allowed(element, kind))
		return false;
	rule = find_rule(kind, "");
	text = rule ? xmlNodeGetContent(element) : NULL;
	return !rule || follows(rule, text);
}

static bool node_allowed(const xmlNode *node)
{
	char kind[16];

	if (node->type == XML_ELEMENT_NODE)
		return may_be_inside(node->parent, node) && alone_allowed(node);
	if (node->type == XML_TEXT_NODE)
		return xmlIsBlankNode((xmlNode *)(uintptr_t)node) ||
		       (kind_of(node->parent, kind) && find_rule(kind, ""));
	return node->type == XML_COMMENT_NODE;
}

/* The next of the nodes in @root, in document order. */
static const xmlNode *next_within(const xmlNode *root, const xmlNode *node)
{
	if (node->type == XML_ELEMENT_NODE && node->children)
		return node->children;
	while (node != root && !node->next)
		node = node->parent;
	return node == root ? NULL : node->next;
}

static bool element_allowed(const xmlNode *element)
{
	const xmlNode *node = element;

	if (!alone_allowed(element))
		return false;
	while ((node = next_within(element, node)))
		if (!node_allowed(node))
			return false;
	return true;
}

bool schema_element(const xmlNode *element)
{
	return is_listed(element, moved, ARRAY_SIZE(moved)) && element_allowed(element);
}

/* ---- a definition ------------------------------------------------------------- */

static int refuse(struct error *err, const char *what, const char *name)
{
	return fail(err, EINVAL, "%s <%s>: libvirt is not known to produce such a definition "
		    "(compare virsh dumpxml)", what, name);
}

static bool is_twice(const xmlNode *parent, const char *name)
{
	const xmlNode *first = xml_child(parent, name);

	return first && xml_next(first, name);
}

/* Its position among the elements would be ambiguous when these are restored. */
static bool has_text(const xmlNode *parent)
{
	for (const xmlNode *n = parent ? parent->children : NULL; n; n = n->next)
		if (n->type == XML_CDATA_SECTION_NODE ||
		    (n->type == XML_TEXT_NODE && !xmlIsBlankNode((xmlNode *)(uintptr_t)n)))
			return true;
	return false;
}

/* Check the known ones; the others are not moved. */
static const char *wrong_attr(const xmlNode *node, const char *on)
{
	for (size_t i = 0; node && i < ARRAY_SIZE(rules); i++) {
		AUTO_XML_STRING xmlChar *value = str_eq(rules[i].on, on) ?
			xmlGetNoNsProp(node, XS(rules[i].name)) : NULL;

		if (value && !follows(&rules[i], value))
			return rules[i].name;
	}
	return NULL;
}

/* For devices that are not moved only the address matters, so they may contain more: that is
 * up to libvirt. Addresses of other types belong to buses that busflip does not count with. */
static int check_device(const xmlNode *device, struct error *err)
{
	static const char *const once[] = { "source", "target", "serial", "boot" };
	const xmlNode *address = xml_child(device, "address");
	char kind[16];

	if (is_twice(device, "address"))
		return refuse(err, "a device has more than one", "address");
	if (address && kind_of(address, kind) && wrong_attr(address, kind))
		return refuse(err, "a device has an invalid", "address");
	for (size_t i = 0; xml_is(device, "disk") && i < ARRAY_SIZE(once); i++)
		if (is_twice(device, once[i]))
			return refuse(err, "a disk has more than one", once[i]);
	return 0;
}

/* libvirt assigns the missing indexes from the first free one. */
static int check_controller(const xmlNode *device, struct error *err)
{
	if (xml_is(device, "controller") && xmlHasProp(device, XS("index")) &&
	    xml_attr_number(device, "index") < 0)
		return refuse(err, "it has an invalid index of a", "controller");
	return 0;
}

static int check_devices(const struct domain *domain, struct error *err)
{
	static const char *const once[] = { "os", "metadata", "devices" };
	const xmlNode *device = domain->devices ? domain->devices->children : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(once); i++)
		if (is_twice(domain->root, once[i]))
			return refuse(err, "it has more than one", once[i]);
	if (has_text(domain->devices))
		return refuse(err, "it has text in its", "devices");
	for (; device; device = device->next)
		if (device->type == XML_ELEMENT_NODE &&
		    (check_device(device, err) < 0 || check_controller(device, err) < 0))
			return -1;
	return 0;
}

static int check_moved(const xmlNode *parent, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
		const xmlNode *element = xml_child(parent, moved[i]);

		if (is_twice(parent, moved[i]))
			return refuse(err, "its system disk has more than one", moved[i]);
		if (element && !element_allowed(element))
			return refuse(err, "its system disk has something unknown in", moved[i]);
	}
	return 0;
}

static int check_attrs(const xmlNode *node, const char *on, struct error *err)
{
	const char *name = wrong_attr(node, on);

	return name ? fail(err, EINVAL, "its system disk has an invalid %s= in <%s>: libvirt is "
			   "not known to produce such a definition", name, on) : 0;
}

static int check_owner(const xmlNode *disk, const char *name, struct error *err)
{
	const xmlNode *owner = xml_child(disk, name);

	if (is_twice(disk, name))
		return refuse(err, "its system disk has more than one", name);
	if (has_text(owner))
		return refuse(err, "its system disk has text in its", name);
	return check_attrs(owner, name, err) < 0 || check_moved(owner, err) < 0 ? -1 : 0;
}

int schema_check_disk(const xmlNode *disk, struct error *err)
{
	if (has_text(disk))
		return refuse(err, "its system disk has text in its", "disk");
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		if (check_owner(disk, owners[i], err) < 0)
			return -1;
	return check_attrs(disk, "disk", err) < 0 || check_moved(disk, err) < 0 ? -1 : 0;
}

static bool has_namesake(const struct domain *domain, const xmlNode *disk, const char *name)
{
	const xmlNode *other = xml_child(domain->devices, "disk");
	char text[TARGET_SIZE];

	for (; other; other = xml_next(other, "disk"))
		if (other != disk && disk_target(other, text, sizeof(text)) && str_eq(text, name))
			return true;
	return false;
}

static int check_place(const struct domain *domain, const xmlNode *disk, struct error *err)
{
	const xmlNode *address = xml_child(disk, "address");
	char name[TARGET_SIZE];

	disk_target(disk, name, sizeof(name));
	if (address && xml_attr_is(address, "type", "drive") == (disk_bus(disk) == BUS_VIRTIO))
		return fail(err, EINVAL, "its system disk %s is on %s and has the address of "
			    "another bus: remove that <address> element (virsh edit)", name,
			    bus_name(disk_bus(disk)));
	if (has_namesake(domain, disk, name))
		return fail(err, EINVAL, "two disks are called %s: give one of them another name "
			    "(virsh edit)", name);
	if ((address && pci_address_taken(domain, address, disk)) ||
	    (disk_bus(disk) != BUS_VIRTIO && slots_taken(domain, disk)))
		return fail(err, EINVAL, "another device has the address of its system disk %s: "
			    "remove one of the two <address> elements", name);
	return 0;
}

int schema_check(const struct domain *domain, const xmlNode *disk, struct error *err)
{
	return check_devices(domain, err) < 0 || schema_check_disk(disk, err) < 0 ? -1 :
	       check_place(domain, disk, err);
}
