// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * checkup-boot.c - is Windows on the disk that busflip works on, and does the firmware boot it?
 *
 * The firmware boots only the first disk in order: SeaBIOS never tries a second one, and OVMF
 * only those that libvirt passes to it (with <boot dev='hd'/>, the first). The boot loader of
 * Windows may be on another disk than Windows: its setup puts it onto the first one. Such a
 * domain boots as it is, and would not any more with another boot order.
 */

#include "hook/checkup/checkup-parts.h"

#include <errno.h>
#include <string.h>

#include "helper/shared/refusal.h"
#include "helper/shared/text.h"
#include "hook/cli/subject.h"
#include "hook/cli/summary.h"
#include "hook/image/diskimage.h"

int checkup_read(const struct patient *p, const struct disk_image *image, uint32_t partition,
		 enum job_action action, struct guestdisk_result *result, struct error *err)
{
	struct subject o;

	memset(result, 0, sizeof(*result));
	if (subject_begin(p->line, action, &o) != EXIT_DONE)
		return fail(err, EINVAL, "wrong usage");
	o.image = *image;
	o.qemu = p->has_user ? &p->user : NULL;
	o.bus = summary_target_bus(&p->domain, p->disk, &p->line->config);
	o.job.dry_run = action == JOB_PATCH;
	o.job.partition = partition;
	o.job.live = false;
	return subject_run(&o, result, err);
}

static void take_fact(void *context, const char *key, const char *value)
{
	struct table *table = context;

	if (strcmp(key, "table") == 0) {
		table->mbr = strcmp(value, "mbr") == 0;
		table->gpt = strcmp(value, "gpt") == 0;
	} else if (strcmp(key, "esp") == 0) {
		table->esp = strcmp(value, "yes") == 0;
	} else if (strcmp(key, "esp-loader") == 0) {
		table->bare_esp = table->esp && strcmp(value, "no") == 0;
	} else if (strcmp(key, "loader") == 0) {
		table->loader = strcmp(value, "yes") == 0;
	}
}

void checkup_table(const struct guestdisk_result *result, struct table *table)
{
	memset(table, 0, sizeof(*table));
	findings_each(result, take_fact, table);
}

/* Whether the firmware of this domain can find a boot loader there. */
static bool has_loader(const struct patient *p, const struct table *table)
{
	const int uefi = checkup_is_uefi(&p->domain);

	return uefi == 1 ? table->esp : uefi == 0 ? table->loader : table->esp || table->loader;
}

/* No Windows can be found on a disk like that; but on another one. */
static bool is_without(int code)
{
	return code == REFUSE_NO_WINDOWS || code == REFUSE_PARTITION_TABLE;
}

static bool is_hidden(int code)
{
	return code == REFUSE_BITLOCKER || code == REFUSE_DYNAMIC_DISK ||
	       code == REFUSE_STORAGE_SPACES;
}

struct look {
	struct error err;	/* why Windows was not found */
	bool windows;
	struct table table;
};

static void look_at(const struct patient *p, const xmlNode *disk, struct look *look)
{
	struct guestdisk_result result = { 0 };
	struct disk_image image;
	int r;

	memset(look, 0, sizeof(*look));
	if (disk_image_of(disk, &image, &look->err) < 0)
		return;
	r = checkup_read(p, &image, 0, JOB_INSPECT, &result, &look->err);
	look->windows = r == 0 || look->err.code == REFUSE_SEVERAL_WINDOWS;
	checkup_table(&result, &look->table);
	guestdisk_result_free(&result);
}

/* The commands that make the domain boot from @disk, if @order, and busflip work on it. The
 * order comes first: staging renames the disk. */
static void cure(struct patient *p, struct checkup_item *item, const xmlNode *disk, bool order,
		 const char *when)
{
	bool again = disk != p->disk && p->domain.state_node;
	char name[TARGET_SIZE] = "", word[4 * TARGET_SIZE], enable[DOMAIN_WORD + 256] = "";

	disk_target(disk, name, sizeof(name));
	shell_word(name, word, sizeof(word));
	/* Without a name in the tag busflip works on the disk that boots. */
	if (disk != p->disk && (again || !order || p->domain.tag.disk[0]))
		str_printf(enable, sizeof(enable), "busflip enable %s --disk %s", p->name_word,
			   word);
	if (!order)
		checkup_cure(item, "%s%s%s%s%s", when, again ? "busflip disable " : "",
			     again ? p->name_word : "", again ? " && " : "", enable);
	else
		checkup_cure(item, "%s%s%s%svirt-xml %s --edit target=%s --disk boot.order=1%s%s",
			     when, again ? "busflip disable " : "", again ? p->name_word : "",
			     again ? " && " : "", p->name_word, word, *enable ? " && " : "",
			     enable);
}

