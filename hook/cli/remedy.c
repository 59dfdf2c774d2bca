// SPDX-License-Identifier: GPL-2.0-or-later
/* remedy.c - what cures a condition for VirtIO that does not hold */

#include "hook/cli/remedy.h"

#include <string.h>

#define AGAIN REMEDY_SESSION
#define SET_DRIVERS "set virtio_win in busflip.conf to the drivers, or install them in Windows"
#define WITHOUT_DRIVERS .drivers = REMEDY_WITHOUT_DRIVERS, .cure = SET_DRIVERS, \
	.next = SET_DRIVERS "; then " AGAIN, .waits = "virtio_win"
#define WITH_DRIVERS .drivers = REMEDY_WITH_DRIVERS, \
	.cure = "busflip installs it from virtio_win before the next session on SATA; to " \
		"install it now, run busflip patch DOMAIN", \
	.next = "run busflip patch DOMAIN, which installs the driver from virtio_win or reports " \
		"why it can't; then " AGAIN, \
	.waits = "busflip patch"
#define CLEAN_SHUTDOWN "start it and shut Windows down fully, neither hibernated nor with fast " \
	"startup: shutdown /s /t 0"
#define CHKDSK "start it, let Windows check the drive (chkdsk), and shut it down"
#define UNMARK "run \"reg add HKLM\\SYSTEM\\Select /v Failed /t REG_DWORD /d 0 /f\""
#define NORMALLY \
	"start Windows normally, not with Last Known Good Configuration, and shut it down"

static const struct remedy remedies[] = {
	{ "volume-clean", "BitLocker", .cure = "in Windows, decrypt the drive: manage-bde -off C:",
	  .next = "start it, decrypt the drive in Windows (manage-bde -off C:), and shut it down",
	  .waits = "decryption" },
	{ "volume-clean", "marked dirty", .cure = CHKDSK, .next = CHKDSK },
	{ "volume-clean", .cure = CLEAN_SHUTDOWN, .next = CLEAN_SHUTDOWN },
	{ "hive-whole", .cure = AGAIN },
	{ "control-set", "marked as failed", .cure = "in Windows, " UNMARK ", and shut it down",
	  .next = "start it, in Windows " UNMARK ", and shut it down" },
	{ "control-set", .cure = NORMALLY, .next = NORMALLY },
	{ "booted", .cure = AGAIN },
	{ "machine", .cure = AGAIN ": it has not run as this domain yet" },
	{ "shut-down", .cure = AGAIN ": a session that was destroyed or crashed does not count" },
	{ "driver-service", WITHOUT_DRIVERS },
	{ "driver-service", WITH_DRIVERS },
	{ "no-start-override", .cure = "busflip removes it before the next session on SATA; to "
	  "remove it now, run busflip patch DOMAIN" },
	{ "driver-findable", WITHOUT_DRIVERS },
	{ "driver-findable", WITH_DRIVERS },
	{ "device-bound", .cure = AGAIN ": Windows sets up the VirtIO device in that session, once "
	  "it has the driver" },
	{ "device-arrived", .cure = AGAIN ": Windows must see the VirtIO device in that session" },
	{ "class-filters", .cure = "in Windows, remove the program that the filter driver belongs "
	  "to, or reinstall it", .next = "start it, remove the program in Windows that the filter "
	  "driver belongs to, or reinstall it, and shut it down", .waits = "busflip inspect" },
	{ "no-new-dump", .cure = "Windows has crashed; find out why, then " AGAIN,
	  .next = "find out why Windows has crashed, then " AGAIN },
	{ "no-pending-rename", .cure = "start it and shut it down again" },
	{ "sata-ready", .cure = "busflip patches it before the next session on SATA; to patch it "
	  "now, run busflip patch DOMAIN" },
};

const struct remedy *remedy_of(const struct finding *f, bool has_drivers)
{
	for (size_t i = 0; i < ARRAY_SIZE(remedies); i++) {
		const struct remedy *r = &remedies[i];

		if (strcmp(r->condition, f->name) == 0 &&
		    (!r->found || strncmp(f->found, r->found, strlen(r->found)) == 0) &&
		    (r->drivers == REMEDY_ALWAYS ||
		     has_drivers == (r->drivers == REMEDY_WITH_DRIVERS)))
			return r;
	}
	return NULL;
}

bool remedy_is_driver(const struct finding *f)
{
	return strcmp(f->name, "driver-service") == 0 || strcmp(f->name, "driver-findable") == 0;
}

static bool failed(const struct findings *findings, const char *name)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->list[i].name, name) == 0)
			return finding_fails(&findings->list[i]);
	return false;
}

const struct finding *remedy_next(const struct findings *now, const struct findings *last,
				  bool has_drivers)
{
	for (size_t i = 0; i < now->count; i++) {
		const struct finding *f = &now->list[i];
		const struct remedy *r = finding_fails(f) ? remedy_of(f, has_drivers) : NULL;

		if (r && r->next &&
		    (r->drivers != REMEDY_WITH_DRIVERS || failed(last, f->name)))
			return f;
	}
	return NULL;
}
