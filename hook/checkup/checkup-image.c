// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup-image.c - the system disk: is it a file or block device that busflip can read? */

#include "hook/checkup/checkup-parts.h"

#include <errno.h>

#include "helper/shared/text.h"
#include "hook/libvirt/pool.h"

#define BY_HAND "install the VirtIO drivers inside Windows and set evidence = shutdown in " \
	"/etc/busflip.conf"

static const char *source_word(const struct patient *p, const char *attr, char word[1100])
{
	char name[256];

	if (!xml_attr(xml_child(p->disk, "source"), attr, name, sizeof(name)))
		return "?";
	return shell_word(name, word, 1100);
}

/* On trial it is enough that the guest was seen writing. */
static bool waits_for_a_look(const struct patient *p)
{
	enum phase phase = p->domain.state.phase;

	return p->line->config.evidence == CONFIG_EVIDENCE_REQUIRE &&
	       phase != PHASE_TRIAL && phase != PHASE_DONE;
}

static void out_of_reach(struct patient *p, const struct error *err)
{
	char pool[1100], volume[1100];
	struct checkup_item *item;

	if (!waits_for_a_look(p)) {
		checkup_add(p, "system-disk", VERDICT_UNKNOWN, "%s: %s", p->target, err->msg);
		return;
	}
	item = checkup_add(p, "system-disk", VERDICT_NO, "%s: %s; with evidence = require it stays "
			   "on SATA", p->target, err->msg);
	if (disk_image_is_volume(p->disk))
		checkup_cure(item, "virsh edit %s: <disk type='block'> and <source dev='...'/>, "
			     "with the path that virsh vol-path --pool %s %s prints; if that path "
			     "does not exist on this host, " BY_HAND, p->name_word,
			     source_word(p, "pool", pool), source_word(p, "volume", volume));
	else
		checkup_cure(item, BY_HAND);
}

/* libvirt starts no guest with such a disk; the same is true for the next function. */
static void no_pool(struct patient *p, const struct error *err)
{
	struct checkup_item *item;

	item = checkup_add(p, "system-disk", VERDICT_NO, "%s: %s", p->target, err->msg);
	checkup_cure(item, "correct the <source> of disk %s with virsh edit %s, or define that "
		     "pool and start it", p->target_word, p->name_word);
}

static void not_active(struct patient *p)
{
	char pool[1100];
	struct checkup_item *item;

	source_word(p, "pool", pool);
	item = checkup_add(p, "system-disk", VERDICT_NO, "%s: its storage pool %s is not active",
			   p->target, pool);
	checkup_cure(item, "virsh pool-start %s && virsh pool-autostart %s", pool, pool);
}

static void no_image(struct patient *p, const struct error *err)
{
	if (checkup_denied(p, "system-disk", err))
		return;
	if (err->code == ENOTSUP)
		out_of_reach(p, err);
	else if (err->code == ENOENT)
		no_pool(p, err);
	else if (err->code == EAGAIN)
		not_active(p);
	else
		checkup_add(p, "system-disk", VERDICT_UNKNOWN, "%s: %s", p->target, err->msg);
}

void checkup_image(struct patient *p)
{
	bool volume = disk_image_is_volume(p->disk);
	struct error err = { 0 };

	if (volume && !virt_is_this_host(p->line->config.uri)) {
		checkup_add(p, "system-disk", VERDICT_UNKNOWN, "%s: its storage pool is on another "
			    "host", p->target);
		return;
	}
	p->has_image = disk_image_of(p->disk, &p->image, &err) == 0;
	shell_word(p->target, p->target_word, sizeof(p->target_word));
	shell_word(p->image.path, p->path_word, sizeof(p->path_word));
	if (!p->has_image)
		no_image(p, &err);
	else if (volume && !pool_is_active(xml_child(p->disk, "source")))
		not_active(p);
	else
		checkup_add(p, "system-disk", VERDICT_YES, "%s: %s, %s", p->target, p->image.path,
			    p->image.format);
}
