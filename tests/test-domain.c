// SPDX-License-Identifier: GPL-2.0-or-later
/* test-domain.c - reading and writing the state; finding the disk that boots */

#include "tests/domaintest.h"

/* ---- the document -------------------------------------------------------- */

static void test_document(void)
{
	static const struct {
		const char *xml, *word;
	} bad[] = {
		{ "<domain", "malformed" },
		{ "<network><name>x</name></network>", "not a <domain>" },
		{ "<domain xmlns='urn:x'><name>x</name></domain>", "not a <domain>" },
		{ "<domain/>", "<name>" },
		{ "<domain><x:name xmlns:x='urn:x'>x</x:name></domain>", "<name>" },
	};
	AUTO_FREE char *xml = domain_xml(&(struct parts){ 0 });
	char longest[600];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_DOMAIN struct domain domain;
		struct error err = { 0 };

		is_int(domain_parse(bad[i].xml, strlen(bad[i].xml), &domain, &err), -1,
		       "no domain: %s", bad[i].xml);
		has_str(err.msg, bad[i].word, "and it says why");
	}
	{
		AUTO_DOMAIN struct domain domain;

		if (parse(xml, &domain) < 0)
			return;
		is_str(domain.name, "win", "name");
		is_str(domain.uuid, "12345678-9abc-def0-1234-56789abcdef0", "UUID");
		is_str(domain.machine, domain.uuid, "the guest sees the same");
		ok(domain.devices && domain.metadata && domain.tag_node &&
		   !domain.state_node && !domain.declaration, "elements");
		ok(domain.tag.present && domain.tag.valid && domain.tag.bus == BUS_NONE &&
		   !domain.tag.disk[0], "a plain tag");
		ok(domain.state.valid && domain.state.phase == PHASE_NONE &&
		   domain.state.sata_added == -1 && domain.state.scsi_added == -1 &&
		   domain.state.scsi == -1, "no state is a valid one");
	}
	{
		AUTO_DOMAIN struct domain domain;
		AUTO_FREE char *out = NULL;
		struct error err;
		size_t len;
		const char *text = "<?xml version='1.0'?>\n<domain><name> w </name></domain>";

		ok(parse(text, &domain) == 0 && domain.declaration, "a declaration is seen");
		is_str(domain.name, "w", "space around a name is none of it");
		is_str(domain.uuid, "", "no UUID");
		ok(!domain.tag.present && !domain.devices, "nor a tag, nor devices");
		ok(domain_format(&domain, &out, &len, &err) == 0 &&
		   strncmp(out, "<?xml ", 6) == 0, "the declaration is written again");
	}
	for (int n = 255; n <= 256; n++) {
		AUTO_DOMAIN struct domain domain;

		snprintf(longest, sizeof(longest), "<domain><name>%0*d</name></domain>", n, 7);
		is_int(domain_parse(longest, strlen(longest), &domain, NULL),
		       n == 255 ? 0 : -1, "a name of %d bytes", n);
	}
}

/* ---- the state ----------------------------------------------------------- */

