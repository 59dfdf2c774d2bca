// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rewrite.c - stage, promote, roll back, restore: domain document in, domain document out; pure
 *
 * At any time the system disk has one of three frontends:
 *   own         as the user defined it,
 *   SATA        while it is staged (its own, if that is SATA or IDE),
 *   final       on the target bus (its own, if that is the target bus).
 * The own frontend is kept in the state's <saved> element exactly while the disk has another
 * one. All four operations switch between these three.
 */

#include "hook/phase/rewrite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hook/domain/domain.h"
#include "hook/domain/schema.h"
#include "hook/domain/slots.h"
#include "hook/phase/bait.h"
#include "hook/phase/frontend.h"
#include "hook/phase/panic.h"
#include "hook/phase/place.h"
#include "hook/phase/ports.h"

static bool stays_put(enum bus origin)
{
	return origin == BUS_SATA || origin == BUS_IDE;
}

static void drop_saved(struct domain *domain)
{
	if (domain->state.saved) {
		xmlUnlinkNode(domain->state.saved);
		xmlFreeNode(domain->state.saved);
	}
	domain->state.saved = NULL;
}

/* Return an empty <saved>; create the state element if there is none yet. */
static xmlNode *new_saved(struct domain *domain)
{
	drop_saved(domain);
	domain_put_state(domain);
	domain->state.saved = xmlNewChild(domain->state_node, domain->state_node->ns,
					  XS("saved"), NULL);
	return domain->state.saved;
}

static bool boots_as_first(const struct domain *domain, const xmlNode *disk)
{
	return domain_boots_from_hd(domain) && domain_first_hard_disk(domain) == disk;
}

/* <boot dev='hd'/> means the first hard disk in libvirt's order. The move to another bus must
 * not make another disk the first. */
static int check_boot_order(const struct domain *domain, const xmlNode *disk,
			    bool was_first, struct error *err)
{
	if (was_first && domain_first_hard_disk(domain) != disk)
		return fail(err, ENOTSUP, "with its system disk on %s another disk "
			    "would become the boot disk; give the system disk a "
			    "<boot order='1'/> instead of <boot dev='hd'/>",
			    bus_name(disk_bus(disk)));
	return 0;
}

/* Give @disk (without an address) a free SATA port, on a new controller if no other has one. */
static void give_port(struct domain *domain, xmlNode *disk)
{
	struct slot slot;

	xml_set(xml_child(disk, "target"), "bus", "none");
	if (!slots_sata(domain, &slot)) {
		domain->state.sata_added = slot.controller;
		controller_add(domain, "sata", slot.controller, NULL);
	}
	xml_set(xml_child(disk, "target"), "bus", "sata");
	slots_drive_address(disk, &slot);
}

/* Put @disk on SATA: a free name, a free port, and a new controller if needed. */
static void wear_sata(struct domain *domain, xmlNode *disk)
{
	char name[TARGET_SIZE];

	/* Clear its own name first: if that is valid for SATA too, it counts as free. */
	xml_set(xml_child(disk, "target"), "dev", "");
	slots_target(domain, "sd", name, sizeof(name));
	frontend_plain(disk, name, BUS_SATA);
	give_port(domain, disk);
}

static void remember_disk(struct domain *domain, const xmlNode *disk, bool staged)
{
	disk_target(disk, domain->state.disk, sizeof(domain->state.disk));
	disk_source(disk, domain->state.source, sizeof(domain->state.source));
	domain->state.staged_form = staged;
}

/* Do not reuse the name of the system disk: whoever makes a backup or a snapshot of "vda"
 * meanwhile must get an error, not the bait. */
static void name_for_bait(const struct domain *domain, char name[TARGET_SIZE])
{
	for (char last = 'z'; last > 'a'; last--)
		if (str_printf(name, TARGET_SIZE, "vd%c", last) && !domain_disk(domain, name))
			return;
	slots_target(domain, "vd", name, TARGET_SIZE);
}

int rewrite_stage(struct domain *domain, const struct rewrite_options *options,
		  struct error *err)
{
	struct state *state = &domain->state;
	xmlNode *disk, *address = NULL, *place;
	char name[TARGET_SIZE], model[40] = "", word[DOMAIN_WORD];
	struct slot own;
	bool first;

