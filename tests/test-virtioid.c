// SPDX-License-Identifier: GPL-2.0-or-later
/* test-virtioid.c - the PCI IDs of a VirtIO device, by model and PCI bus */

#include "hook/domain/virtioid.h"

#include "tests/xmltest.h"

#define PORT "<controller type='pci' index='3' model='pcie-root-port'/>"
#define BRIDGE "<controller type='pci' index='3' model='pcie-to-pci-bridge'/>"
#define OTHER "<controller type='pci' index='3' model='pcie-expander-bus'/>"
#define AT(bus) "<address type='pci' domain='0x0000' bus='" bus "' slot='0x05' function='0x0'/>"
#define STAGED(what) "<s:state xmlns:s='" STATE_URI "' phase='staged' attempts='0'>" \
	"<s:disk target='sda' form='staged' " what "/></s:state>"
#define BAIT_AT(bus, model) "<disk type='file' device='disk' " model "><driver name='qemu' " \
	"type='raw'/><source file='" BAIT_IMAGE "' startupPolicy='optional'/>" \
	"<target dev='vda' bus='virtio'/>" \
	"<readonly/><serial>" BAIT_SERIAL "</serial>" AT(bus) "</disk>"
#define SCSI_AT(bus, model) "<controller type='scsi' index='1' model='" model "'>" AT(bus) \
	"</controller>"
#define BLK STAGED("bus='virtio' origin='virtio'")
#define SCSI STAGED("bus='scsi' origin='virtio' controller='1'")

static const struct {
	const char *machine, *state, *devices;
	int id;
	const char *name;
} cases[] = {
	{ "pc-q35-7.2", BLK, PORT BAIT_AT("0x03", ""), 0x1042, "behind a port" },
	{ "pc-q35-7.2", BLK, PORT BAIT_AT("0x00", ""), 0x1001, "on the root bus" },
	{ "pc-q35-7.2", BLK, BRIDGE BAIT_AT("0x03", ""), 0x1001, "behind a bridge to PCI" },
	{ "pc-q35-7.2", BLK, OTHER BAIT_AT("0x03", ""), 0, "on a bus that is not known" },
	{ "pc-q35-7.2", BLK, BAIT_AT("0x03", ""), 0, "on a bus that is not there" },
	{ "pc-q35-2.6", BLK, PORT BAIT_AT("0x03", ""), 0, "on a machine of 2016" },
	{ "pc-q35-7.2", BLK, PORT BAIT_AT("0x03", "model='virtio-transitional'"), 0x1001,
	  "transitional, wherever it is" },
	{ "pc-q35-7.2", BLK, BAIT_AT("0x00", "model='virtio-non-transitional'"), 0x1042,
	  "not transitional, wherever it is" },
	{ "pc-q35-7.2", SCSI, PORT SCSI_AT("0x03", "virtio-scsi"), 0x1048, "SCSI, port" },
	{ "pc-q35-7.2", SCSI, SCSI_AT("0x00", "virtio-scsi"), 0x1004, "SCSI, root bus" },
	{ "pc-q35-7.2", SCSI, "", 0, "SCSI without its controller" },
	{ "pc-q35-7.2", BLK, "", 0, "no bait" },
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *xml = domain_xml(&(struct parts){
			.disk = SATA_DISK, .machine = cases[i].machine,
			.metadata = cases[i].state, .devices = cases[i].devices });
		AUTO_DOMAIN struct domain domain = { 0 };
		const xmlNode *device;
		struct error err;

		if (!ok(domain_parse(xml, strlen(xml), &domain, &err) == 0, "%s: XML",
			cases[i].name))
			continue;
		device = virtio_boot_device(&domain);
		is_int(device ? virtio_device_id(&domain, device) : 0, cases[i].id, "%s",
		       cases[i].name);
	}
	return done_testing();
}
