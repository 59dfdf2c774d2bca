// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * checkup-others.c - the other files of a domain: further disks, CD-ROMs, its kernel
 *
 * libvirt and QEMU need every one of them at a start, so a missing ISO from which Windows was
 * installed years ago keeps the guest from starting. Disks with a startupPolicy that allows it
 * are the exception (docs/formatdomain.rst of libvirt).
 */

#include "hook/checkup/checkup-parts.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "helper/shared/text.h"
#include "hook/checkup/magic.h"

struct others {
	size_t count;		/* number of files checked */
	bool all_known;
};

static bool is_missing(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

static void look_at(struct patient *p, const struct need *need, struct others *others)
{
	int r = 1, label = 1;

	others->count++;
	if (!checkup_is_there(p, need)) {
		others->all_known = false;
		return;
	}
	if (p->has_user)
		r = checkup_ask(p, need);
	if (p->selinux)
		label = checkup_ask_label(p, need);
	if (r != 1 || label != 1)
		others->all_known = false;
}

/* Formats that only QEMU can distinguish are not checked, nor are files that root can't read:
 * a server may let QEMU's user read them. */
static void look_at_format(struct patient *p, const struct need *need, const xmlNode *disk,
			   const char *said, struct others *others)
{
	const char *seen = magic_is_known(said) ? magic_format(need->path, NULL) : NULL;

	if (seen && !checkup_format(p, need, disk, said, seen))
		others->all_known = false;
}

/* libvirt also drops an optional disk if its chain is broken. */
static bool is_optional(const struct need *need)
{
	return xml_attr_is(need->source, "startupPolicy", "optional");
}

/* The files below it, as far as they are known; otherwise the reason has been reported. */
static int find_chain(struct patient *p, const struct need *need, const xmlNode *disk,
		      const char *format, struct backing *backing)
{
	struct error err = { 0 };
	enum chain chain = checkup_chain(p, need, disk, format, backing, &err);
	struct checkup_item *item;
	char word[4400];

	if (chain == CHAIN_OF_IMAGE || chain == CHAIN_ENDED)
		return 0;
	if (chain == CHAIN_OTHER)
		checkup_add(p, "other-files", VERDICT_UNKNOWN, "%sthe definition names other "
			    "files (<backingStore>) than %s does", need->of, need->path);
	if (chain != CHAIN_UNREADABLE)
		return -1;
	/* QEMU may follow what busflip does not. */
	if (err.code != ENOENT || is_optional(need)) {
		checkup_add(p, "other-files", VERDICT_UNKNOWN, "%s%s", need->of, err.msg);
		return -1;
	}
	item = checkup_add(p, "other-files", VERDICT_NO, "%s%s", need->of, err.msg);
	checkup_cure(item, "qemu-img info --backing-chain %s; qemu-img rebase -u corrects a wrong "
		     "name", shell_word(need->path, word, sizeof(word)));
	return -1;
}

static void look_at_chain(struct patient *p, struct need need, const xmlNode *disk,
			  const char *format, struct others *others)
{
	struct backing backing = { 0 };
	bool write = need.write;

	if (find_chain(p, &need, disk, format, &backing) < 0)
		others->all_known = false;
	for (size_t i = 0; i < backing.count; i++) {
		need.path = backing.paths[i];
		need.write = write && backing.writable[i];
		look_at(p, &need, others);
	}
	backing_free(&backing);
}

/* The guest starts with an empty drive or without that disk. "requisite" applies to migrated
 * and restored guests: a start fails (since libvirt 0.9.7). */
static bool may_be_missing(struct patient *p, const struct need *need)
{
	if (!is_optional(need) || !is_missing(need->path))
		return false;
	checkup_add(p, "other-files", VERDICT_YES, "%s%s does not exist, and the guest starts "
		    "without it (startupPolicy)", need->of, need->path);
	return true;
}

static void no_medium(struct patient *p, const struct need *need, const char *target)
{
	char word[4 * TARGET_SIZE];
	struct checkup_item *item;

	item = checkup_add(p, "other-files", VERDICT_NO, "%s%s does not exist", need->of,
			   need->path);
	checkup_cure(item, "virsh change-media %s %s --eject --config, or put it back",
		     p->name_word, shell_word(target, word, sizeof(word)));
}

static void look_at_disk(struct patient *p, const xmlNode *disk, struct others *others)
{
	bool cdrom = xml_attr_is(disk, "device", "cdrom");
	char target[TARGET_SIZE], of[TARGET_SIZE + 16];
	struct need need = { .item = "other-files", .of = of };
	struct error ignored = { 0 };
	struct disk_image image;

	/* Empty drives, and disks that are not files of this host. */
	if (!disk_target(disk, target, sizeof(target)) ||
	    disk_image_of(disk, &image, &ignored) < 0)
		return;
	str_printf(of, sizeof(of), "disk %s: ", target);
	need.path = image.path;
	need.source = xml_child(disk, "source");
	need.write = !cdrom && !xml_child(disk, "readonly");
	if (may_be_missing(p, &need))
		return;
	if ((cdrom || xml_attr_is(disk, "device", "floppy")) && is_missing(need.path)) {
		no_medium(p, &need, target);
		others->all_known = false;
		return;
	}
	look_at(p, &need, others);
	if (is_missing(need.path))
		return;
	look_at_format(p, &need, disk, image.format, others);
	look_at_chain(p, need, disk, image.format, others);
}

static void look_at_boot_files(struct patient *p, struct others *others)
{
	static const char *const names[] = { "kernel", "initrd", "dtb" };
	const xmlNode *os = xml_child(p->domain.root, "os");
	char path[4096], of[16];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct need need = { .item = "other-files", .of = of, .path = path };

		str_printf(of, sizeof(of), "%s: ", names[i]);
		if (xml_text(xml_child(os, names[i]), path, sizeof(path)) && path[0])
			look_at(p, &need, others);
	}
}

void checkup_others(struct patient *p)
{
	const xmlNode *disk = xml_child(p->domain.devices, "disk");
	struct others others = { .all_known = true };

	for (; disk; disk = xml_next(disk, "disk"))
		if (!disk_is_bait(disk) && disk != p->disk)
			look_at_disk(p, disk, &others);
	look_at_boot_files(p, &others);
	if (others.count && others.all_known)
		checkup_add(p, "other-files", VERDICT_YES, "%zu more file%s%s", others.count,
			    others.count == 1 ? "" : "s",
			    p->has_user ? ", and QEMU may use them" : "");
}
