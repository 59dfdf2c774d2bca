// SPDX-License-Identifier: GPL-2.0-or-later
/* disks.c - the disks of a domain: which is which, and which one boots */

#include "hook/domain/domain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/shared/text.h"

bool disk_target(const xmlNode *disk, char *buf, size_t size)
{
	return xml_attr(xml_child(disk, "target"), "dev", buf, size);
}

enum bus disk_bus(const xmlNode *disk)
{
	const xmlNode *target = xml_child(disk, "target");
	char text[TARGET_SIZE];

	if (xml_attr(target, "bus", text, sizeof(text)))
		return bus_parse(text);
	if (!xml_attr(target, "dev", text, sizeof(text)))
		return BUS_OTHER;
	if (strncmp(text, "hd", 2) == 0)
		return BUS_IDE;
	if (strncmp(text, "sd", 2) == 0)
		return BUS_SCSI;
	if (strncmp(text, "vd", 2) == 0)
		return BUS_VIRTIO;
	return BUS_OTHER;
}

bool disk_drop_foreign_address(xmlNode *disk)
{
	xmlNode *address = xml_child(disk, "address");
	enum bus bus = disk_bus(disk);

	if (!address || bus == BUS_OTHER ||
	    xml_attr_is(address, "type", "drive") == (bus != BUS_VIRTIO))
		return false;
	xml_delete(address);
	return true;
}

bool disk_is_hard_disk(const xmlNode *disk)
{
	return !xmlHasProp(disk, XS("device")) ||
	       xml_attr_is(disk, "device", "disk") ||
	       xml_attr_is(disk, "device", "lun");
}

bool disk_is_bait(const xmlNode *disk)
{
	char serial[32];

	return xml_text(xml_child(disk, "serial"), serial, sizeof(serial)) &&
	       strcmp(serial, BAIT_SERIAL) == 0 && xml_child(disk, "readonly") &&
	       xml_attr_is(xml_child(disk, "source"), "startupPolicy", "optional") &&
	       disk_bus(disk) == BUS_VIRTIO;
}

bool disk_source(const xmlNode *disk, char *buf, size_t size)
{
	static const char *const names[] = { "file", "dev", "name", "volume", "dir", "path" };
	const xmlNode *source = xml_child(disk, "source");

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names) && !buf[0]; i++)
		xml_attr(source, names[i], buf, size);
	return buf[0];
}

xmlNode *domain_disk(const struct domain *domain, const char *target)
{
	xmlNode *disk = xml_child(domain->devices, "disk");
	char name[TARGET_SIZE];

	for (; disk; disk = xml_next(disk, "disk"))
		if (disk_target(disk, name, sizeof(name)) &&
		    strcmp(name, target) == 0)
			return disk;
	return NULL;
}

xmlNode *domain_bait(const struct domain *domain)
{
	xmlNode *disk = xml_child(domain->devices, "disk");

	while (disk && !disk_is_bait(disk))
		disk = xml_next(disk, "disk");
	return disk;
}

long disk_name_index(const char *name)
{
	long index = 0;

	if (strlen(name) < 3)
		return -1;
	name += strncmp(name, "xvd", 3) == 0 || strncmp(name, "ubd", 3) == 0 ? 3 : 2;
	for (; *name >= 'a' && *name <= 'z'; name++) {
		if (index > 1000000)
			return -1;
		index = index * 26 + (*name - 'a') + 1;
	}
	return index - 1;
}

static bool comes_before(const xmlNode *a, const xmlNode *b)
{
	char name_a[TARGET_SIZE], name_b[TARGET_SIZE];

	return disk_target(a, name_a, sizeof(name_a)) &&
	       disk_target(b, name_b, sizeof(name_b)) &&
	       disk_name_index(name_a) < disk_name_index(name_b);
}

/* The bus as libvirt groups it: buses that busflip does not know are distinguished by their
 * text. */
static bool same_bus(const xmlNode *a, const xmlNode *b)
{
	char bus_a[16], bus_b[16];

	if (disk_bus(a) != BUS_OTHER || disk_bus(b) != BUS_OTHER)
		return disk_bus(a) == disk_bus(b);
	xml_attr(xml_child(a, "target"), "bus", bus_a, sizeof(bus_a));
	xml_attr(xml_child(b, "target"), "bus", bus_b, sizeof(bus_b));
	return strcmp(bus_a, bus_b) == 0;
}

/* A group is where its first disk in the XML is. So the first hard disk is in the group of the
 * first disk if that group has one, and so on: for each group in order of appearance, the hard
 * disk with the lowest name. */
xmlNode *domain_first_hard_disk(const struct domain *domain)
{
	xmlNode *group = xml_child(domain->devices, "disk"), *before = NULL;

	for (; group; group = xml_next(group, "disk")) {
		xmlNode *best = NULL, *disk = xml_child(domain->devices, "disk");

		/* libvirt prints the disks of a group together: check each group once. */
		if (before && same_bus(before, group)) {
			before = group;
			continue;
		}
		before = group;
		for (; disk; disk = xml_next(disk, "disk"))
			if (same_bus(disk, group) && disk_is_hard_disk(disk) &&
			    (!best || comes_before(disk, best)))
				best = disk;
		if (best)
			return best;
	}
	return NULL;
}

static xmlNode *named_disk(const struct domain *domain, const char *target,
			   struct error *err)
{
	xmlNode *disk = domain_disk(domain, target), *other;
	char name[TARGET_SIZE];

	if (!disk || !disk_is_hard_disk(disk)) {
		fail(err, ENOENT, "there is no hard disk %s (see virsh domblklist)", target);
		return NULL;
	}
	for (other = xml_next(disk, "disk"); other; other = xml_next(other, "disk"))
		if (disk_target(other, name, sizeof(name)) &&
		    strcmp(name, target) == 0) {
			fail(err, EINVAL, "two disks are called %s: give one of them another "
			     "name (virsh edit)", target);
			return NULL;
		}
	return disk;
}

