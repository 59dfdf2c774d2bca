// SPDX-License-Identifier: GPL-2.0-or-later
/* test-rewrite-check.c - domains that cannot be staged, and the message for each */

#include <errno.h>

#include "tests/xmltest.h"

#define OTHER_SATA(name, unit, more) \
	"<disk type='file' device='disk'><source file='/vm/" name ".img'/>" \
	"<target dev='" name "' bus='sata'/>" DRIVE("0", unit) more "</disk>\n"
#define OPTIONS(name, bus, more, alias) \
	{ .disk = DISK("dev='" name "' bus='" bus "'", more), .root = "<qemu:override " QEMU \
	  "><qemu:device alias='" alias "'><qemu:frontend/></qemu:device></qemu:override>" }
#define QEMU "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"

#define NIC(slot) "<interface type='user'>" PCI(slot) "</interface>\n"
#define NICS_2_TO_6 NIC("0x02") NIC("0x03") NIC("0x04") NIC("0x05") NIC("0x06")
#define NICS_8_TO_31 \
	NIC("0x08") NIC("0x09") NIC("0x0a") NIC("0x0b") NIC("0x0c") NIC("0x0d") NIC("0x0e") \
	NIC("0x0f") NIC("0x10") NIC("0x11") NIC("0x12") NIC("0x13") NIC("0x14") NIC("0x15") \
	NIC("0x16") NIC("0x17") NIC("0x18") NIC("0x19") NIC("0x1a") NIC("0x1b") NIC("0x1c") \
	NIC("0x1d") NIC("0x1e") NIC("0x1f")
#define ALL_BUT_7 NICS_2_TO_6 NICS_8_TO_31

static const char plain[] = "hvm</type>";

/* Replaced in a domain that can be staged, in this order: either may be NULL */
struct refusal {
	const char *name;
	struct parts parts;
	const char *from, *to;
	const char *word;	/* of the sentence; NULL: it is not refused */
};

