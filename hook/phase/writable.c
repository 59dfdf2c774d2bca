// SPDX-License-Identifier: GPL-2.0-or-later
/* writable.c - which disk of a domain busflip may write to */

#include "hook/phase/writable.h"

#include <errno.h>
#include <string.h>

#include "hook/phase/frontend.h"
#include "hook/phase/place.h"

static const char *what_forbids(const xmlNode *disk)
{
	if (!disk_is_hard_disk(disk))
		return "not a hard disk";
	if (disk_is_bait(disk))
		return "the bait";
	if (xml_child(disk, "readonly"))
		return "read-only";
	if (xml_child(disk, "shareable"))
		return "shared with other guests (<shareable/>)";
	if (xml_child(disk, "transient"))
		return "transient: its writes are discarded";
	return NULL;
}

int writable_check(const xmlNode *disk, struct error *err)
{
	const char *why = what_forbids(disk);
	char name[TARGET_SIZE] = "?";

	disk_target(disk, name, sizeof(name));
	return why ? fail(err, EPERM, "its disk %s is %s, so busflip does not write to it",
			  name, why) : 0;
}

/* The tag names the disk by its name, or by its name before staging. */
static bool is_meant_by_tag(const struct domain *domain, const xmlNode *disk)
{
	const char *wanted = domain->tag.disk;
	char was[TARGET_SIZE];

	if (domain_disk(domain, wanted) == disk)
		return true;
	return frontend_saved_attr(domain->state.saved, "target", "dev", was, sizeof(was)) &&
	       strcmp(was, wanted) == 0;
}

xmlNode *writable_system_disk(const struct domain *domain, struct error *err)
{
	const struct state *state = &domain->state;
	xmlNode *disk = state->disk[0] ? domain_recorded_disk(domain, err) :
					 domain_system_disk(domain, err);
	xmlNode *meant = NULL;
	char name[TARGET_SIZE] = "?";

	if (!disk || writable_check(disk, err) < 0)
		return NULL;
	if (!state->disk[0])
		return disk;
	if ((state->phase == PHASE_STAGED || state->phase == PHASE_TRIAL) &&
	    place_check(domain, err) < 0)
		return NULL;
	if (domain->tag.disk[0] ? is_meant_by_tag(domain, disk) :
	    (meant = domain_system_disk(domain, err)) == disk)
		return disk;
	if (domain->tag.disk[0])
		meant = domain_disk(domain, domain->tag.disk);
	if (!meant && domain->tag.disk[0])
		fail(err, EPERM, "its state names disk %s, but its tag names disk %s, which does "
		     "not exist: busflip writes to neither", state->disk, domain->tag.disk);
	if (meant) {
		disk_target(meant, name, sizeof(name));
		fail(err, EPERM, "its state names disk %s, but by its tag and boot order Windows "
		     "boots from %s: busflip writes to neither", state->disk, name);
	}
	return NULL;
}
