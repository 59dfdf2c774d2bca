// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-rewrite.c - stage, promote, roll back and restore of realistic domains: what is
 * changed, and that all of it is restored
 *
 * Edits by users in between are in test-rewrite-edit.c, refusals in test-rewrite-check.c,
 * forged states in test-rewrite-forged.c.
 */

#include "tests/xmltest.h"

#define Q35 "pc-q35-7.2"
#define PC "pc-i440fx-7.2"
#define SCSI_CONTROLLER(model) \
	"    <controller type='scsi' index='0' model='" model "'>\n      " \
	PCI("0x05") "\n    </controller>\n"
#define OTHER_SATA(name, unit) \
	"    <disk type='file' device='disk'><source file='/vm/" name ".img'/>" \
	"<target dev='" name "' bus='sata'/>" DRIVE("0", unit) "</disk>\n"
#define OTHER_VIRTIO(name, slot) \
	"    <disk type='file' device='disk'><source file='/vm/" name ".img'/>" \
	"<target dev='" name "' bus='virtio'/>" PCI(slot) "</disk>\n"

static const struct {
	const char *name;
	struct parts parts;
} cases[] = {
	/* ---- where it comes from, where it goes, on which machine ---- */
	{ "virtio on q35", { .machine = Q35 } },
	{ "virtio on pc", { .machine = PC } },
	{ "virtio, bus asked for", { .tag = TAG_VIRTIO } },
	{ "virtio to scsi", { .tag = TAG_SCSI } },
	{ "virtio to scsi on pc", { .tag = TAG_SCSI, .machine = PC } },
	{ "virtio to scsi beside a VirtIO SCSI controller",
	  { .tag = TAG_SCSI, .devices = SCSI_CONTROLLER("virtio-scsi") } },
	{ "virtio to scsi beside an LSI controller",
	  { .tag = TAG_SCSI, .devices = SCSI_CONTROLLER("lsilogic") } },
	{ "virtio-scsi stays so", { .disk = DISK("dev='sda' bus='scsi'", DRIVE("0", "0")),
	  .devices = SCSI_CONTROLLER("virtio-scsi") } },
	{ "virtio-scsi on pc", { .disk = DISK("dev='sda' bus='scsi'", DRIVE("0", "0")),
	  .devices = SCSI_CONTROLLER("virtio-scsi"), .machine = PC } },
	{ "virtio-scsi, asked for", { .disk = DISK("dev='sdb' bus='scsi'", DRIVE("0", "3")),
	  .devices = SCSI_CONTROLLER("virtio-scsi"), .tag = TAG_SCSI } },
	{ "virtio-scsi without an address", { .disk = DISK("dev='sda' bus='scsi'", ""),
	  .devices = SCSI_CONTROLLER("virtio-scsi"), .tag = TAG_SCSI } },
	{ "virtio-scsi to virtio", { .disk = DISK("dev='sda' bus='scsi'", DRIVE("0", "0")),
	  .devices = SCSI_CONTROLLER("virtio-scsi"), .tag = TAG_VIRTIO } },
	{ "LSI to virtio", { .disk = DISK("dev='sda' bus='scsi'", DRIVE("0", "0")),
	  .devices = SCSI_CONTROLLER("lsilogic") } },
	{ "LSI to virtio on pc", { .disk = DISK("dev='sda' bus='scsi'", DRIVE("0", "0")),
	  .devices = SCSI_CONTROLLER("lsilogic"), .machine = PC } },
	{ "LSI to scsi", { .disk = DISK("dev='sda' bus='scsi'", DRIVE("0", "0")),
	  .devices = SCSI_CONTROLLER("lsilogic"), .tag = TAG_SCSI } },
	{ "PVSCSI by its name", { .disk = DISK("dev='sda' rotation_rate='1'", ""),
	  .devices = SCSI_CONTROLLER("vmpvscsi"), .tag = TAG_SCSI } },
	{ "PVSCSI without an address", { .disk = DISK("dev='sda' bus='scsi'", ""),
	  .devices = SCSI_CONTROLLER("vmpvscsi") } },
	{ "sata to virtio", { .disk = SATA_DISK } },
	{ "sata to virtio on pc", { .disk = SATA_DISK, .machine = PC,
	  .devices = "    <controller type='sata' index='0'/>\n" } },
	{ "sata to scsi", { .disk = SATA_DISK, .tag = TAG_SCSI } },
	{ "sata without an address", { .disk = DISK("dev='sda' bus='sata'", "") } },
	{ "ide to virtio", { .disk = DISK("dev='hda' bus='ide'", DRIVE("0", "0")),
	  .machine = PC } },
	{ "ide to scsi", { .disk = DISK("dev='hda' bus='ide'", DRIVE("0", "0")),
	  .machine = PC, .tag = TAG_SCSI } },

	/* ---- what only VirtIO has ---- */
	{ "model", { .disk = "<disk type='file' device='disk' model='virtio-transitional'>"
	  "<source file='/vm/win.img'/><target dev='vda' bus='virtio'/>" PCI("0x07")
	  "</disk>" } },
	{ "every attribute of the driver", { .disk = "<disk><driver name='qemu' type='raw' "
	  "cache='none' io='native' queues='4' queue_size='1024' event_idx='off' "
	  "ioeventfd='on' packed='on' page_per_vq='on' iommu='on' ats='on' iothread='1' "
	  "discard='unmap'/><source file='/vm/win.img'/><target dev='vda' bus='virtio'/>"
	  PCI("0x07") "</disk>" } },
	{ "iothreads", { .disk = "<disk>\n <driver name='qemu'>\n  <iothreads>\n   "
	  "<iothread id='2'/>\n   <!-- x -->\n   <iothread id='3'><queue id='0'/></iothread>\n"
	  "  </iothreads>\n </driver>\n <source file='/vm/win.img'/>\n"
	  " <target dev='vda' bus='virtio'/>\n</disk>" } },
	{ "alias", { .disk = DISK("dev='vda' bus='virtio'", "<alias name='ua-sys'/>" PCI("7")) } },
	{ "ACPI index", { .disk = DISK("dev='vda' bus='virtio'",
	  "<acpi index='7'/>\n      " PCI("0x07")) } },
	{ "no address", { .disk = DISK("dev='vda' bus='virtio'", "") } },
	{ "address with multifunction", { .disk = DISK("dev='vda' bus='virtio'",
	  "<address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0' "
	  "multifunction='on'/>") } },
	{ "address in decimal", { .disk = DISK("dev='vda' bus='virtio'",
	  "<address type='pci' bus='3' slot='7'/>") } },
	{ "address that is not the last element", { .disk = DISK("dev='vda' bus='virtio'",
	  PCI("0x07") "\n      <boot order='1'/>\n      <serial>x</serial>"), .os = "" } },
	{ "target before everything", { .disk = "<disk><target bus='virtio' dev='vda'/>"
	  "<address type='pci' slot='7' bus='0'/><alias name='ua-x'/><source file='/vm/win.img'/>"
	  "</disk>" } },
	{ "no bus in the XML", { .disk = DISK("dev='vda'", PCI("0x07")) } },

	/* ---- what other buses have ---- */
	{ "wwn, vendor, product, rotation rate", { .disk = DISK("dev='sda' bus='scsi' "
	  "rotation_rate='7200'", "<serial>s</serial>\n      <wwn>5000c50015ea71ac</wwn>\n"
	  "      <vendor>ACME</vendor>\n      <product>DISK</product>\n      " DRIVE("0", "0")),
	  .devices = SCSI_CONTROLLER("virtio-scsi") } },
	{ "rotation rate of SATA", { .disk = DISK("dev='sda' bus='sata' rotation_rate='1'",
	  DRIVE("0", "0")) } },
	{ "geometry of IDE", { .disk = DISK("dev='hda' bus='ide'",
	  "<geometry cyls='16383' heads='16' secs='63' trans='lba'/>\n      "
	  "<wwn>5000c50015ea71aa</wwn>\n      " DRIVE("0", "0")), .machine = PC } },

	/* ---- sources ---- */
	{ "network source", { .disk = "<disk type='network'>\n<driver name='qemu' type='raw'/>\n"
	  "<auth username='u'>\n<secret type='ceph' usage='x'/>\n</auth>\n"
	  "<source protocol='rbd' name='pool/win'>\n<host name='mon' port='6789'/>\n</source>\n"
	  "<target dev='vda' bus='virtio'/>\n" PCI("0x07") "\n</disk>" } },
	{ "volume source", { .disk = "<disk type='volume' device='disk'><source pool='p' "
	  "volume='v'/><target dev='vda' bus='virtio'/></disk>" } },
	{ "block source", { .disk = "<disk type='block' device='disk'><source dev='/dev/x' "
	  "index='1'/><backingStore type='file'><format type='qcow2'/><source file='/b'/>"
	  "<backingStore/></backingStore><target dev='vda' bus='virtio'/></disk>" } },
	{ "NVMe source with an address of its own", { .disk = "<disk type='nvme'><source "
	  "type='pci' managed='yes' namespace='1'>" PCI("0x1f") "</source>"
	  "<target dev='vda' bus='virtio'/>" PCI("0x07") "</disk>" } },
	{ "no source at all", { .disk = "<disk><target dev='vda' bus='virtio'/></disk>" } },
	{ "throttled, encrypted, mirrored", { .disk = DISK("dev='vda' bus='virtio'",
	  "<iotune>\n<total_iops_sec>9</total_iops_sec>\n</iotune>\n<encryption format='luks'>"
	  "<secret type='passphrase' uuid='u'/></encryption>\n<blockio physical_block_size="
	  "'4096' logical_block_size='512'/>\n<shareable/>\n" PCI("0x07")) } },

	/* ---- what else sits in the domain ---- */
	{ "a CD-ROM on SATA in front", { .disk = "<disk type='file' device='cdrom'><target "
	  "dev='sda' bus='sata'/><readonly/>" DRIVE("0", "0") "</disk>\n    " VIRTIO_DISK } },
	{ "data disks on VirtIO", { .devices = OTHER_VIRTIO("vdb", "0x08")
	  OTHER_VIRTIO("vdc", "0x09") } },
	{ "data disks on SATA, and a boot order", { .os = "",
	  .disk = DISK("dev='vda' bus='virtio'", "<boot order='1'/>" PCI("0x07")),
	  .devices = OTHER_SATA("sda", "0") OTHER_SATA("sdc", "2") } },
	{ "SATA full", { .os = "",
	  .disk = DISK("dev='vda' bus='virtio'", "<boot order='1'/>" PCI("0x07")),
	  .devices = OTHER_SATA("sda", "0") OTHER_SATA("sdb", "1") OTHER_SATA("sdc", "2")
	  OTHER_SATA("sdd", "3") OTHER_SATA("sde", "4") OTHER_SATA("sdf", "5") } },
	{ "the first names taken", { .os = "",
	  .disk = DISK("dev='vda' bus='virtio'", "<boot order='1'/>" PCI("0x07")),
	  .devices = "<disk device='disk'><target dev='sda' bus='usb'/></disk>"
	  "<disk device='disk'><target dev='sdb' bus='scsi'/></disk>" } },
	{ "not the first disk", { .tag = "<busflip:domain xmlns:busflip='urn:busflip:domain:1' "
	  "disk='vdb'/>", .os = "", .disk = OTHER_VIRTIO("vda", "0x08")
	  "<disk><source file='/vm/win.img'/><target dev='vdb' bus='virtio'/>" PCI("0x07")
	  "<boot order='1'/></disk>" } },
	{ "a name that is not vd", { .disk = DISK("dev='xvda' bus='virtio'", PCI("0x07")) } },

	/* ---- how it is written ---- */
	{ "one line", { .disk = "<disk><target dev='vda' bus='virtio'/></disk>" } },
	{ "comments everywhere", { .disk = "<!-- 0 --><disk><!-- 1 --><driver><!-- 2 --></driver>"
	  "<!-- 3 --> <target dev='vda' bus='virtio'/> <!-- 4 --> " PCI("0x07")
	  " <!-- 5 --></disk><!-- 6 -->", .devices = "<!-- 7 -->\n",
	  .metadata = "    <!-- 8 -->\n    <x:y xmlns:x='urn:x'/>\n", .root = "<!-- 9 -->" } },
	{ "processing instructions and CDATA", { .disk = "<disk><?a b?><target dev='vda' "
	  "bus='virtio'/><serial><![CDATA[a<b]]></serial><?c?>" PCI("0x07") "</disk>" } },
	{ "quotes, newlines and letters in attributes", { .disk = "<disk type='file'><source "
	  "file='/vm/\"x\"&#10;&#9;&apos;&lt;\xc3\xbc\xf0\x9f\x90\xa7'/><target dev='vda' "
	  "bus='virtio'/><serial>\xc3\xbc&amp;</serial><alias name='ua-x'/></disk>" } },
	{ "a metadata element of somebody else", { .metadata = "    <libosinfo:libosinfo "
	  "xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>\n"
	  "      <libosinfo:os id='http://microsoft.com/win/10'/>\n    </libosinfo:libosinfo>\n",
	  .root = "  <qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
	  "    <qemu:arg value='-x'/>\n  </qemu:commandline>\n" } },
	{ "the tag without a prefix", { .tag = "<domain xmlns='urn:busflip:domain:1'/>" } },
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of canonical XML, sorted. The caller frees. */
static char *sorted(const char *xml)
{
	AUTO_FREE char *text = canonical(xml);
	char *lines[1000], *out = text ? calloc(1, strlen(text) + 2) : NULL, *save = NULL;
	size_t n = 0, used = 0;

	for (char *line = out ? strtok_r(text, "\n", &save) : NULL; line && n < 1000;
	     line = strtok_r(NULL, "\n", &save))
		lines[n++] = line;
	if (n)
		qsort(lines, n, sizeof(lines[0]), by_text);
	for (size_t i = 0; i < n; i++)
		used += (size_t)sprintf(out + used, "%s\n", lines[i]);
	return out;
}

/* The staged form once more. Of two controllers that were added, one may have
 * stayed and the other one come back behind it. */
static void same_staged(const char *seen, const char *wanted, const char *name)
{
	AUTO_FREE char *a = sorted(seen), *b = sorted(wanted);

	if (strcmp(xpath(wanted, "count(//s:added)"), "2") != 0)
		same_xml(seen, wanted, "%s: rollback gives the staged form", name);
	else
		is_str(a, b, "%s: rollback gives the staged form, in some order", name);
}

/* Stage and promote again and again: all must be as it was each time. */
static void there_and_back(const char *name, const char *x)
{
	struct error err;
	AUTO_FREE char *staged = rewrite(OP_STAGE, x, &err);
	AUTO_FREE char *promoted = NULL, *back = NULL, *again = NULL, *restored = NULL;

	if (!ok(staged, "%s: stage", name)) {
		diag("%s", err.msg);
		return;
	}
	restored = rewrite(OP_RESTORE, staged, &err);
	same_xml(restored, x, "%s: restore gives the original", name);
	promoted = rewrite(OP_PROMOTE, staged, &err);
	if (!ok(promoted, "%s: promote", name)) {
		diag("%s", err.msg);
		return;
	}
	if (!strcmp(xpath(promoted, "string(//s:disk/@bus = //s:disk/@origin)"), "true"))
		same_xml(promoted, x, "%s: promote gives the original", name);
	free(steal(&restored));
	restored = rewrite(OP_RESTORE, promoted, &err);
	same_xml(restored, x, "%s: restore after promote does too", name);
	back = rewrite(OP_ROLLBACK, promoted, &err);
	same_staged(back, staged, name);
	free(steal(&restored));
	restored = rewrite(OP_RESTORE, back, &err);
	same_xml(restored, x, "%s: restore after rollback gives the original", name);
	again = rewrite(OP_PROMOTE, back, &err);
	same_xml(again, promoted, "%s: promote again is the same", name);
	free(steal(&again));
	again = rewrite(OP_ROLLBACK, back, &err);
	same_xml(again, back, "%s: rollback twice is once", name);
}

/* The system disk of a domain with a state, and the bait for virtio-blk. */
#define THE_DISK "//devices/disk[target/@dev = //s:disk/@target]"

struct fact {
	const char *what, *want;
};

static bool all_true(const char *xml, const struct fact *facts, size_t n)
{
	bool good = xml;

	for (size_t i = 0; xml && i < n; i++) {
		if (!strcmp(xpath(xml, facts[i].what), facts[i].want))
			continue;
		good = false;
		diag("%s is %s", facts[i].what, xpath(xml, facts[i].what));
	}
	if (!good)
		diag("%s", xml ? xml : "was refused");
	return good;
}

/* What domains must look like, whatever they were. */
static void forms(const char *name, const char *x)
{
	static const struct fact always[] = {
		{ "count(" THE_DISK ")", "1" },
		{ "count(//s:state)", "1" },
		{ "count(//disk/target[@dev = ../following-sibling::disk/target/@dev])", "0" },
		{ "count(" THE_DISK "/address) <= 1", "true" },
	};
	static const struct fact staged_facts[] = {
		{ "string(" THE_DISK "/target/@bus = 'sata' or " THE_DISK "/target/@bus = 'ide')",
		  "true" },
		{ "count(" BAIT ") = (//s:disk/@bus = 'virtio')", "true" },
		{ "count(" BAIT "[target/@bus = 'virtio'][readonly]) = count(" BAIT ")", "true" },
		{ "count(" THE_DISK "[target/@bus = 'virtio'])", "0" },
		{ "count(" THE_DISK "[@device = 'lun' or @model or @rawio or @sgio or acpi])",
		  "0" },
		{ "count(" THE_DISK "[target/@bus = 'sata'][wwn or vendor or product])", "0" },
		{ "count(" THE_DISK "/driver[@iothread or @queues or @queue_size or @event_idx or "
		  "@ioeventfd or @packed or @page_per_vq or @iommu or @ats or iothreads])", "0" },
		{ "count(" THE_DISK "/address[@type = 'pci'])", "0" },
		{ "//s:disk/@bus = 'virtio' or "
		  "count(//controller[@type = 'scsi'][starts-with(@model, 'virtio')]) > 0",
		  "true" },
	};
	static const struct fact final_facts[] = {
		/* without a bus= the name tells it */
		{ "string(" THE_DISK "/target/@bus = //s:disk/@bus or " THE_DISK
		  "/target[not(@bus)][@dev = 'vda'])", "true" },
		{ "count(" BAIT ")", "0" },
		{ "count(" THE_DISK "[target/@bus = 'virtio']/address[@type = 'drive'])", "0" },
		{ "count(" THE_DISK "[target/@bus = 'scsi']/address[@type = 'pci'])", "0" },
	};
	struct error err;
	AUTO_FREE char *staged = rewrite(OP_STAGE, x, &err);
	AUTO_FREE char *final = rewrite(OP_PROMOTE, staged, &err);

	ok(all_true(staged, always, ARRAY_SIZE(always)) &&
	   all_true(staged, staged_facts, ARRAY_SIZE(staged_facts)),
	   "%s: staged, it is on SATA or IDE with a bait", name);
	ok(all_true(final, always, ARRAY_SIZE(always)) &&
	   all_true(final, final_facts, ARRAY_SIZE(final_facts)),
	   "%s: promoted, it is where it shall be", name);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *x = domain_xml(&cases[i].parts);

		forms(cases[i].name, x);
		there_and_back(cases[i].name, x);
	}
	xmlCleanupParser();
	return done_testing();
}
