// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup-bait.c - the bait, which all staged domains share */

#include "hook/checkup/checkup-parts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/text.h"
#include "hook/host/baitimage.h"

static void look_at_image(struct patient *p, const char *path)
{
	struct checkup_item *item;
	struct error err;
	char word[4400];

	if (baitimage_sound(path, &err))
		return;
	item = checkup_add(p, "other-files", VERDICT_NO, "the bait: %s", err.msg);
	if (err.code == EEXIST)
		checkup_cure(item, "give the domain that uses %s another image, or move the file; "
			     "then run busflip stage --all, which makes a new bait",
			     shell_word(path, word, sizeof(word)));
	else
		checkup_cure(item, "run busflip stage --all; if its file system has no ACLs, set "
			     "bait in /etc/busflip.conf to another place");
}

/* A missing bait is created again, or left out by libvirt. One that exists but can't be
 * reached is reported: somebody may have closed its folder since. */
static void look_at_bait(struct patient *p, const xmlNode *bait)
{
	const char *path = p->line->config.bait;
	struct need need = { .item = "other-files", .of = "the bait: ",
			     .source = xml_child(bait, "source") };
	struct error ignored = { 0 };
	struct disk_image image;

	if (disk_image_of(bait, &image, &ignored) < 0 || access(image.path, F_OK) < 0)
		return;
	if (strcmp(image.path, path) == 0)
		look_at_image(p, path);
	need.path = image.path;
	if (p->has_user)
		checkup_ask(p, &need);
}

/* Whatever this guest writes, all staged guests get as their bait; and while it runs none of
 * them can start, because QEMU refuses to share the image. */
static void look_at_disk(struct patient *p, const xmlNode *disk)
{
	const char *path = p->line->config.bait;
	char target[TARGET_SIZE], word[4 * TARGET_SIZE];
	struct checkup_item *item;

	if (!xml_attr_is(xml_child(disk, "source"), "file", path) ||
	    xml_child(disk, "readonly") || xml_attr_is(disk, "device", "cdrom") ||
	    !disk_target(disk, target, sizeof(target)))
		return;
	item = checkup_add(p, "other-files", VERDICT_NO, "disk %s: %s is the bait of all domains "
			   "that are staged", target, path);
	checkup_cure(item, "give disk %s an image of its own: move its data, and run virt-xml %s "
		     "--edit target=%s --disk path=FILE",
		     shell_word(target, word, sizeof(word)), p->name_word, word);
}

void checkup_bait(struct patient *p)
{
	const xmlNode *disk = xml_child(p->domain.devices, "disk");

	for (; disk; disk = xml_next(disk, "disk"))
		if (disk_is_bait(disk))
			look_at_bait(p, disk);
		else
			look_at_disk(p, disk);
}
