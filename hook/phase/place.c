// SPDX-License-Identifier: GPL-2.0-or-later
/* place.c - is the system disk on the bus where its phase has put it? */

#include "hook/phase/place.h"

#include "hook/domain/slots.h"

enum bus place_bus(const struct domain *domain, const xmlNode *disk)
{
	struct slot slot;

	if (disk_bus(disk) != BUS_SCSI)
		return disk_bus(disk);
	if (slots_disk_place(disk, &slot) &&
	    controller_is_virtio_scsi(controller_find(domain, "scsi", slot.controller)))
		return BUS_SCSI;
	return BUS_OTHER;
}

bool place_fits(const struct domain *domain, const xmlNode *disk)
{
	enum bus bus = place_bus(domain, disk);

	return domain->state.staged_form ? bus == BUS_SATA || bus == BUS_IDE :
	       bus == domain->state.bus;
}

bool place_is_moved(const struct domain *domain)
{
	struct error ignored;
	const xmlNode *disk = domain->state.valid && domain->state.disk[0] ?
		domain_recorded_disk(domain, &ignored) : NULL;

	return disk && disk_is_hard_disk(disk) && !disk_is_bait(disk) &&
	       !place_fits(domain, disk);
}

int place_check(const struct domain *domain, struct error *err)
{
	static const char *const phases[PHASE_COUNT] = {
		[PHASE_STAGED] = "staged", [PHASE_TRIAL] = "on trial", [PHASE_DONE] = "done",
	};
	const char *phase = phases[domain->state.phase];
	char word[DOMAIN_WORD], name[TARGET_SIZE] = "?", bus[40] = "another bus";
	const xmlNode *disk;

	if (!phase || !place_is_moved(domain))
		return 0;
	disk = domain_recorded_disk(domain, err);
	disk_target(disk, name, sizeof(name));
	if (disk_bus(disk) != BUS_OTHER)
		str_fits(bus, sizeof(bus), bus_name(disk_bus(disk)));
	if (place_bus(domain, disk) == BUS_OTHER && disk_bus(disk) == BUS_SCSI)
		str_fits(bus, sizeof(bus), "a SCSI bus other than VirtIO's");
	domain_word(domain->name, domain->uuid, word);
	return fail(err, PLACE_MOVED, "its system disk %s is on %s, where busflip has not put it, "
		    "but the domain is %s; busflip stage %s stages it again for a start on SATA, "
		    "busflip disable %s leaves the disk where it is", name, bus, phase, word, word);
}