/* Windows is on @disk, but the domain boots from @first, on which there is something else. */
static void boots_another(struct patient *p, const xmlNode *disk, const char *on,
			  const xmlNode *first, const struct table *table)
{
	struct checkup_item *item;
	char name[TARGET_SIZE];
	struct look look;
	bool loader;

	if (!disk_target(first, name, sizeof(name)))
		return;
	look_at(p, first, &look);
	loader = has_loader(p, &look.table);
	if (look.windows || (loader && has_loader(p, table)) ||
	    (!loader && !is_without(look.err.code) && !is_hidden(look.err.code))) {
		item = checkup_add(p, "boot-disk", VERDICT_UNKNOWN, "Windows is on %s, but it "
				   "boots from %s: %s", on, name, look.windows ?
				   "there is one on that disk, too" : loader ?
				   "there is a boot loader on both" : look.err.msg);
		cure(p, item, disk, true, "if that does not start this Windows: ");
	} else if (!loader) {
		item = checkup_add(p, "boot-disk", VERDICT_NO, "it boots from %s, but Windows is "
				   "on %s", name, on);
		cure(p, item, disk, true, "");
	} else if (disk != p->disk) {
		item = checkup_add(p, "boot-disk", VERDICT_NO, "busflip would work on %s, but "
				   "Windows is on %s; only its boot loader is on %s, so the boot "
				   "order must stay", p->target, on, name);
		cure(p, item, disk, false, "");
	} else {
		checkup_add(p, "boot-disk", VERDICT_YES, "Windows is on %s, and its boot loader "
			    "on %s, from which it boots", on, name);
	}
}

void checkup_boot(struct patient *p, const xmlNode *disk, const struct table *table)
{
	struct error ignored = { 0 };
	const xmlNode *first = domain_boot_disk(&p->domain, &ignored);
	struct checkup_item *item;
	char on[TARGET_SIZE] = "";

	disk_target(disk, on, sizeof(on));
	if (first && first != disk) {
		boots_another(p, disk, on, first, table);
	} else if (disk != p->disk) {
		item = checkup_add(p, "boot-disk", VERDICT_NO, "busflip would work on %s, but "
				   "Windows is on %s", p->target, on);
		cure(p, item, disk, false, "");
	} else {
		checkup_add(p, "boot-disk", VERDICT_YES, "Windows is on %s", on);
	}
}

bool checkup_has_esp(const struct patient *p)
{
	const xmlNode *disk = xml_child(p->domain.devices, "disk");
	struct look look;

	for (; disk; disk = xml_next(disk, "disk")) {
		if (disk == p->disk || !disk_is_hard_disk(disk) || disk_is_bait(disk))
			continue;
		look_at(p, disk, &look);
		/* What can't be read may have one. */
		if (look.table.esp || (!look.windows && !is_without(look.err.code)))
			return true;
	}
	return false;
}

static void none_found(struct patient *p, const struct error *why, const char *elsewhere)
{
	struct checkup_item *item;

	/* With that setting, disks that busflip can't read are to be expected. */
	item = checkup_add(p, "boot-disk",
			   p->line->config.evidence == CONFIG_EVIDENCE_SHUTDOWN ?
			   VERDICT_UNKNOWN : VERDICT_NO, "%s%s", why->msg, elsewhere);
	checkup_cure(item, "check that its image and format are right: virsh domblklist %s",
		     p->name_word);
}

bool checkup_find_windows(struct patient *p, const struct error *why,
			  const struct guestdisk_result *result)
{
	const xmlNode *disk = xml_child(p->domain.devices, "disk");
	char name[TARGET_SIZE], elsewhere[512] = "";
	struct table table;

	checkup_table(result, &table);
	/* With the boot loader beside it, Windows is probably what can't be read. */
	if (!is_without(why->code) && (!is_hidden(why->code) || has_loader(p, &table)))
		return false;
	for (; disk; disk = xml_next(disk, "disk")) {
		struct look look;

		if (disk == p->disk || !disk_is_hard_disk(disk) || disk_is_bait(disk) ||
		    !disk_target(disk, name, sizeof(name)))
			continue;
		look_at(p, disk, &look);
		if (look.windows) {
			checkup_boot(p, disk, &look.table);
			return true;
		}
		if (!is_without(look.err.code) && !elsewhere[0])
			str_printf(elsewhere, sizeof(elsewhere), "; disk %s: %s", name,
				   look.err.msg);
	}
	if (!is_without(why->code))
		return false;
	none_found(p, why, elsewhere);
	return true;
}
