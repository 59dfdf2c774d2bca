// SPDX-License-Identifier: GPL-2.0-or-later
/* ports.c - the PCI slots that the bait and its controllers need */

#include "hook/phase/ports.h"

#include <errno.h>

#include "hook/domain/slots.h"

void ports_note(struct domain *domain)
{
	struct state *state = &domain->state;

	if (state->pci_added < 0 &&
	    (pci_wants_address(domain_bait(domain)) ||
	     pci_wants_address(controller_find(domain, "scsi", state->scsi_added))))
		state->pci_added = pci_next_index(domain);
}

long ports_added(const struct domain *domain)
{
	const struct state *state = &domain->state;
	struct error ignored;
	const xmlNode *const devices[] = {
		domain_bait(domain), controller_find(domain, "scsi", state->scsi_added),
		state->disk[0] ? domain_recorded_disk(domain, &ignored) : NULL,
	};

	for (size_t i = 0; i < ARRAY_SIZE(devices) && state->pci_added > 0; i++)
		if (pci_port_of(devices[i]) >= state->pci_added)
			return pci_port_of(devices[i]);
	return -1;
}

/* libvirt's own error names no device and no cure. */
int ports_check(const struct domain *domain, struct error *err)
{
	const struct state *state = &domain->state;
	char word[DOMAIN_WORD];
	const char *what =
		pci_wants_address(controller_find(domain, "sata", state->sata_added)) ?
		"SATA controller" :
		pci_wants_address(controller_find(domain, "scsi", state->scsi_added)) ||
		(state->bus == BUS_VIRTIO && pci_wants_address(domain_bait(domain))) ?
		"bait" : NULL;

	if (!what || !pci_is_full(domain))
		return 0;
	return fail(err, ENOTSUP, "all slots of its PCI bus are in use and the %s needs one: "
		    "remove a device that Windows can do without, such as a sound card (virsh "
		    "edit %s)", what, domain_word(domain->name, domain->uuid, word));
}
