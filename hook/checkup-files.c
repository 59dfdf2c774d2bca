// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup-files.c - the files that QEMU needs: there, what they should be, allowed */

#include "hook/checkup-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hook/backing.h"
#include "hook/confine.h"
#include "hook/magic.h"

/* A descriptor has some hundred bytes, qemu.conf some ten thousand. */
#define DESCRIPTOR_LIMIT 1048576
#define BOOLEANS "/sys/fs/selinux/booleans"

/* ---- may QEMU's user use it? ------------------------------------------------ */

static const char *user_name(const struct patient *p, char *buf, size_t size)
{
	const struct passwd *pw = getpwuid(p->user.uid);

	if (!pw || !str_fits(buf, size, pw->pw_name))
		str_printf(buf, size, "%u", (unsigned)p->user.uid);
	return buf;
}

static void no_folder(struct patient *p, const char *user, const char *path,
		      const char *folder)
{
	char word[4400];
	struct checkup_item *item =
		checkup_add(p, "access", HOLDS_NO, "%s: QEMU runs as user %s, which can't "
			    "enter %s", path, user, folder);

	checkup_cure(item, "setfacl -m u:%s:x %s, or move the image to "
		     "/var/lib/libvirt/images", user, shell_word(folder, word, sizeof(word)));
}

static void no_file(struct patient *p, const char *user, const char *path, bool write)
{
	char word[4400];
	struct checkup_item *item =
		checkup_add(p, "access", HOLDS_NO, "%s: QEMU runs as user %s, which can't %s "
			    "it, and libvirt does not change its owner", path, user,
			    write ? "read and write" : "read");

	checkup_cure(item, "setfacl -m u:%s:%s %s", user, write ? "rw" : "r",
		     shell_word(path, word, sizeof(word)));
}

/* Return 1: it may or will, 0: said why not, -1: said that nobody knows. */
static int ask(struct patient *p, const char *path, bool write, bool relabeled)
{
	struct access_result result;
	struct checkup_item *item;
	char user[64];

	access_ask(&p->user, path, write, &result);
	user_name(p, user, sizeof(user));
	switch (result.answer) {
	case ACCESS_OK:
		return 1;
	case ACCESS_NO_FILE:
		if (relabeled)
			return 1;
		no_file(p, user, path, write);
		return 0;
	case ACCESS_NO_FOLDER:
		no_folder(p, user, path, result.where);
		return 0;
	case ACCESS_MISSING:
		item = checkup_add(p, "access", HOLDS_NO, "%s is not there for user %s", path,
				   user);
		checkup_cure(item, "put it back, or correct its name with virsh edit %s",
			     p->name_word);
		return 0;
	case ACCESS_READ_ONLY:
		item = checkup_add(p, "access", HOLDS_NO, "%s is on a file system that is "
				   "mounted read-only", path);
		checkup_cure(item, "mount -o remount,rw on that file system, or move the image");
		return 0;
	case ACCESS_UNKNOWN:
		break;
	}
	checkup_add(p, "access", HOLDS_UNKNOWN, "%s: %s", path, result.where);
	return -1;
}

/* Does a <seclabel> below @parent say that libvirt is to leave files as they are? */
static bool says_no_relabel(const xmlNode *parent, const char *model)
{
	const xmlNode *label = xml_child(parent, "seclabel");

	for (; label; label = xml_next(label, "seclabel"))
		if ((xml_attr_is(label, "model", model) || !xmlHasProp(label, XS("model"))) &&
		    (xml_attr_is(label, "relabel", "no") || xml_attr_is(label, "type", "none")))
			return true;
	return false;
}

static bool is_relabeled(const struct patient *p)
{
	return p->relabels && !says_no_relabel(xml_child(p->disk, "source"), "dac");
}

static void check_access(struct patient *p, const struct backing *backing)
{
	bool relabeled = is_relabeled(p);
	bool write = !xml_child(p->disk, "readonly");
	char user[64];
	int r;

	if (!p->has_user) {
		checkup_add(p, "access", HOLDS_UNKNOWN,
			    "libvirt does not say as which user it runs QEMU");
		return;
	}
	r = ask(p, p->place.path, write, relabeled);
	for (size_t i = 0; i < backing->count; i++) {
		int one = ask(p, backing->paths[i], write && backing->writable[i], relabeled);

		r = one < r ? one : r;
	}
	if (r == 1)
		checkup_add(p, "access", HOLDS_YES, "user %s, as which QEMU runs, may use %s",
			    user_name(p, user, sizeof(user)),
			    backing->count ? "the image and its backing files" : "the image");
}

