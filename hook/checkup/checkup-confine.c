// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup-confine.c - would AppArmor or SELinux keep QEMU from the files of a domain? */

#include "hook/checkup/checkup-parts.h"

#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "helper/shared/text.h"
#include "hook/checkup/confine.h"

static void check_apparmor(struct patient *p)
{
	struct checkup_item *item;
	struct error err = { 0 };
	int r = confine_apparmor(p->domain.uuid, p->xml, &err);

	if (r == 1 && disk_image_is_volume(p->disk)) {
		/* 9.0.0 omits them (measured); later versions do not, see load_profile() in
		 * src/security/security_apparmor.c. */
		item = checkup_add(p, "confinement", VERDICT_UNKNOWN, "AppArmor: libvirt generates "
				   "a profile, but some versions omit volumes of a pool from it");
		checkup_cure(item, "if its start fails with Permission denied, virsh edit %s: "
			     "<disk type='file'> and <source file='...'/>, with the path %s",
			     p->name_word, p->path_word);
	} else if (r == 1) {
		checkup_add(p, "confinement", VERDICT_YES, "AppArmor: libvirt generates a profile");
	} else if (r < 0) {
		checkup_add(p, "confinement", VERDICT_UNKNOWN, "AppArmor: %s", err.msg);
	} else {
		item = checkup_add(p, "confinement", VERDICT_NO, "AppArmor: %s", err.msg);
		checkup_cure(item, "move the image to /var/lib/libvirt/images and set the new "
			     "path with virsh edit %s", p->name_word);
	}
}

/* ---- SELinux ------------------------------------------------------------------ */

/* libvirt labels each file at a start, except files that it is configured to leave alone, and
 * files on a file system that rejects labels, which it does not treat as an error
 * (virSecuritySELinuxSetFileconImpl() in src/security/security_selinux.c). */
static const char *keeps_label(const struct patient *p, const struct need *need)
{
	struct statvfs fs;

	if (checkup_is_left_alone(p->domain.root, "selinux") ||
	    checkup_is_left_alone(need->source, "selinux"))
		return "does not change it (relabel='no')";
	if (statvfs(need->path, &fs) == 0 && (fs.f_flag & ST_RDONLY))
		return "can't change it (read-only file system)";
	return NULL;
}

static void bad_label(struct patient *p, const struct need *need, const char *why,
		      const struct selinux_barrier *barrier)
{
	struct checkup_item *item;
	char word[4400];

	if (barrier->folder) {
		item = checkup_add(p, "confinement", VERDICT_NO, "SELinux: %s%s: QEMU may not "
				   "enter %s, which has the label %s", need->of, need->path,
				   barrier->path, barrier->label);
		checkup_cure(item, "move the image to /var/lib/libvirt/images and set the new "
			     "path with virsh edit %s", p->name_word);
		return;
	}
	item = checkup_add(p, "confinement", VERDICT_NO, "SELinux: %s%s has the label %s, with "
			   "which QEMU may not %s it, and libvirt %s", need->of,
			   barrier->path, barrier->label,
			   need->write ? "read and write" : "read", why);
	if (strstr(why, "relabel"))
		checkup_cure(item, "chcon -t %s %s", need->write ? "svirt_image_t" :
			     "virt_content_t", shell_word(barrier->path, word, sizeof(word)));
	else
		checkup_cure(item, "copy it to /var/lib/libvirt/images and set the new path with "
			     "virsh edit %s", p->name_word);
}

/* On a file system without labels, a boolean of the policy decides. */
static int ask_boolean(struct patient *p, const struct need *need, const char *name)
{
	struct checkup_item *item;

	if (confine_boolean_is_on(SELINUX_FS "/booleans", name) != 0)
		return 1;
	item = checkup_add(p, "confinement", VERDICT_NO, "SELinux: %s%s is on a file system "
			   "without labels, and %s is off", need->of, need->path, name);
	checkup_cure(item, "setsebool -P %s on", name);
	return 0;
}

int checkup_ask_label(struct patient *p, const struct need *need)
{
	const char *name, *why = keeps_label(p, need);
	struct selinux_barrier barrier;
	struct statfs fs;
	int r;

	if (statfs(need->path, &fs) < 0)
		return -1;
	name = confine_boolean((long)fs.f_type);
	if (name)
		return ask_boolean(p, need, name);
	if (!p->label[0])
		return why ? -1 : 1;
	r = selinux_way(SELINUX_FS, p->label, need->path, why, need->write, &barrier);
	if (r == 0)
		bad_label(p, need, why ? why : "", &barrier);
	/* The kernel can't be asked; then the label that libvirt sets is what counts. */
	return r < 0 && !why ? 1 : r;
}

static void check_selinux(struct patient *p, const struct backing *backing)
{
	struct checkup_item *item;
	int r;

	/* The missing file has been reported already. */
	if (access(p->image.path, F_OK) < 0)
		return;
	r = checkup_ask_chain(p, "confinement", backing, checkup_ask_label);
	if (r == 1) {
		checkup_add(p, "confinement", VERDICT_YES, "SELinux: QEMU may use %s",
			    backing->count ? "the image and its backing files" : "the image");
	} else if (r < 0) {
		item = checkup_add(p, "confinement", VERDICT_UNKNOWN, "SELinux: libvirt does not "
				   "label %s, and whether QEMU may use it with its present label "
				   "is not known", p->image.path);
		checkup_cure(item, "chcon -t svirt_image_t %s, unless ls -Z shows that or "
			     "virt_content_t", p->path_word);
	}
}

void checkup_confinement(struct patient *p, const struct backing *backing)
{
	if (p->apparmor)
		check_apparmor(p);
	if (p->selinux)
		check_selinux(p, backing);
}
