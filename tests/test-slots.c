// SPDX-License-Identifier: GPL-2.0-or-later
/* test-slots.c - free names, ports, units and controllers */

#include "hook/domain/slots.h"

#include "tests/xmltest.h"

#define D(target, address) "<disk type='file'><target " target "/>" address "</disk>\n"
#define SATA(name, controller, unit) \
	D("dev='" name "' bus='sata'", DRIVE(controller, unit))
#define CONTROLLER(type, index, model) \
	"<controller type='" type "' index='" index "' " model "/>\n"
#define Q35 "pc-q35-7.2"
#define PC "pc-i440fx-7.2"

struct fixture {
	char *xml;
	struct domain domain;
};

static void fixture_free(struct fixture *f)
{
	domain_free(&f->domain);
	free(f->xml);
}
#define AUTO_FIXTURE __attribute__((cleanup(fixture_free))) struct fixture

static struct fixture fixture(const char *machine, const char *devices)
{
	struct fixture f = { .xml = domain_xml(&(struct parts){
		.disk = "", .machine = machine, .devices = devices }) };

	domain_parse(f.xml, strlen(f.xml), &f.domain, NULL);
	return f;
}

/* @want "controller:unit", or "new:index" */
static void port(const char *name, const char *machine, const char *devices, const char *want)
{
	AUTO_FIXTURE f = fixture(machine, devices);
	struct slot slot;
	char seen[64];

	if (slots_sata(&f.domain, &slot))
		snprintf(seen, sizeof(seen), "%ld:%ld", slot.controller, slot.unit);
	else
		snprintf(seen, sizeof(seen), "%s:%ld", slot.unit ? "bad unit" : "new",
			 slot.controller);
	is_str(seen, want, "port: %s", name);
}

#define SIX(controller) \
	SATA("sda", controller, "0") SATA("sdb", controller, "1") \
	SATA("sdc", controller, "2") SATA("sdd", controller, "3") \
	SATA("sde", controller, "4") SATA("sdf", controller, "5")

static void test_ports(void)
{
	port("q35 has one without a word", Q35, "", "0:0");
	port("q35 by its alias", "q35", "", "0:0");
	port("i440fx has none", PC, "", "new:0");
	port("no machine named", "", "", "new:0");
	port("i440fx with a controller", PC, CONTROLLER("sata", "0", ""), "0:0");
	port("the first is taken", Q35, SATA("sda", "0", "0"), "0:1");
	port("one in the middle is free", Q35, SATA("sda", "0", "0") SATA("sdc", "0", "2"),
	     "0:1");
	port("a CD-ROM takes one too", Q35, "<disk device='cdrom'><target dev='sda' bus='sata'/>"
	     DRIVE("0", "0") "</disk>", "0:1");
	port("without an address, the name tells", Q35, D("dev='sdb' bus='sata'", "")
	     SATA("sda", "0", "0"), "0:2");
	port("names of other buses don't", Q35, D("dev='sda' bus='scsi'", DRIVE("0", "0"))
	     D("dev='hda' bus='ide'", DRIVE("0", "0")) D("dev='vda' bus='virtio'", ""), "0:0");
	port("all six are taken", Q35, SIX("0"), "new:1");
	port("on the second one there is room", Q35, SIX("0") CONTROLLER("sata", "1", "")
	     SATA("sdg", "1", "0"), "1:1");
	port("two that are full", Q35, SIX("0") SIX("1") CONTROLLER("sata", "1", ""), "new:2");
	port("a controller that is only implied by a disk", PC, SATA("sdg", "0", "0"), "new:1");
	/* to libvirt that is unit 0 */
	port("a disk on an address without a unit", Q35, D("dev='sda' bus='sata'",
	     "<address type='drive' controller='0'/>"), "0:1");
	/* libvirt fills such gaps itself */
	port("a gap between controllers", PC, CONTROLLER("sata", "0", "") SIX("0")
	     CONTROLLER("sata", "2", ""), "new:1");
}