static void test_bad_state(void)
{
	static const struct {
		const char *state;
		enum phase phase;
		bool valid;
	} cases[] = {
		{ "<busflip:state " SNS "phase='staged' attempts='0'/>", PHASE_STAGED, true },
		{ "<busflip:state " SNS "phase='held' attempts='2147483647'/>", PHASE_HELD, true },
		{ "<busflip:state " SNS "/>", PHASE_NONE, false },
		{ "<busflip:state " SNS "phase='none' attempts='0'/>", PHASE_NONE, false },
		{ "<busflip:state " SNS "phase='gone' attempts='0'/>", PHASE_NONE, false },
		{ "<busflip:state " SNS "phase='staged'/>", PHASE_NONE, false },
		{ "<busflip:state " SNS "phase='staged' attempts='-1'/>", PHASE_NONE, false },
		{ "<busflip:state " SNS "phase='staged' attempts='x'/>", PHASE_NONE, false },
		{ "<busflip:state " SNS "phase='staged' attempts='2147483648'/>", PHASE_NONE,
		  false },
		{ "<busflip:state " SNS "phase='staged staged staged staged staged staged' "
		  "attempts='0'/>", PHASE_NONE, false },
		{ "<busflip:state " SNS "phase='staged' attempts='0'/>"
		  "<busflip:state " SNS "phase='done' attempts='0'/>", PHASE_NONE, false },
		{ "<busflip:state xmlns:busflip='urn:busflip:state:2' phase='done' attempts='0'/>",
		  PHASE_NONE, true },
		{ "<busflip:state " SNS "phase='trial' attempts='1'><busflip:disk target='vda'/>"
		  "<busflip:disk/><busflip:added type='sata' index='-4'/><busflip:added/>"
		  "<busflip:saved>text<a/></busflip:saved></busflip:state>", PHASE_TRIAL, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *xml = domain_xml(&(struct parts){ .metadata = cases[i].state });
		AUTO_DOMAIN struct domain domain;

		if (!ok(parse(xml, &domain) == 0 && domain.state.phase == cases[i].phase &&
			domain.state.valid == cases[i].valid, "state: %s", cases[i].state))
			diag("phase %s, %s", phase_name(domain.state.phase),
			     domain.state.valid ? "valid" : "not valid");
	}
}

static bool same_state(const struct state *a, const struct state *b)
{
	return a->phase == b->phase && a->valid == b->valid && a->attempts == b->attempts &&
	       a->override == b->override && !strcmp(a->since, b->since) &&
	       !strcmp(a->reason, b->reason) && !strcmp(a->at, b->at) &&
	       a->bus == b->bus && a->origin == b->origin &&
	       !strcmp(a->disk, b->disk) && !strcmp(a->source, b->source) &&
	       a->staged_form == b->staged_form && a->sata_added == b->sata_added &&
	       a->scsi_added == b->scsi_added && a->pci_added == b->pci_added &&
	       a->scsi == b->scsi && !strcmp(a->panic, b->panic) && !a->saved == !b->saved;
}

/* Every field at a value that it does not have by itself. */
static const struct state full_state = {
	.phase = PHASE_TRIAL, .valid = true, .attempts = 3, .override = true,
	.since = "2026-11-22T23:59:59Z", .reason = "a \"reason\" <of> gr\xc3\xb6\xc3\x9f" "e\n&",
	.at = "2026-11-23T23:59:59Z",
	.bus = BUS_SCSI, .origin = BUS_IDE, .disk = "sdb", .source = "/vm/win.img",
	.staged_form = true, .sata_added = 2, .scsi_added = 3, .pci_added = 5, .scsi = 4,
	.panic = "isa",
};

static void test_state_round_trip(void)
{
	AUTO_FREE char *xml = domain_xml(&(struct parts){ 0 });
	AUTO_FREE char *out = NULL, *again = NULL;
	AUTO_DOMAIN struct domain domain, copy;
	struct error err;
	size_t len;

	if (parse(xml, &domain) < 0)
		return;
	domain.state = full_state;
	domain_put_state(&domain);
	domain_format(&domain, &out, &len, &err);
	same_xml(out, xml, "a state changes nothing but itself");
	ok(parse(out, &copy) == 0 && same_state(&copy.state, &full_state),
	   "every field comes back");
	is_str(xpath(out, "count(//s:state)"), "1", "one state");
	copy.state.phase = PHASE_DONE;
	copy.state.override = false;
	copy.state.scsi = copy.state.sata_added = copy.state.scsi_added = -1;
	copy.state.pci_added = -1;
	copy.state.disk[0] = copy.state.panic[0] = '\0';
	domain_put_state(&copy);
	domain_format(&copy, &again, &len, &err);
	is_str(xpath(again, "concat(count(//s:state), count(//s:state/*), count(//@override))"),
	       "100", "put again it is still one, and has no more than it needs");
	domain_drop_state(&copy);
	ok(!copy.state_node && copy.state.valid && copy.state.phase == PHASE_NONE &&
	   copy.state.sata_added == -1, "dropped");
	domain_drop_state(&copy);
	free(steal(&again));
	domain_format(&copy, &again, &len, &err);
	is_str(again, out ? again : NULL, "dropped twice");
	same_xml(again, xml, "and nothing is left");
}

/* ---- disks ------------------------------------------------------------------ */

#define D(device, target, more) "<disk " device "><target " target "/>" more "</disk>"
#define HD(target) D("device='disk'", target, "")
#define CD(target) D("device='cdrom'", target, "<readonly/>")
#define ORDER(n) "<boot order='" n "'/>"

static void test_looks(void)
{
	static const struct {
		const char *disk;
		enum bus bus;
		bool hard;
	} cases[] = {
		{ HD("dev='vda' bus='virtio'"), BUS_VIRTIO, true },
		{ HD("dev='sda' bus='scsi'"), BUS_SCSI, true },
		{ HD("dev='sda' bus='sata'"), BUS_SATA, true },
		{ HD("dev='hda' bus='ide'"), BUS_IDE, true },
		{ HD("dev='sda' bus='usb'"), BUS_OTHER, true },
		{ D("", "dev='vda'", ""), BUS_VIRTIO, true },
		{ D("", "dev='sda'", ""), BUS_SCSI, true },
		{ D("device='lun'", "dev='hda'", ""), BUS_IDE, true },
		{ D("", "dev='xvda'", ""), BUS_OTHER, true },
		{ D("", "", ""), BUS_OTHER, true },
		{ CD("dev='sda' bus='sata'"), BUS_SATA, false },
		{ D("device='floppy'", "dev='fda' bus='fdc'", ""), BUS_OTHER, false },
		{ "<disk/>", BUS_OTHER, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_XML_DOC xmlDoc *doc = xml_parse(cases[i].disk, strlen(cases[i].disk), NULL);
		xmlNode *disk = doc ? xmlDocGetRootElement(doc) : NULL;

		ok(disk && disk_bus(disk) == cases[i].bus &&
		   disk_is_hard_disk(disk) == cases[i].hard && !disk_is_bait(disk),
		   "%s: %s", bus_name(cases[i].bus), cases[i].disk);
	}
	ok(bus_parse("virtio") == BUS_VIRTIO && bus_parse("") == BUS_OTHER &&
	   bus_parse("fdc") == BUS_OTHER && bus_parse("?") == BUS_OTHER, "bus_parse()");
}

static void test_bait(void)
{
#define B(target, rest) "<disk device='disk'><target " target "/>" rest "</disk>"
	static const struct {
		const char *disk;
		bool want;
	} cases[] = {
		{ B("dev='vda' bus='virtio'", "<source startupPolicy='optional'/><readonly/>"
		    "<serial>busflip-bait</serial>"), true },
		{ B("dev='vda' bus='virtio'", "<source startupPolicy='optional'/><readonly/>"
		    "<serial>\n busflip-bait </serial>"),
		  true },
		/* a disk of the user's, whatever its serial */
		{ B("dev='vda' bus='virtio'", "<readonly/><serial>busflip-bait</serial>"), false },
		{ B("dev='vda' bus='virtio'", "<serial>busflip-bait</serial>"), false },
		{ B("dev='sda' bus='sata'", "<readonly/><serial>busflip-bait</serial>"), false },
		{ B("dev='vda' bus='virtio'", "<readonly/><serial>busflip-bait2</serial>"),
		  false },
		{ B("dev='vda' bus='virtio'", "<readonly/>"), false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *xml = domain_xml(&(struct parts){ .devices = cases[i].disk });
		AUTO_DOMAIN struct domain domain;

		ok(parse(xml, &domain) == 0 && !domain_bait(&domain) == !cases[i].want,
		   "%s: %s", cases[i].want ? "the bait" : "no bait", cases[i].disk);
	}
}

/* A domain of these disks only. @want: the system disk's target, or a word of
 * the refusal that begins with "!". */
static void chooses(const char *name, const char *tag, const char *os, const char *disks,
		    const char *want)
{
	AUTO_FREE char *xml = domain_xml(&(struct parts){ .tag = tag, .os = os,
							  .disk = disks });
	AUTO_DOMAIN struct domain domain;
	struct error err = { 0 };
	char target[TARGET_SIZE] = "";
	const xmlNode *disk;

	if (parse(xml, &domain) < 0)
		return;
	disk = domain_system_disk(&domain, &err);
	if (*want == '!') {
		ok(!disk && err.code && strstr(err.msg, want + 1), "%s", name);
		if (disk || !strstr(err.msg, want + 1))
			diag("%s", disk ? "one was found" : err.msg);
		return;
	}
	if (disk)
		disk_target(disk, target, sizeof(target));
	is_str(target, want, "%s", name);
}

#define VDA "dev='vda' bus='virtio'"
#define VDB "dev='vdb' bus='virtio'"
#define SDA "dev='sda' bus='sata'"
#define SDB "dev='sdb' bus='sata'"

#define NVME "<hostdev mode='subsystem' type='pci' managed='yes'>" ORDER("1") "</hostdev>"

static void test_system_disk(void)
{
	chooses("the only disk", NULL, NULL, HD(VDA), "vda");
	chooses("none at all", NULL, NULL, "", "!no hard disk");
	chooses("only a CD-ROM", NULL, NULL, CD(SDA),
		"!no hard disk that Windows could be on: attach one (virsh edit win)");
	chooses("the first of two", NULL, NULL, HD(VDA) HD(VDB), "vda");
	chooses("the lowest name of a bus, whatever the order", NULL, NULL, HD(VDB) HD(VDA),
		"vda");
	chooses("the bus that comes first", NULL, NULL, HD(SDB) HD(VDA) HD(SDA), "sda");
	chooses("the bus that comes first, though with a CD-ROM", NULL, NULL,
		CD(SDA) HD(VDA) HD(SDB), "sdb");
	chooses("a CD-ROM is none", NULL, NULL, CD(SDA) HD(VDA), "vda");
	chooses("vdz before vdaa", NULL, NULL,
		HD("dev='vdaa' bus='virtio'") HD("dev='vdz' bus='virtio'"), "vdz");
	chooses("a lun counts", NULL, NULL, D("device='lun'", SDB, ""), "sdb");
	chooses("boots from hd among others", NULL,
		"<boot dev='cdrom'/><boot dev='network'/><boot dev='hd'/>", HD(VDA), "vda");
	chooses("boots from the network only", NULL, "<boot dev='network'/>", HD(VDA),
		"!boots from the network and from no hard disk; if Windows is on disk vda: "
		"busflip enable win --disk vda");
	chooses("no boot device at all means hd", NULL, "", HD(VDA), "vda");

	chooses("lowest boot order", NULL, "", D("", VDA, ORDER("2")) D("", VDB, ORDER("1")),
		"vdb");
	chooses("boot orders are numbers", NULL, "",
		D("", VDA, ORDER("10")) D("", VDB, ORDER("9")), "vdb");
	chooses("a CD-ROM with a lower one", NULL, "",
		D("device='cdrom'", SDA, ORDER("1")) D("", VDB, ORDER("2")) HD(VDA), "vdb");
	chooses("the same order twice", NULL, "",
		D("", VDA, ORDER("1")) D("", VDB, ORDER("1")),
		"!two disks have the boot order 1; name the system disk: busflip enable win "
		"--disk TARGET");
	chooses("twice, but not the lowest", NULL, "", D("", VDA, ORDER("2"))
		D("", VDB, ORDER("2")) D("", SDA, ORDER("1")), "sda");
	chooses("twice, and the lowest in front", NULL, "", D("", SDA, ORDER("1"))
		D("", VDA, ORDER("2")) D("", VDB, ORDER("2")), "sda");
	chooses("only a network card has a boot order", NULL, "",
		HD(VDA) "<interface type='user'>" ORDER("1") "</interface>",
		"!boots from the network and from no hard disk; if Windows is on disk vda: ");
	chooses("only a host device has one, and is the only disk", NULL, "", CD(SDA) NVME,
		"!no hard disk that Windows could be on: it boots from a device of the host "
		"(<hostdev>), which busflip can't convert");
	chooses("a data disk beside it", NULL, "", HD(VDA) NVME, "!and from no hard disk; if ");
	chooses("no disk, from the network", NULL, "<boot dev='network'/>", "",
		"!no hard disk that Windows could be on: it boots from the network, which ");
	chooses("no disk, from a CD-ROM", NULL, "<boot dev='cdrom'/>", CD(SDA),
		"!no hard disk that Windows could be on: it boots from a removable disk, which ");
	chooses("a CD-ROM by its order", NULL, "", D("device='cdrom'", SDA, ORDER("1")) HD(VDA),
		"!boots from a removable disk and from no hard disk; if Windows is on disk vda: ");
	chooses("a boot order that is no number is none", NULL, "",
		D("", VDA, ORDER("x")) HD(VDB), "vda");

	chooses("named by the tag", "<busflip:domain " NS "disk='vdb'/>", NULL,
		D("", VDA, ORDER("1")) HD(VDB), "vdb");
	chooses("named though it does not boot", "<busflip:domain " NS "disk='vda'/>",
		"<boot dev='network'/>", HD(VDA), "vda");
	chooses("a name that is not there", "<busflip:domain " NS "disk='vdc'/>", NULL,
		HD(VDA), "!no hard disk vdc");
	chooses("a name of a CD-ROM", "<busflip:domain " NS "disk='sda'/>", NULL,
		CD(SDA) HD(VDA), "!no hard disk sda");
	chooses("a name that two disks have", "<busflip:domain " NS "disk='vda'/>", NULL,
		HD(VDA) HD(VDA), "!two disks are called vda");
	chooses("part of a name is none", "<busflip:domain " NS "disk='vd'/>", NULL,
		HD(VDA), "!no hard disk vd");
	chooses("unknown buses are groups of their own", NULL, NULL,
		HD("dev='sdb' bus='usb'") HD("dev='xvda' bus='xen'") HD("dev='sda' bus='usb'"),
		"sda");
}

int main(void)
{
	test_document();
	test_bad_state();
	test_state_round_trip();
	test_looks();
	test_bait();
	test_system_disk();
	xmlCleanupParser();
	return done_testing();
}