/* ---- would AppArmor or SELinux let it? -------------------------------------- */

static void check_apparmor(struct patient *p)
{
	struct checkup_item *item;
	struct error err = { 0 };
	int r = confine_apparmor(p->domain.uuid, p->xml, &err);

	if (r == 1) {
		checkup_add(p, "confinement", HOLDS_YES, "AppArmor: libvirt makes a profile");
	} else if (r < 0) {
		checkup_add(p, "confinement", HOLDS_UNKNOWN, "AppArmor: %s", err.msg);
	} else {
		item = checkup_add(p, "confinement", HOLDS_NO, "AppArmor: %s", err.msg);
		checkup_cure(item, "move the image to /var/lib/libvirt/images and set the new "
			     "path with virsh edit %s", p->name_word);
	}
}

static void check_selinux(struct patient *p)
{
	const char *name;
	struct checkup_item *item;
	struct statfs fs;

	if (statfs(p->place.path, &fs) < 0)
		return;
	name = confine_boolean((long)fs.f_type);
	if (!name && (says_no_relabel(p->domain.root, "selinux") ||
		      says_no_relabel(xml_child(p->disk, "source"), "selinux"))) {
		item = checkup_add(p, "confinement", HOLDS_UNKNOWN, "SELinux: libvirt does not "
				   "label %s (relabel='no')", p->place.path);
		checkup_cure(item, "chcon -t svirt_image_t %s, unless ls -Z shows that or "
			     "virt_content_t", p->path_word);
	} else if (!name) {
		checkup_add(p, "confinement", HOLDS_YES, "SELinux: libvirt labels the image");
	} else if (confine_boolean_is_on(BOOLEANS, name) == 0) {
		item = checkup_add(p, "confinement", HOLDS_NO, "SELinux: %s is on a file system "
				   "without labels, and %s is off", p->place.path, name);
		checkup_cure(item, "setsebool -P %s on", name);
	} else {
		checkup_add(p, "confinement", HOLDS_YES, "SELinux: %s is on", name);
	}
}

/* ---- is it what the definition says? ---------------------------------------- */

static void check_format(struct patient *p)
{
	struct error err = { 0 };
	const char *said = p->place.format, *seen = magic_format(p->place.path, &err);
	struct checkup_item *item;

	if (!seen) {
		item = checkup_add(p, "format", HOLDS_NO, "%s", err.msg);
		checkup_cure(item, "correct the <source> of disk %s with virsh edit %s",
			     p->target_word, p->name_word);
	} else if (strcmp(said, seen) == 0) {
		checkup_add(p, "format", HOLDS_YES, "%s", said);
	} else if (strcmp(said, "raw") == 0) {
		item = checkup_add(p, "format", HOLDS_NO, "the definition says raw, but %s "
				   "begins as %s does", p->place.path, seen);
		checkup_cure(item, "if the guest has never run like this, virt-xml %s --edit "
			     "target=%s --disk driver.type=%s; never for a disk on which a "
			     "guest has run as raw: it may have written that itself",
			     p->name_word, p->target_word, seen);
	} else {
		item = checkup_add(p, "format", HOLDS_NO, "the definition says %s, but %s is %s",
				   said, p->place.path, seen);
		checkup_cure(item, "virt-xml %s --edit target=%s --disk driver.type=%s",
			     p->name_word, p->target_word, seen);
	}
}

static void check_chain(struct patient *p)
{
	struct backing backing = { 0 };
	struct error err = { 0 };
	struct checkup_item *item;

	if (backing_find(p->place.path, p->place.format, &backing, &err) < 0) {
		item = checkup_add(p, "backing", HOLDS_NO, "%s", err.msg);
		checkup_cure(item, "qemu-img info --backing-chain %s; qemu-img rebase -u "
			     "corrects a name that is wrong", p->path_word);
	} else if (backing.count) {
		checkup_add(p, "backing", HOLDS_YES, "%zu more files", backing.count);
	}
	check_access(p, &backing);
	backing_free(&backing);
}

/* ---- firmware ----------------------------------------------------------------- */

int checkup_is_uefi(const struct domain *domain)
{
	const xmlNode *os = xml_child(domain->root, "os");
	const xmlNode *loader = xml_child(os, "loader");

	if (xmlHasProp(os, XS("firmware")))
		return xml_attr_is(os, "firmware", "efi");
	if (!loader)
		return 0;
	return xml_attr_is(loader, "type", "pflash") ? 1 : -1;
}