static void target(const char *name, const char *prefix, const char *devices, const char *want)
{
	AUTO_FIXTURE f = fixture(Q35, devices);
	char buf[TARGET_SIZE];

	slots_target(&f.domain, prefix, buf, sizeof(buf));
	is_str(buf, want, "name: %s", name);
}

static void test_targets(void)
{
	char *disks = calloc(1, 40 * 32);
	size_t used = 0;

	target("the first", "sd", "", "sda");
	target("another prefix", "vd", D("dev='sda' bus='sata'", ""), "vda");
	target("whatever bus has it", "sd", D("dev='sda' bus='usb'", "") D("dev='sdb'", ""),
	       "sdc");
	target("a gap", "sd", D("dev='sda'", "") D("dev='sdc'", ""), "sdb");
	for (int i = 0; disks && i < 27; i++)
		used += (size_t)sprintf(disks + used, "<disk><target dev='sd%s%c'/></disk>",
					i < 26 ? "" : "a", 'a' + i % 26);
	if (disks)
		target("27 are taken", "sd", disks, "sdab");
	free(disks);
}

static void test_units(void)
{
	AUTO_FIXTURE f = fixture(Q35,
		D("dev='sda' bus='scsi'", DRIVE("0", "0"))
		D("dev='sdb' bus='scsi'", DRIVE("0", "1"))
		D("dev='sdc' bus='scsi'", DRIVE("1", "2"))
		D("dev='sdd' bus='sata'", DRIVE("0", "2"))
		D("dev='sdh' bus='scsi'", ""));
	const xmlNode *disk = xml_child(f.domain.devices, "disk");
	struct slot slot;

	is_int(slots_scsi_unit(&f.domain, 0), 2, "the first free unit");
	is_int(slots_scsi_unit(&f.domain, 1), 1, "one that the name of a disk has not taken");
	is_int(slots_scsi_unit(&f.domain, 7), 0, "of an empty controller");
	ok(slots_disk_place(disk, &slot) && slot.controller == 0 && slot.unit == 0,
	   "a disk's place");
	disk = xml_next(xml_next(xml_next(xml_next(disk, "disk"), "disk"), "disk"), "disk");
	ok(slots_disk_place(disk, &slot) && slot.controller == 1 && slot.unit == 0,
	   "without an address: sdh is the eighth, on the second controller");
}

static void test_controllers(void)
{
	AUTO_FIXTURE f = fixture(Q35, CONTROLLER("scsi", "0", "model='lsilogic'")
		CONTROLLER("scsi", "1", "model='virtio-scsi'")
		CONTROLLER("scsi", "3", "model='virtio-scsi'")
		D("dev='sda' bus='scsi'", DRIVE("2", "0")));
	AUTO_FREE char *added = NULL, *dropped = NULL;
	struct error err;
	xmlNode *node;
	size_t len;

	ok(controller_find(&f.domain, "scsi", 1) && !controller_find(&f.domain, "scsi", 2) &&
	   !controller_find(&f.domain, "sata", 0) && !controller_find(&f.domain, "scsi", -1),
	   "find");
	is_int(controller_virtio_scsi(&f.domain), 1, "the first VirtIO one");
	is_int(controller_free_index(&f.domain, "scsi", 0), 4,
	       "a free index: 2 is implied by a disk");
	is_int(controller_free_index(&f.domain, "sata", 0), 0, "of another type");
	node = controller_add(&f.domain, "scsi", 4, "virtio-scsi");
	ok(node && node == controller_find(&f.domain, "scsi", 4), "added");
	domain_format(&f.domain, &added, &len, &err);
	is_str(xpath(added, "//controller[@index='4']/preceding-sibling::*[1]/@index"), "3",
	       "behind the others");
	controller_drop_unused(&f.domain, "scsi", 4);
	controller_drop_unused(&f.domain, "scsi", 4);
	controller_drop_unused(&f.domain, "scsi", -1);
	controller_drop_unused(&f.domain, "scsi", 2);
	domain_format(&f.domain, &dropped, &len, &err);
	same_xml(dropped, f.xml, "dropped without a trace");
}

