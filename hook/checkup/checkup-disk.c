// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup-disk.c - what is on the disk: Windows, the partition table for its firmware, a
 * driver for it */

#include "hook/checkup/checkup-parts.h"

#include <errno.h>
#include <string.h>

#include "helper/shared/refusal.h"
#include "helper/shared/text.h"
#include "hook/cli/summary.h"
#include "hook/host/cure.h"
#include "hook/state/session.h"

/* Once it has run on this host, the cure can't be on the former host. */
static bool has_run_here(const struct patient *p)
{
	enum phase phase = p->domain.state.phase;
	struct session_note note;

	return phase == PHASE_TRIAL || phase == PHASE_DONE ||
	       session_read_any(p->domain.uuid, &note);
}

/*
 * A domain in phase done is not read: even if Windows is hibernated, encrypted, or was
 * interrupted, it starts where it last ran.
 */
static bool is_its_own_business(const struct patient *p, int code)
{
	return p->domain.state.phase == PHASE_DONE &&
	       (code == REFUSE_HIBERNATED || code == REFUSE_FAST_STARTUP ||
		code == REFUSE_BITLOCKER || code == REFUSE_LOG_UNCLEAN ||
		code == REFUSE_HIVE_DIRTY);
}

static void cure_refusal(const struct patient *p, struct checkup_item *item, int code)
{
	const char *cure = has_run_here(p) ? cure_of(code) : cure_at_import(code);

	if (cure)
		checkup_cure(item, "%s", cure);
	else if (!has_run_here(p))
		checkup_cure(item, "see busflip inspect %s, and EXIT STATUS in busflip(8) for each "
			     "refusal", p->name_word);
}

/* ---- firmware ----------------------------------------------------------------- */

/* Windows boots from GPT only with UEFI and from MBR only with a BIOS (Microsoft: "Windows and
 * GPT FAQ"). The ESP may be on another disk. */
static void check_firmware(struct patient *p, const struct table *table)
{
	struct checkup_item *item;
	int uefi = checkup_is_uefi(&p->domain);

	if (uefi < 0 || (!table->mbr && !table->gpt)) {
		checkup_add(p, "firmware", VERDICT_UNKNOWN, uefi < 0 ?
			    "its <loader> is neither known as UEFI nor as "
			    "BIOS" : "its disk has no partitions");
	} else if (uefi && table->mbr) {
		item = checkup_add(p, "firmware", VERDICT_NO, "the definition says UEFI, but "
				   "Windows on %s is for a BIOS (MBR)", p->target);
		checkup_cure(item, "virsh edit %s: remove firmware='efi', <firmware>, <loader> "
			     "and <nvram> from <os>", p->name_word);
	} else if (!uefi && table->gpt) {
		item = checkup_add(p, "firmware", VERDICT_NO, "the definition says BIOS, but "
				   "Windows on %s is for UEFI (GPT%s)", p->target,
				   table->esp ? " with an EFI system partition" : "");
		checkup_cure(item, "virt-xml %s --edit --boot firmware=efi", p->name_word);
	} else if (uefi && !table->esp && !checkup_has_esp(p)) {
		item = checkup_add(p, "firmware", VERDICT_NO, "the definition says UEFI, but "
				   "neither %s nor another disk of it has an EFI system partition",
				   p->target);
		checkup_cure(item, "import the disk that has it, too, or make one with Windows' "
			     "installation medium (diskpart, bcdboot)");
	} else if (uefi && table->bare_esp && p->new_variables && !checkup_has_esp(p)) {
		item = checkup_add(p, "firmware", VERDICT_NO, "the EFI system partition of %s has "
				   "no \\EFI\\BOOT\\BOOTX64.EFI, and without variables its "
				   "firmware finds no other boot loader", p->target);
		checkup_cure(item, "restore the variables of its former host (<nvram>), or run "
			     "bcdboot from Windows' installation medium");
	} else {
		checkup_add(p, "firmware", VERDICT_YES, "%s, and so is the disk",
			    uefi ? "UEFI" : "BIOS");
	}
}

/* ---- Windows ------------------------------------------------------------------ */

/* The tag has a partition without Windows, or none where there are several. False: the reason is
 * another. */
