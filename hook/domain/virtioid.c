// SPDX-License-Identifier: GPL-2.0-or-later
/* virtioid.c - the PCI IDs that a VirtIO device will show to the guest */

#include "hook/domain/virtioid.h"

#include <stdlib.h>
#include <string.h>

#include "hook/domain/domain.h"
#include "hook/domain/slots.h"

enum age { AGE_UNKNOWN, AGE_OLD, AGE_NEW };

static const struct {
	const char *model;
	enum age age;
} places[] = {
	{ "pci-root", AGE_OLD }, { "pcie-root", AGE_OLD },
	{ "pci-bridge", AGE_OLD }, { "dmi-to-pci-bridge", AGE_OLD },
	{ "pcie-to-pci-bridge", AGE_OLD },
	{ "pcie-root-port", AGE_NEW }, { "pcie-switch-downstream-port", AGE_NEW },
};

static enum age age_by_model(const xmlNode *device)
{
	if (xml_attr_is(device, "model", "virtio-transitional"))
		return AGE_OLD;
	if (xml_attr_is(device, "model", "virtio-non-transitional"))
		return AGE_NEW;
	return AGE_UNKNOWN;
}

static enum age age_by_place(const struct domain *domain, const xmlNode *device)
{
	const xmlNode *address = xml_child(device, "address"), *bridge;
	char machine[64] = "", bus[16] = "";

	xml_attr(xml_child(xml_child(domain->root, "os"), "type"), "machine", machine,
		 sizeof(machine));
	/* Before 2.7 the position did not matter. */
	if (!xml_attr_is(address, "type", "pci") || strstr(machine, "q35-2.") ||
	    !xml_attr(address, "bus", bus, sizeof(bus)))
		return AGE_UNKNOWN;
	bridge = controller_find(domain, "pci", strtol(bus, NULL, 0));
	for (size_t i = 0; bridge && i < ARRAY_SIZE(places); i++)
		if (xml_attr_is(bridge, "model", places[i].model))
			return places[i].age;
	return AGE_UNKNOWN;
}

uint16_t virtio_device_id(const struct domain *domain, const xmlNode *device)
{
	bool scsi = xml_is(device, "controller");
	enum age age = age_by_model(device);

	if (age == AGE_UNKNOWN)
		age = age_by_place(domain, device);
	if (age == AGE_UNKNOWN)
		return 0;
	if (scsi)
		return age == AGE_NEW ? 0x1048 : 0x1004;
	return age == AGE_NEW ? 0x1042 : 0x1001;
}

const xmlNode *virtio_boot_device(const struct domain *domain)
{
	const struct state *state = &domain->state;
	struct error ignored;

	if (state->bus == BUS_SCSI)
		return controller_find(domain, "scsi", state->scsi);
	return state->staged_form ? domain_bait(domain) :
				    domain_recorded_disk(domain, &ignored);
}