	if (!domain->tag.valid && !domain->tag.wrong[0])
		return fail(err, EINVAL, "its metadata has more than one busflip tag: keep only "
			    "one");
	if (!domain->tag.valid)
		return fail(err, EINVAL, "its busflip tag has the attribute %s, but only "
			    "bus=\"virtio\", bus=\"scsi\" and disk=\"TARGET\" are valid: busflip "
			    "enable %s writes it again", domain->tag.wrong,
			    domain_word(domain->name, domain->uuid, word));
	disk = domain_system_disk(domain, err);
	if (!disk || rewrite_check(domain, disk, err) < 0)
		return -1;
	first = boots_as_first(domain, disk);
	state->origin = place_bus(domain, disk);
	state->bus = domain->tag.bus;
	if (state->bus == BUS_NONE)
		state->bus = state->origin == BUS_SCSI ? BUS_SCSI : bus_of_target(options->bus);
	/* Controllers that an earlier staging has added stay its own. */
	state->scsi = state->scsi_avoid = -1;
	panic_remove(domain);
	if (state->origin == BUS_OTHER && slots_disk_place(disk, &own))
		state->scsi_avoid = own.controller;
	drop_saved(domain);

	if (!stays_put(state->origin)) {
		xmlNode *saved = new_saved(domain);

		/* What only its own bus and SATA accept would be lost later. */
		if (state->origin != state->bus)
			frontend_take(disk, state->bus, saved);
		frontend_take(disk, BUS_SATA, saved);
		wear_sata(domain, disk);
		if (state->origin == BUS_VIRTIO) {
			address = frontend_saved(saved, "address");
			frontend_saved_attr(saved, "disk", "model", model, sizeof(model));
		}
	}
	/* Left by a staging whose state was removed: Windows has its device at this address. */
	place = bait_remove(domain);
	name_for_bait(domain, name);
	bait_add(domain, disk, options->bait, options->keep_owner, name,
		 address ? address : place, model);
	xmlFreeNode(place);
	remember_disk(domain, disk, true);
	ports_note(domain);
	return check_boot_order(domain, disk, first, err) < 0 ? -1 : ports_check(domain, err);
}

static xmlNode *recorded_disk(const struct domain *domain, struct error *err)
{
	const struct state *state = &domain->state;
	xmlNode *disk = domain_recorded_disk(domain, err);

	if (!disk)
		return NULL;
	if (!disk_is_hard_disk(disk) || disk_is_bait(disk)) {
		domain_disk_gone(domain, err);
		return NULL;
	}
	if (!bus_is_target(state->bus) ||
	    (!state->saved && !stays_put(state->origin) &&
	     state->origin != state->bus && state->staged_form) ||
	    xml_attr_is(disk, "device", "lun") || disk_bus(disk) == BUS_OTHER ||
	    !frontend_saved_valid(state->saved)) {
		domain_state_damaged(domain, err);
		return NULL;
	}
	return schema_check_disk(disk, err) < 0 ? NULL : disk;
}

bool rewrite_lacks_bait(const struct domain *domain)
{
	const struct state *state = &domain->state;
	struct error ignored;

	return state->phase == PHASE_STAGED && state->staged_form &&
	       recorded_disk(domain, &ignored) && !place_is_moved(domain) &&
	       (state->bus == BUS_SCSI ?
		!controller_is_virtio_scsi(controller_find(domain, "scsi", state->scsi)) :
		!domain_bait(domain));
}

void rewrite_put_bait(struct domain *domain, const struct rewrite_options *options)
{
	const struct state *state = &domain->state;
	struct error ignored;
	xmlNode *disk = recorded_disk(domain, &ignored), *address = NULL;
	char name[TARGET_SIZE], model[40] = "";

	if (!disk)
		return;
	if (state->origin == BUS_VIRTIO) {
		address = frontend_saved(state->saved, "address");
		frontend_saved_attr(state->saved, "disk", "model", model, sizeof(model));
	}
	if (address && pci_address_taken(domain, address, NULL))
		address = NULL;
	name_for_bait(domain, name);
	bait_add(domain, disk, options->bait, options->keep_owner, name, address, model);
}