static xmlNode *lowest_order(const struct domain *domain, bool *orders,
			     struct error *err)
{
	xmlNode *best = NULL, *disk = xml_child(domain->devices, "disk");
	char word[DOMAIN_WORD];
	long best_order = 0;
	bool twice = false;

	*orders = false;
	for (; disk; disk = xml_next(disk, "disk")) {
		long order = xml_attr_number(xml_child(disk, "boot"), "order");

		if (order < 0 || !disk_is_hard_disk(disk))
			continue;
		*orders = true;
		twice = best && order == best_order ? true : twice;
		if (best && order >= best_order)
			continue;
		best = disk;
		best_order = order;
		twice = false;
	}
	if (twice) {
		fail(err, EINVAL, "two disks have the boot order %ld; name the system disk: "
		     "busflip enable %s --disk TARGET", best_order,
		     domain_word(domain->name, domain->uuid, word));
		return NULL;
	}
	return best;
}

/* libvirt boots from hd if neither <boot dev=> nor any boot order is given
 * (virDomainDefParseBootOptions() in src/conf/domain_conf.c). */
bool domain_boots_from_hd(const struct domain *domain)
{
	const xmlNode *os = xml_child(domain->root, "os"), *boot;
	const xmlNode *device = domain->devices ? domain->devices->children : NULL;

	for (boot = xml_child(os, "boot"); boot; boot = xml_next(boot, "boot"))
		if (xml_attr_is(boot, "dev", "hd"))
			return true;
	if (xml_child(os, "boot"))
		return false;
	for (; device; device = device->next)
		if (xml_attr_number(xml_child(device, "boot"), "order") >= 0)
			return false;
	return true;
}

/* What a domain that does not boot from a hard disk boots from. */
static const char *boots_from(const struct domain *domain)
{
	const xmlNode *boot = xml_child(xml_child(domain->root, "os"), "boot"), *first = NULL;
	const xmlNode *device = domain->devices ? domain->devices->children : NULL;
	long best = 0;

	for (; device; device = device->next) {
		long order = xml_attr_number(xml_child(device, "boot"), "order");

		if (order >= 0 && (!first || order < best)) {
			first = device;
			best = order;
		}
	}
	if (first && xml_is(first, "hostdev"))
		return "a device of the host (<hostdev>)";
	if (first ? xml_is(first, "interface") : xml_attr_is(boot, "dev", "network"))
		return "the network";
	return first && !xml_is(first, "disk") ? "another device" : "a removable disk";
}

static xmlNode *boots_otherwise(const struct domain *domain, struct error *err)
{
	const xmlNode *disk = domain_first_hard_disk(domain);
	char word[DOMAIN_WORD], target[TARGET_SIZE] = "TARGET", target_word[4 * TARGET_SIZE];

	domain_word(domain->name, domain->uuid, word);
	disk_target(disk, target, sizeof(target));
	if (!disk && domain_boots_from_hd(domain))
		fail(err, ENOENT, "the domain has no hard disk that Windows could be on: attach "
		     "one (virsh edit %s)", word);
	else if (!disk)
		fail(err, ENOENT, "the domain has no hard disk that Windows could be on: it boots "
		     "from %s, which busflip can't convert", boots_from(domain));
	else
		fail(err, ENOENT, "the domain boots from %s and from no hard disk; if Windows is "
		     "on disk %s: busflip enable %s --disk %s", boots_from(domain), target, word,
		     shell_word(target, target_word, sizeof(target_word)));
	return NULL;
}

xmlNode *domain_boot_disk(const struct domain *domain, struct error *err)
{
	xmlNode *disk;
	bool orders;

	disk = lowest_order(domain, &orders, err);
	if (disk || orders)
		return disk;
	if (domain_boots_from_hd(domain))
		disk = domain_first_hard_disk(domain);
	return disk ? disk : boots_otherwise(domain, err);
}

xmlNode *domain_system_disk(const struct domain *domain, struct error *err)
{
	return domain->tag.disk[0] ? named_disk(domain, domain->tag.disk, err) :
				     domain_boot_disk(domain, err);
}

int domain_disk_gone(const struct domain *domain, struct error *err)
{
	char word[DOMAIN_WORD];

	return fail(err, ENOENT, "its system disk %s is no longer in the domain: add it again, or "
		    "remove tag and state with busflip disable --force %s", domain->state.disk,
		    domain_word(domain->name, domain->uuid, word));
}

static bool has_source(const xmlNode *disk, const char *wanted)
{
	char source[sizeof(((struct state *)0)->source)];

	return wanted[0] && disk_source(disk, source, sizeof(source)) &&
	       strcmp(source, wanted) == 0;
}

xmlNode *domain_recorded_disk(const struct domain *domain, struct error *err)
{
	const struct state *state = &domain->state;
	xmlNode *named = domain_disk(domain, state->disk);
	xmlNode *disk = xml_child(domain->devices, "disk");

	if (named && has_source(named, state->source))
		return named;
	while (disk && !(disk_is_hard_disk(disk) && has_source(disk, state->source)))
		disk = xml_next(disk, "disk");
	if (!disk && !named)
		domain_disk_gone(domain, err);
	return disk ? disk : named;
}

int domain_state_damaged(const struct domain *domain, struct error *err)
{
	char word[DOMAIN_WORD];

	return fail(err, EINVAL, "its busflip state element is damaged; busflip disable --force "
		    "%s removes it and leaves the disk as it is",
		    domain_word(domain->name, domain->uuid, word));
}