static const struct refusal cases[] = {
	/* ---- the domain ---- */
	{ "Xen", { 0 }, "type='kvm'", "type='xen'", "only QEMU and KVM" },
	{ "LXC", { 0 }, "type='kvm'", "type='lxc'", "only QEMU and KVM" },
	{ "no hypervisor", { 0 }, "type='kvm'", "", "only QEMU and KVM" },
	{ "QEMU without KVM", { 0 }, "type='kvm'", "type='qemu'", NULL },
	{ "a container", { 0 }, plain, "exe</type>", "only fully virtualised" },
	{ "no OS type", { 0 }, plain, "</type>", "only fully virtualised" },
	{ "aarch64", { 0 }, "x86_64'", "aarch64'", "only x86" },
	{ "s390x", { 0 }, "x86_64'", "s390x'", "only x86" },
	{ "ppc64le", { 0 }, "x86_64'", "ppc64le'", "only x86" },
	{ "32 bits", { 0 }, "x86_64'", "i686'", NULL },
	{ "no architecture in the XML", { 0 }, "arch='x86_64'", "", NULL },
	{ "isapc", { .machine = "isapc" }, NULL, NULL, "no PCI bus" },
	{ "none", { .machine = "none" }, NULL, NULL, "no PCI bus" },
	{ "microvm", { .machine = "microvm" }, NULL, NULL, "no PCI bus" },
	{ "a numbered microvm", { .machine = "microvm-7.2" }, NULL, NULL, "no PCI bus" },
	{ "an old pc", { .machine = "pc-0.12" }, NULL, NULL, NULL },
	{ "RHEL's q35", { .machine = "pc-q35-rhel9.2.0" }, NULL, NULL, NULL },

	/* ---- which disk ---- */
	{ "no disk", { .disk = "" }, NULL, NULL, "no hard disk" },
	{ "no devices at all", { 0 }, "<devices>", "<nothing>", "" },
	{ "a bad tag", { .tag = "<b:domain xmlns:b='urn:busflip:domain:1' bus='sata'/>" },
	  NULL, NULL, "its busflip tag" },
	{ "two tags", { .tag = TAG TAG }, NULL, NULL, "more than one busflip tag" },
	{ "a disk that is not there",
	  { .tag = "<b:domain xmlns:b='urn:busflip:domain:1' disk='vdx'/>" }, NULL, NULL,
	  "no hard disk vdx" },
	{ "two disks that boot first", { .os = "", .disk =
	  "<disk><target dev='vda' bus='virtio'/><boot order='1'/></disk>"
	  "<disk><target dev='vdb' bus='virtio'/><boot order='1'/></disk>" }, NULL, NULL,
	  "two disks have the boot order 1" },
	{ "the network boots", { .os = "<boot dev='network'/>" }, NULL, NULL,
	  "from the network and from no hard disk" },

	/* ---- its bus and source ---- */
	{ "USB", { .disk = DISK("dev='sda' bus='usb'", "") }, NULL, NULL, "bus that busflip" },
	{ "Xen's bus", { .disk = DISK("dev='xvda' bus='xen'", "") }, NULL, NULL,
	  "bus that busflip" },
	{ "an SD card", { .disk = DISK("dev='sda' bus='sd'", "") }, NULL, NULL,
	  "bus that busflip" },
	{ "SCSI pass-through", { .disk = "<disk type='block' device='lun'><source dev='/dev/x'/>"
	  "<target dev='sda' bus='scsi'/></disk>" }, NULL, NULL, "SCSI pass-through" },
	{ "VirtIO pass-through", { .disk = "<disk type='block' device='lun'><source "
	  "dev='/dev/x'/><target dev='vda' bus='virtio'/></disk>" }, NULL, NULL,
	  "SCSI pass-through" },
	{ "vhost-user", { .disk = "<disk type='vhostuser'><source type='unix' path='/x'/>"
	  "<target dev='vda' bus='virtio'/></disk>" }, NULL, NULL, "vhost device" },
	{ "vhost-vdpa", { .disk = "<disk type='vhostvdpa'><source dev='/x'/>"
	  "<target dev='vda' bus='virtio'/></disk>" }, NULL, NULL, "vhost device" },
	{ "read-only", { .disk = DISK("dev='vda' bus='virtio'", "<readonly/>") }, NULL, NULL,
	  "read-only" },
	{ "transient", { .disk = DISK("dev='vda' bus='virtio'", "<transient/>") }, NULL, NULL,
	  "transient" },
	{ "4 KiB sectors", { .disk = DISK("dev='vda' bus='virtio'",
	  "<blockio logical_block_size='4096' physical_block_size='4096'/>") }, NULL, NULL,
	  "sector size other than 512" },
	{ "4 KiB sectors that look like 512", { .disk = DISK("dev='vda' bus='virtio'",
	  "<blockio logical_block_size='512' physical_block_size='4096'/>") }, NULL, NULL, NULL },
	{ "no target", { .disk = "<disk><source file='/x'/></disk>" }, NULL, NULL, "" },
	{ "a short name", { .disk = "<disk><target dev='vd' bus='virtio'/></disk>" }, NULL, NULL,
	  "no usable <target dev=>" },
	{ "an empty name", { .disk = "<disk><target dev='' bus='virtio'/></disk>" }, NULL, NULL,
	  "no usable <target dev=>" },
	{ "a name that is longer than any", { .disk = "<disk><target bus='sata' "
	  "dev='sdabcdefghijklmnopqrstuvwxyzabcdefghij'/></disk>" }, NULL, NULL,
	  "no usable <target dev=>" },

	/* ---- what libvirt never gives ---- */
	{ "an address that is no number", { .disk = DISK("dev='sda' bus='sata'",
	  DRIVE("%%", "0")) }, NULL, NULL, "invalid <address>" },
	{ "a unit below zero", { .disk = DISK("dev='sda' bus='sata'", DRIVE("0", "-1")) },
	  NULL, NULL, "invalid <address>" },
	{ "an address in decimal", { .disk = DISK("dev='vda' bus='virtio'",
	  "<address type='pci' bus='0' slot='10'/>") }, NULL, NULL, NULL },
	{ "one of a mainframe", { .disk = DISK("dev='vda' bus='virtio'",
	  "<address type='ccw' cssid='0xfe' ssid='0x0' devno='0x0001'/>") }, NULL, NULL, NULL },
	{ "another disk's address", { .devices = OTHER_SATA("sdb", "x", "") }, NULL, NULL,
	  "a device has an invalid <address>" },
	{ "a drive's address on VirtIO", { .disk = DISK("dev='vda' bus='virtio'",
	  DRIVE("0", "0")) }, NULL, NULL, "address of another bus" },
	{ "and where the target alone tells of VirtIO", { .disk = DISK("dev='vda'",
	  DRIVE("0", "0")) }, NULL, NULL, "address of another bus" },
	{ "a PCI address on SATA", { .disk = DISK("dev='sda' bus='sata'", PCI("0x07")) },
	  NULL, NULL, "address of another bus" },
	{ "two addresses", { .disk = DISK("dev='vda' bus='virtio'", PCI("0x07") PCI("0x08")) },
	  NULL, NULL, "more than one <address>" },
	{ "two targets", { .disk = DISK("dev='vda' bus='virtio'", "<target dev='vdb'/>") },
	  NULL, NULL, "more than one <target>" },
	{ "two sources", { .disk = DISK("dev='vda' bus='virtio'", "<source file='/x'/>") },
	  NULL, NULL, "more than one <source>" },
	{ "two orders", { .disk = DISK("dev='vda' bus='virtio'", "<boot order='2'/>"
	  "<boot order='1'/>"), .os = "" }, NULL, NULL, "more than one <boot>" },
	{ "two drivers", { .disk = DISK("dev='vda' bus='virtio'", "<driver queues='2'/>") },
	  NULL, NULL, "more than one <driver>" },
	{ "two names", { .disk = DISK("dev='vda' bus='virtio'",
	  "<alias name='ua-x'/><alias name='ua-y'/>") }, NULL, NULL, "more than one <alias>" },
	{ "queues that are no number", { .disk = "<disk><driver queues='many'/><target "
	  "dev='vda' bus='virtio'/></disk>" }, NULL, NULL, "invalid queues= in <driver>" },
	{ "half a switch", { .disk = "<disk><driver packed='o'/><target "
	  "dev='vda' bus='virtio'/></disk>" }, NULL, NULL, "invalid packed= in <driver>" },
	{ "a model that is none", { .disk = "<disk model='virtio virtio-transitional'><target "
	  "dev='vda' bus='virtio'/></disk>" }, NULL, NULL, "invalid model= in <disk>" },
	{ "a foreign element in what is moved", { .disk = DISK("dev='vda' bus='virtio'",
	  "<address type='pci'><x:y xmlns:x='urn:x'/></address>") }, NULL, NULL,
	  "something unknown in <address>" },
	{ "one in the address of a device that stays", { .devices = "<memballoon model='virtio'>"
	  "<address type='pci' bus='0x01' new='1'><new/></address></memballoon>" }, NULL, NULL,
	  NULL },
	{ "text in a disk", { .disk = DISK("dev='vda' bus='virtio'", "text") }, NULL, NULL,
	  "text in its <disk>" },
	{ "text in a driver", { .disk = "<disk><driver><![CDATA[]]></driver><target "
	  "dev='vda' bus='virtio'/></disk>" }, NULL, NULL, "text in its <driver>" },
	{ "text in the devices", { .devices = "text" }, NULL, NULL, "text in its <devices>" },
	{ "a comment is none", { .disk = DISK("dev='vda' bus='virtio'", "<!-- x -->"),
	  .devices = "<!-- x -->" }, NULL, NULL, NULL },
	{ "two lists of devices", { .root = "<devices/>" }, NULL, NULL, "more than one <devices>" },
	{ "a controller without a number", { .devices = "<controller type='sata' index=''/>" },
	  NULL, NULL, "invalid index of a <controller>" },
	{ "two disks of one name", { .devices = "<disk><target dev='vda' bus='virtio'/></disk>" },
	  NULL, NULL, "two disks are called vda" },
	{ "two disks in one place", { .disk = DISK("dev='sda' bus='sata'", DRIVE("0", "1")),
	  .devices = OTHER_SATA("sdb", "1", "") }, NULL, NULL, "has the address of its system" },
	{ "a disk and a device in one place", { .devices = "<memballoon model='virtio'>"
	  PCI("0x07") "</memballoon>" }, NULL, NULL, "has the address of its system" },

	/* ---- what else refers to it ---- */
	{ "QEMU options of that device", { .disk = DISK("dev='vda' bus='virtio'",
	  "<alias name='ua-sys'/>"), .root = "<qemu:override " QEMU "><qemu:device alias='ua-x'/>"
	  "<qemu:device alias='ua-sys'><qemu:frontend/></qemu:device></qemu:override>" },
	  NULL, NULL, "<qemu:override>" },
	{ "QEMU options of another device", { .disk = DISK("dev='vda' bus='virtio'",
	  "<alias name='ua-sys'/>"), .root = "<qemu:override " QEMU "><qemu:device alias='ua-x'/>"
	  "<qemu:device alias='ua-sysx'/></qemu:override>" }, NULL, NULL, NULL },
	{ "QEMU options by the name on VirtIO", OPTIONS("vdb", "virtio", "", "virtio-disk1"),
	  NULL, NULL, "refers to its system disk" },
	{ "by the name on SATA", OPTIONS("sda", "sata", DRIVE("0", "2"), "sata0-0-2"),
	  NULL, NULL, "refers to its system disk" },
	{ "by the name on IDE", OPTIONS("hdd", "ide", "", "ide0-1-1"),
	  NULL, NULL, "refers to its system disk" },
	{ "by that on a SCSI controller", OPTIONS("sdb", "scsi", "", "scsi0-0-0-1"),
	  NULL, NULL, "refers to its system disk" },
	{ "by that on one of LSI", OPTIONS("sdb", "scsi", "", "scsi0-0-1"),
	  NULL, NULL, "refers to its system disk" },
	{ "by none of them", OPTIONS("vda", "virtio", "", "virtio-disk1"), NULL, NULL, NULL },
	{ "by one that a name of the user's has taken the place of", OPTIONS("sda", "sata",
	  "<alias name='ua-sys'/>", "sata0-0-0"), NULL, NULL, NULL },
	{ "QEMU options of a device without a name", { .root = "<qemu:override " QEMU ">"
	  "<qemu:device alias=''/></qemu:override>" }, NULL, NULL, NULL },

	/* ---- the order of booting ---- */
	{ "a disk on SATA that would boot then", { .disk = VIRTIO_DISK,
	  .devices = OTHER_SATA("sda", "0", "") }, NULL, NULL, "would become the boot disk" },
	{ "one that would not, by its name", { .devices = OTHER_SATA("sdb", "1", "") }, NULL, NULL,
	  NULL },
	{ "one that would by its name, but there is a boot order", { .os = "",
	  .disk = DISK("dev='vda' bus='virtio'", "<boot order='1'/>"),
	  .devices = OTHER_SATA("sda", "0", "") }, NULL, NULL, NULL },
	{ "the same, with an order for each", { .os = "",
	  .disk = DISK("dev='vda' bus='virtio'", "<boot order='1'/>"),
	  .devices = OTHER_SATA("sda", "0", "<boot order='2'/>") }, NULL, NULL, NULL },
	{ "a disk on SATA in front of ours, named by the tag", { .os = "<boot dev='hd'/>",
	  .tag = "<b:domain xmlns:b='urn:busflip:domain:1' disk='vda'/>",
	  .disk = OTHER_SATA("sda", "0", "") VIRTIO_DISK }, NULL, NULL, NULL },

	/* ---- no PCI slot left ---- */
	{ "pc, all slots in use: the SATA controller", { .machine = "pc-i440fx-7.2",
	  .devices = ALL_BUT_7 }, "pcie-root", "pci-root", "SATA controller needs one: remove" },
	{ "pc, all slots in use: the bait", { .machine = "pc-i440fx-7.2", .disk = SATA_DISK,
	  .devices = "<controller type='sata' index='0'>" PCI("0x07") "</controller>" ALL_BUT_7 },
	  "pcie-root", "pci-root", "the bait needs one: remove" },
	{ "pc, all slots in use, and nothing else is needed", { .machine = "pc-i440fx-7.2",
	  .devices = "<controller type='sata' index='0'>" PCI("0x02") "</controller>" ALL_BUT_7 },
	  "pcie-root", "pci-root", NULL },
	{ "pc, one slot is free", { .machine = "pc-i440fx-7.2", .disk = SATA_DISK,
	  .devices = "<controller type='sata' index='0'>" PCI("0x02") "</controller>"
	  NICS_8_TO_31 }, "pcie-root", "pci-root", NULL },
	{ "pc, all slots in use, and a bridge with room", { .machine = "pc-i440fx-7.2",
	  .devices = "<controller type='pci' index='1' model='pci-bridge'>" PCI("0x02")
	  "</controller>" ALL_BUT_7 }, "pcie-root", "pci-root", NULL },
	{ "q35, all slots in use", { .disk = SATA_DISK, .devices = ALL_BUT_7 }, NULL, NULL, NULL },
	{ "a CD-ROM of that name", { .devices = "<disk device='cdrom'><target dev='sda' "
	  "bus='sata'/>" DRIVE("0", "0") "</disk>" }, NULL, NULL, NULL },
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct refusal *c = &cases[i];
		AUTO_FREE char *plain_xml = domain_xml(&c->parts);
		AUTO_FREE char *xml = c->from ? replaced(plain_xml, c->from, c->to) :
				      strdup(plain_xml);
		AUTO_FREE char *both = xml && c->to && !strcmp(c->to, "<nothing>") ?
				       replaced(xml, "</devices>", "</nothing>") : NULL;
		struct error err;
		AUTO_FREE char *out = rewrite(OP_STAGE, both ? both : xml, &err);

		if (!c->word) {
			if (!ok(out, "%s: can be staged", c->name))
				diag("%s", err.msg);
			continue;
		}
		if (!ok(!out && strstr(err.msg, c->word), "%s: refused", c->name))
			diag("%s", out ? out : err.msg);
		ok(out || (err.code && err.msg[0] && !strchr(err.msg, '\n') &&
			   strlen(err.msg) < 200 && err.msg[strlen(err.msg) - 1] != '.'),
		   "%s: in one sentence for the end of a line", c->name);
	}
	xmlCleanupParser();
	return done_testing();
}