/* Another disk may have taken the address of one that was removed. */
static void evade(struct domain *domain, xmlNode *disk)
{
	struct slot slot;
	bool ok;

	if (disk_bus(disk) == BUS_VIRTIO || !slots_taken(domain, disk))
		return;
	if (disk_bus(disk) == BUS_SATA) {
		xml_delete(xml_child(disk, "address"));
		give_port(domain, disk);
		return;
	}
	ok = slots_disk_place(disk, &slot);
	if (disk_bus(disk) == BUS_IDE)
		ok = slots_ide(domain, &slot);
	else
		slot = (struct slot){ .controller = slot.controller,
				      .unit = slots_scsi_unit(domain, slot.controller) };
	if (!ok)
		return;
	xml_delete(xml_child(disk, "address"));
	slots_drive_address(disk, &slot);
}

/* Restore the user's own frontend; replace its name if it is in use by now. */
static void wear_own(struct domain *domain, xmlNode *disk)
{
	char name[TARGET_SIZE], wanted[TARGET_SIZE];
	char prefix[3] = "vd";

	frontend_saved_attr(domain->state.saved, "target", "dev", wanted, sizeof(wanted));
	xml_set(xml_child(disk, "target"), "dev", "");
	if (!wanted[0] || domain_disk(domain, wanted)) {
		if (strlen(wanted) > 2)
			memcpy(prefix, wanted, 2);
		slots_target(domain, prefix, name, sizeof(name));
	} else {
		memcpy(name, wanted, sizeof(name));
	}
	frontend_wear(disk, domain->state.saved);
	xml_set(xml_child(disk, "target"), "dev", name);
	drop_saved(domain);
	evade(domain, disk);
}

/* Give @disk the bait's address, where Windows has its device. If another device has that
 * address by now, libvirt chooses one. */
static void take_place(struct domain *domain, xmlNode *disk, const xmlNode *place)
{
	xmlNode *own = xml_child(disk, "address");

	if (place && own) {
		xmlNode *copy = xmlDocCopyNode((xmlNode *)(uintptr_t)place,
					       domain->doc, 1);

		xmlFreeNode(xmlReplaceNode(own, copy));
	} else if (place) {
		xml_append(disk, xmlDocCopyNode((xmlNode *)(uintptr_t)place,
						domain->doc, 1));
	}
	own = xml_child(disk, "address");
	if (own && pci_address_taken(domain, own, disk))
		xml_delete(own);
}

static void wear_new_virtio(struct domain *domain, xmlNode *disk)
{
	char name[TARGET_SIZE];

	slots_target(domain, "vd", name, sizeof(name));
	frontend_plain(disk, name, BUS_VIRTIO);
}

static void wear_new_scsi(struct domain *domain, xmlNode *disk)
{
	struct slot slot = { .controller = domain->state.scsi };

	if (!controller_is_virtio_scsi(controller_find(domain, "scsi", slot.controller)))
		bait_add(domain, disk, "", false, "", NULL, "");
	slot.controller = domain->state.scsi;
	slot.unit = slots_scsi_unit(domain, slot.controller);
	/* A name for SATA is valid for SCSI; a name for IDE is not. */
	if (domain->state.origin == BUS_IDE) {
		char name[TARGET_SIZE];

		slots_target(domain, "sd", name, sizeof(name));
		frontend_plain(disk, name, BUS_SCSI);
	} else {
		xml_set(xml_child(disk, "target"), "bus", bus_name(BUS_SCSI));
	}
	slots_drive_address(disk, &slot);
}

/* Set the final frontend of a disk that came from another bus. If the disk has its own
 * frontend now (it came from SATA or IDE), save that first. */
static void wear_new(struct domain *domain, xmlNode *disk)
{
	struct state *state = &domain->state;

	if (stays_put(state->origin))
		frontend_take(disk, state->bus, new_saved(domain));
	else
		frontend_take(disk, state->bus, NULL);
	if (state->bus == BUS_VIRTIO)
		wear_new_virtio(domain, disk);
	else
		wear_new_scsi(domain, disk);
}

static void drop_sata(struct domain *domain)
{
	controller_drop_unused(domain, "sata", domain->state.sata_added);
	domain->state.sata_added = -1;
}