static void test_in_use(void)
{
	static const char *const users[] = {
		D("dev='sdb' bus='scsi'", DRIVE("0", "3")),
		D("dev='sdb' bus='scsi'", ""),
		"<hostdev mode='subsystem' type='scsi'>" DRIVE("0", "1") "</hostdev>\n",
	};
	static const struct {
		const char *model;
		bool want;
	} models[] = {
		{ "virtio-scsi", true }, { "virtio-transitional", true },
		{ "virtio-non-transitional", true }, { "lsilogic", false },
		{ "vmpvscsi", false }, { "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		AUTO_FREE char *devices = NULL;

		if (asprintf(&devices, CONTROLLER("scsi", "0", "") "%s", users[i]) < 0)
			return;
		AUTO_FIXTURE f = fixture(Q35, devices);

		controller_drop_unused(&f.domain, "scsi", 0);
		ok(controller_find(&f.domain, "scsi", 0), "not dropped from under %s", users[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		AUTO_FREE char *devices = NULL;

		if (asprintf(&devices, "<controller type='scsi' index='0' model='%s'/>",
			     models[i].model) < 0)
			return;
		AUTO_FIXTURE f = fixture(Q35, devices);

		is_int(controller_is_virtio_scsi(controller_find(&f.domain, "scsi", 0)),
		       models[i].want, "model \"%s\"", models[i].model);
	}
	ok(!controller_is_virtio_scsi(NULL), "no controller is none");
}

static void test_address(void)
{
	AUTO_FIXTURE f = fixture(Q35, D("dev='vda' bus='virtio'", ""));
	struct slot slot = { .controller = 3, .unit = 12 };
	xmlNode *disk = xml_child(f.domain.devices, "disk");
	AUTO_FREE char *xml = NULL;
	struct error err;
	size_t len;

	slots_drive_address(disk, &slot);
	domain_format(&f.domain, &xml, &len, &err);
	is_str(xpath(xml, "concat(//address/@type, ' ', //address/@controller, ' ',"
		     "//address/@bus, ' ', //address/@target, ' ', //address/@unit)"),
	       "drive 3 0 0 12", "a drive address");
}

static void taken(const char *mine, const char *theirs, bool want)
{
	AUTO_FREE char *devices = NULL;

	if (asprintf(&devices, "<disk><target dev='vda'/>%s</disk><video>%s</video>",
		     mine, theirs) < 0)
		return;
	AUTO_FIXTURE f = fixture(Q35, devices);
	const xmlNode *disk = xml_child(f.domain.devices, "disk");

	is_int(pci_address_taken(&f.domain, xml_child(disk, "address"), disk), want,
	       "%s: %s and %s", want ? "the same place" : "two places", mine, theirs);
}

static void test_pci(void)
{
	taken(PCI("0x07"), PCI("0x07"), true);
	taken(PCI("0x07"), PCI("0x08"), false);
	taken(PCI("0x07"), "<address type='pci' bus='0' slot='7'/>", true);
	taken(PCI("0x07"), "<address type='pci' domain='0' bus='0x0' slot='0x7' function='0'/>",
	      true);
	taken(PCI("0x07"), "<address type='pci' slot='0x7'/>", true);
	taken(PCI("0x07"), "<address type='pci' bus='1' slot='7'/>", false);
	taken(PCI("0x07"), "<address type='pci' bus='0' slot='7' function='1'/>", false);
	taken(PCI("0x07"), "<address type='pci'/>", false);
	taken(PCI("0x07"), "<address type='drive' bus='0' slot='7'/>", false);
	taken("<address type='pci'/>", "<address type='pci'/>", false);
	taken("<address type='ccw' cssid='0xfe'/>", "<address type='ccw' cssid='0xfe'/>", false);
}

int main(void)
{
	test_ports();
	test_targets();
	test_units();
	test_controllers();
	test_in_use();
	test_address();
	test_pci();
	xmlCleanupParser();
	return done_testing();
}
