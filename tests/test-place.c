// SPDX-License-Identifier: GPL-2.0-or-later
/* test-place.c - the system disk on another bus than its phase says */

#include "tests/steptest.h"

/* As virt-manager does it: another bus and name, and no address. */
static void move_disk(char **xml, const char *name, const char *bus)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct error err;
	char *out = NULL;
	xmlNode *disk;
	size_t len;

	if (domain_parse(*xml, strlen(*xml), &domain, &err) < 0)
		return;
	disk = xml_child(domain.devices, "disk");
	xml_set(xml_child(disk, "target"), "dev", name);
	xml_set(xml_child(disk, "target"), "bus", bus);
	xml_delete(xml_child(disk, "address"));
	if (domain_format(&domain, &out, &len, &err) == 0)
		*xml = (free(*xml), out);
}

/* Takes over @xml. */
static void staged_again(char *xml, const char *name)
{
	is_str(xpath(xml, "concat(count(" BAIT "), ' ', count(//panic))"), "1 0",
	       "%s: with a bait", name);
	ok(strcmp(xpath(xml, BUS), "virtio"), "%s: on SATA", name);
	is_str(step(&xml, HAPPENED_SATA_CLEAN, &config), "trial", "%s: can go on", name);
	is_str(xpath(xml, "concat(" SYSTEM "/target/@bus, count(" BAIT "))"), "virtio0",
	       "%s: to VirtIO", name);
	free(xml);
}

static void disabled(const char *xml, const char *bus, const char *name)
{
	is_str(xpath(xml, BUS), bus, "%s: the disk stays there", name);
	is_str(xpath(xml, "count(" BAIT ") + count(//panic) + count(//s:state)"), "0",
	       "%s: nothing else is left", name);
}

struct moved {
	const char *phase, *name, *bus, *said;
};

/* @xml: the disk was moved. */
static void happens(const struct moved *c, enum happening what, const char *xml)
{
	AUTO_FREE char *after = strdup(xml);
	const char *phase = step(&after, what, &config);
	char name[64];

	snprintf(name, sizeof(name), "%s, moved to %s, %d", c->phase, c->bus, (int)what);
	if (what == HAPPENED_SEEN || what == HAPPENED_ROLLBACK || what == HAPPENED_RETRY) {
		is_str(phase, "staged", "%s: staged again", name);
		staged_again(steal(&after), name);
	} else if (what == HAPPENED_DISABLE) {
		is_str(phase, "none", "%s: disabled", name);
		disabled(after, c->bus, name);
	} else if (strcmp(c->phase, "done") == 0 && what < HAPPENED_PROMOTE) {
		is_str(phase, "done", "%s: done is done", name);
	} else {
		has_str(phase, c->said, "%s: is told", name);
		is_str(after, xml, "%s: nothing is changed", name);
	}
}

static void test_moved(void)
{
	static const struct moved cases[] = {
		{ "staged", "vda", "virtio", "vda is on virtio, where busflip has not put it, but "
		  "the domain is staged; busflip stage win " },
		{ "staged", "sda", "scsi", "is on a SCSI bus other than VirtIO's, " },
		{ "trial", "sda", "sata", "sda is on sata, where busflip has not put it, but the "
		  "domain is on trial; busflip stage win " },
		{ "trial", "hda", "ide", "hda is on ide, " },
		{ "done", "sda", "sata", "but the domain is done; " },
	};
	static const enum happening way[] = {
		HAPPENED_SEEN, HAPPENED_SATA_CLEAN, HAPPENED_VIRTIO_CLEAN,
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *xml = domain_xml(&(struct parts){ 0 });
		size_t n = 0;

		while (strcmp(step(&xml, way[n++], &config), cases[i].phase) != 0)
			;
		move_disk(&xml, cases[i].name, cases[i].bus);
		for (int what = HAPPENED_SEEN; what < HAPPENING_COUNT; what++)
			happens(&cases[i], (enum happening)what, xml);
	}
}

static void test_held_and_moved(void)
{
	AUTO_FREE char *xml = domain_xml(&(struct parts){ 0 }), *kept = NULL;

	step(&xml, HAPPENED_SEEN, &config);
	step(&xml, HAPPENED_HOLD, &config);
	move_disk(&xml, "vda", "virtio");
	kept = strdup(xml);
	is_str(step(&kept, HAPPENED_SEEN, &config), "held", "held and moved: is left alone");
	is_str(step(&xml, HAPPENED_RETRY, &config), "staged", "held and moved: retry");
	is_at(xml, "staged", "0", "sata", "puts it on SATA");
	is_str(xpath(xml, "count(" BAIT ")"), "1", "with one bait");
}

int main(void)
{
	test_moved();
	test_held_and_moved();
	xmlCleanupParser();
	return done_testing();
}