static int promote(struct domain *domain, bool keep_sata, struct error *err)
{
	struct state *state = &domain->state;
	xmlNode *disk = recorded_disk(domain, err), *place;
	bool first;

	if (!disk)
		return -1;
	first = boots_as_first(domain, disk);
	place = bait_remove(domain);
	if (state->saved && state->origin == state->bus) {
		frontend_take(disk, state->bus, NULL);
		wear_own(domain, disk);
	} else {
		wear_new(domain, disk);
	}
	if (state->bus == BUS_VIRTIO)
		take_place(domain, disk, place);
	xmlFreeNode(place);
	if (!keep_sata)
		drop_sata(domain);
	remember_disk(domain, disk, false);
	return check_boot_order(domain, disk, first, err);
}

int rewrite_promote(struct domain *domain, struct error *err)
{
	return promote(domain, false, err);
}

int rewrite_promote_on_trial(struct domain *domain, struct error *err)
{
	return promote(domain, true, err);
}

int rewrite_rollback(struct domain *domain, const struct rewrite_options *options,
		     struct error *err)
{
	struct state *state = &domain->state;
	xmlNode *disk = recorded_disk(domain, err), *address = NULL;
	char name[TARGET_SIZE], model[40] = "";
	bool first;

	if (!disk)
		return -1;
	if (state->staged_form)
		return 0;
	panic_remove(domain);
	first = boots_as_first(domain, disk);
	if (state->bus == BUS_VIRTIO && xml_child(disk, "address"))
		address = xmlDocCopyNode(xml_child(disk, "address"), domain->doc, 1);
	xml_attr(disk, "model", model, sizeof(model));

	if (state->saved && stays_put(state->origin)) {
		frontend_take(disk, state->origin, NULL);
		wear_own(domain, disk);
	} else {
		bool keep = !state->saved;

		frontend_take(disk, BUS_SATA, keep ? new_saved(domain) : NULL);
		/* In phase done the original bus is not known any more. */
		if (keep)
			state->origin = state->bus;
		wear_sata(domain, disk);
	}
	name_for_bait(domain, name);
	if (!domain_bait(domain))
		bait_add(domain, disk, options->bait, options->keep_owner, name,
			 address, model);
	xmlFreeNode(address);
	remember_disk(domain, disk, true);
	return check_boot_order(domain, disk, first, err) < 0 ? -1 : ports_check(domain, err);
}

void rewrite_clear(struct domain *domain)
{
	const long port = ports_added(domain);

	panic_remove(domain);
	xmlFreeNode(bait_remove(domain));
	drop_sata(domain);
	controller_drop_unused(domain, "scsi", domain->state.scsi_added);
	pci_drop_port(domain, port);
}

/* The bus of the saved frontend. If it names none, the disk was on a controller other than
 * VirtIO's, or on its present bus. */
static enum bus own_bus(const struct state *state)
{
	char text[16];

	if (frontend_saved_attr(state->saved, "target", "bus", text, sizeof(text)))
		return bus_parse(text);
	return state->origin == BUS_OTHER ? BUS_SCSI : state->origin;
}

int rewrite_restore(struct domain *domain, struct error *err)
{
	struct state *state = &domain->state;
	xmlNode *disk, *own;
	const long port = ports_added(domain);

	if (!state->disk[0] || (!state->saved && !state->staged_form) ||
	    place_is_moved(domain)) {
		rewrite_clear(domain);
		return 0;
	}
	disk = recorded_disk(domain, err);
	if (!disk)
		return -1;
	xmlFreeNode(bait_remove(domain));
	if (state->saved) {
		frontend_take(disk, own_bus(state), NULL);
		wear_own(domain, disk);
	}
	rewrite_clear(domain);
	own = xml_child(disk, "address");
	if (own && pci_address_taken(domain, own, disk))
		xml_delete(own);
	pci_drop_port(domain, port);
	return 0;
}

int rewrite_settle_on_sata(struct domain *domain, struct error *err)
{
	const xmlNode *disk = domain->state.disk[0] ? domain_recorded_disk(domain, err) : NULL;

	if (!disk && domain->state.disk[0])
		return -1;
	if (!disk || !stays_put(disk_bus(disk)))
		return fail(err, EINVAL, "its system disk is not on SATA, so it can't stay "
			    "there: leave out --keep-sata");
	domain->state.sata_added = -1;
	rewrite_clear(domain);
	return 0;
}

void rewrite_finish(struct domain *domain)
{
	panic_remove(domain);
	drop_saved(domain);
	drop_sata(domain);
	domain->state.scsi_added = domain->state.pci_added = -1;
	domain->state.override = false;
}