static bool wrong_partition(struct patient *p, const struct error *why)
{
	struct error err = *why;
	struct guestdisk_result result = { 0 };
	struct checkup_item *item;
	uint32_t found = 0;

	if (p->domain.tag.partition && why->code == REFUSE_NO_WINDOWS &&
	    checkup_read(p, &p->image, 0, JOB_INSPECT, &result, &err) == 0)
		found = result.partition;
	guestdisk_result_free(&result);
	if (!found && err.code != REFUSE_SEVERAL_WINDOWS)
		return false;
	if (found)
		item = checkup_add(p, "windows", VERDICT_NO, "its tag has partition=\"%u\", but "
				   "Windows is on partition %u of %s", p->domain.tag.partition,
				   found, p->target);
	else
		item = checkup_add(p, "windows", VERDICT_NO, "%s", err.msg);
	if (found)
		checkup_cure(item, "busflip enable %s --partition %u", p->name_word, found);
	else
		checkup_cure(item, "busflip enable %s --partition N, with the one that it starts",
			     p->name_word);
	return true;
}

static void no_windows(struct patient *p, const struct error *err,
		       const struct guestdisk_result *result)
{
	struct checkup_item *item;

	if (checkup_denied(p, "windows", err) || wrong_partition(p, err))
		return;
	if (is_its_own_business(p, err->code)) {
		checkup_add(p, "windows", VERDICT_YES, "it is done: busflip no longer writes to "
			    "its disk");
		return;
	}
	if (checkup_find_windows(p, err, result))
		return;
	if (err->code == REFUSE_IN_USE) {
		checkup_add(p, "windows", VERDICT_UNKNOWN, "%s", err->msg);
		return;
	}
	item = checkup_add(p, "windows", VERDICT_NO, "%s", err->msg);
	cure_refusal(p, item, err->code);
}

static void check_patch(struct patient *p)
{
	struct guestdisk_result result;
	struct error err = { 0 };
	struct checkup_item *item;
	enum bus bus = summary_target_bus(&p->domain, p->disk, &p->line->config);
	int r = checkup_read(p, &p->image, p->domain.tag.partition, JOB_PATCH, &result, &err);

	if (r == 0 && !result.changed) {
		checkup_add(p, "windows", VERDICT_YES, "it is ready for SATA and for %s",
			    bus_name(bus));
	} else if (r == 0) {
		checkup_add(p, "windows", VERDICT_YES, "it can be made ready for SATA and for %s",
			    bus_name(bus));
	} else if (is_its_own_business(p, err.code)) {
		no_windows(p, &err, &result);
	} else if (!checkup_denied(p, "windows", &err)) {
		item = checkup_add(p, err.code == REFUSE_NO_DRIVER ? "driver" : "windows",
				   err.code == REFUSE_IN_USE ? VERDICT_UNKNOWN : VERDICT_NO,
				   "%s", err.msg);
		if (err.code != REFUSE_IN_USE)
			cure_refusal(p, item, err.code);
	}
	if (r == 0)
		checkup_add(p, "driver", VERDICT_YES, "%s is available",
			    bus == BUS_SCSI ? "vioscsi" : "viostor");
	guestdisk_result_free(&result);
}

/* What busflip would read and write is not what the guest sees. */
static void other_disk(struct patient *p)
{
	struct checkup_item *item;

	item = checkup_add(p, "windows", VERDICT_NO, "busflip would read %s with the backing files "
			   "that the image names, but the definition gives the guest others "
			   "(<backingStore>)", p->image.path);
	checkup_cure(item, "with the guest off, make both name the same files: virsh edit %s, or "
		     "qemu-img rebase -u; if there are none: qemu-img rebase -u -b '' %s",
		     p->name_word, p->path_word);
}

void checkup_disk(struct patient *p)
{
	struct guestdisk_result result;
	struct error err = { 0 };
	struct table table;

	if (!p->has_image || p->wrong_format)
		return;
	if (p->own_chain) {
		other_disk(p);
		return;
	}
	if (checkup_read(p, &p->image, p->domain.tag.partition, JOB_INSPECT, &result,
			 &err) < 0) {
		no_windows(p, &err, &result);
	} else {
		checkup_table(&result, &table);
		checkup_boot(p, p->disk, &table);
		check_firmware(p, &table);
		checkup_clock(p, &result);
		check_patch(p);
	}
	guestdisk_result_free(&result);
}