static bool file_names(const char *file, const char *text)
{
	AUTO_FD int fd = open(file, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *data = NULL;
	size_t len;

	return fd >= 0 && read_all(fd, DESCRIPTOR_LIMIT, &data, &len, NULL) == 0 &&
	       memmem(data, len, text, strlen(text));
}

/* libvirt chooses from what the descriptors offer (docs/interop/firmware.json of
 * QEMU), when the definition names no file. With @loader: is that in one of them? */
static bool has_descriptors(const char *loader)
{
	static const char *const folders[] = {
		"/usr/share/qemu/firmware/*.json", BUSFLIP_SYSCONFDIR "/qemu/firmware/*.json",
	};
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		glob_t files = { 0 };

		if (glob(folders[i], 0, NULL, &files) == 0)
			for (size_t j = 0; j < files.gl_pathc && !found; j++)
				found = !loader || file_names(files.gl_pathv[j], loader);
		globfree(&files);
	}
	return found;
}

static void no_loader(struct patient *p, const char *what)
{
	struct checkup_item *item = checkup_add(p, "nvram", HOLDS_NO, "%s", what);

	checkup_cure(item, "install UEFI firmware for QEMU (the package ovmf or edk2-ovmf), or "
		     "correct <os> with virsh edit %s", p->name_word);
}

/* Which variables go with a loader libvirt knows from the descriptors, from qemu.conf,
 * and where neither says so from a list that it was built with; Debian's and Fedora's
 * have these two folders (qemuPrepareNVRAM() in src/qemu/qemu_process.c). */
static bool has_template(const xmlNode *os)
{
	char loader[1024];

	if (!xml_text(xml_child(os, "loader"), loader, sizeof(loader)) || !loader[0])
		return true;
	return strncmp(loader, "/usr/share/OVMF/", 16) == 0 ||
	       strncmp(loader, "/usr/share/edk2/", 16) == 0 ||
	       has_descriptors(loader) ||
	       file_names(BUSFLIP_SYSCONFDIR "/libvirt/qemu.conf", loader);
}

static void check_nvram(struct patient *p, const xmlNode *os)
{
	const xmlNode *node = xml_child(os, "nvram");
	struct checkup_item *item;
	char path[1024], template[1024], word[4400];
	bool named = xml_text(node, path, sizeof(path)) && path[0];

	if (named && access(path, F_OK) == 0 && p->has_user &&
	    ask(p, path, true, p->relabels) == 0) {
		/* That said what is wrong with it. */
	} else if (!named || access(path, F_OK) == 0) {
		checkup_add(p, "nvram", HOLDS_YES, "firmware and its variables are there");
	} else if (xml_attr(node, "template", template, sizeof(template)) &&
		   access(template, F_OK) != 0) {
		item = checkup_add(p, "nvram", HOLDS_NO, "neither %s nor its template %s is there",
				   path, template);
		checkup_cure(item, "restore %s, or remove <nvram> with virsh edit %s: the guest "
			     "then begins with empty variables",
			     shell_word(path, word, sizeof(word)), p->name_word);
	} else if (!xmlHasProp(node, XS("template")) && !has_template(os)) {
		item = checkup_add(p, "nvram", HOLDS_NO, "%s is not there, and libvirt knows no "
				   "template for this loader", path);
		checkup_cure(item, "virsh edit %s: <nvram template='...'>, the file of empty "
			     "variables that came with the loader", p->name_word);
	} else {
		checkup_add(p, "nvram", HOLDS_YES, "libvirt makes %s at the first start", path);
	}
}

static void check_loader(struct patient *p)
{
	const xmlNode *os = xml_child(p->domain.root, "os");
	char path[1024], text[1100];

	if (xml_text(xml_child(os, "loader"), path, sizeof(path)) && path[0]) {
		str_printf(text, sizeof(text), "%s is not there", path);
		if (access(path, F_OK) != 0) {
			no_loader(p, text);
			return;
		}
	} else if (!has_descriptors(NULL)) {
		no_loader(p, "no UEFI firmware is installed on this host");
		return;
	}
	check_nvram(p, os);
}

void checkup_files(struct patient *p)
{
	if (p->placed) {
		check_format(p);
		check_chain(p);
		if (p->apparmor)
			check_apparmor(p);
		if (p->selinux)
			check_selinux(p);
	}
	if (checkup_is_uefi(&p->domain) == 1)
		check_loader(p);
}
