// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup-files.c - the files that QEMU needs: whether they exist, are valid and accessible */

#include "hook/checkup/checkup-parts.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/text.h"
#include "hook/checkup/magic.h"
#include "hook/host/cure.h"

/* A descriptor has some hundred bytes, qemu.conf some ten thousand. */
#define DESCRIPTOR_LIMIT 1048576

/* ---- is it what the definition says? ---------------------------------------- */

/* A LUKS header is no format of a raw disk: libvirt calls a disk raw that QEMU decrypts
 * (<encryption>, docs/formatstorageencryption.rst), and a guest may encrypt its own disk. */
static bool fits(const char *said, const char *seen)
{
	return strcmp(said, seen) == 0 ||
	       (strcmp(said, "raw") == 0 && strcmp(seen, "luks") == 0);
}

bool checkup_format(struct patient *p, const struct need *need, const xmlNode *disk,
		    const char *said, const char *seen)
{
	char target[TARGET_SIZE] = "TARGET", word[4 * TARGET_SIZE];
	bool raw = strcmp(said, "raw") == 0;
	struct checkup_item *item;

	if (fits(said, seen))
		return true;
	disk_target(disk, target, sizeof(target));
	shell_word(target, word, sizeof(word));
	if (raw) {
		item = checkup_add(p, need->item, VERDICT_NO, "%sthe definition says raw, but %s "
				   "begins as %s does", need->of, need->path, seen);
		checkup_cure(item, "if the guest has never run with raw: virt-xml %s --edit "
			     "target=%s --disk driver.type=%s; never do so for a disk that a guest "
			     "has used as raw: the guest may have written that header",
			     p->name_word, word, seen);
	} else {
		item = checkup_add(p, need->item, VERDICT_NO, "%sthe definition says %s, but %s "
				   "is %s", need->of, said, need->path, seen);
		checkup_cure(item, "virt-xml %s --edit target=%s --disk driver.type=%s",
			     p->name_word, word, seen);
	}
	return false;
}

static void check_format(struct patient *p)
{
	const struct need need = { .item = "format", .of = "", .path = p->image.path };
	const char *said = p->image.format, *seen;
	struct error err = { 0 };

	seen = magic_format(p->image.path, &err);
	if (!seen && checkup_denied(p, "format", &err))
		return;
	if (!seen)
		checkup_wrong(p, "format", &err, "correct the <source> of disk %s with virsh "
			      "edit %s", p->target_word, p->name_word);
	else if (checkup_format(p, &need, p->disk, said, seen))
		checkup_add(p, "format", VERDICT_YES, "%s", said);
	else
		p->wrong_format = true;
}

static void no_chain(struct patient *p, const struct error *err)
{
	const char *cure = cure_at_import(err->code);
	struct checkup_item *item;

	if (checkup_denied(p, "backing", err))
		return;
	item = checkup_add(p, "backing", VERDICT_NO, "%s", err->msg);
	if (cure)
		checkup_cure(item, "%s", cure);
	else
		checkup_cure(item, "qemu-img info --backing-chain %s; qemu-img rebase -u corrects "
			     "a wrong name", p->path_word);
}

static void check_chain(struct patient *p, struct backing *backing)
{
	const struct need need = { .item = "backing", .of = "", .path = p->image.path };
	struct error err = { 0 };
	enum chain chain = checkup_chain(p, &need, p->disk, p->image.format, backing, &err);

	p->own_chain = chain > CHAIN_UNREADABLE;
	if (chain == CHAIN_UNREADABLE)
		no_chain(p, &err);
	else if (chain == CHAIN_ENDED)
		checkup_add(p, "backing", VERDICT_YES, "none, by the definition (<backingStore/>)");
	else if (chain == CHAIN_OTHER)
		checkup_add(p, "backing", VERDICT_UNKNOWN, "the definition names other files "
			    "(<backingStore>) than %s does", p->image.path);
	else if (chain == CHAIN_OF_IMAGE && backing->count)
		checkup_add(p, "backing", VERDICT_YES, "%zu more files", backing->count);
}

static void check_access(struct patient *p, const struct backing *backing)
{
	struct checkup_item *item;
	char user[64];

	if (p->no_user[0]) {
		item = checkup_add(p, "access", VERDICT_NO, "QEMU would run as %s, by its "
				   "<seclabel>: not a user and a group of this host",
				   p->no_user);
		checkup_cure(item, "correct that <label> with virsh edit %s, or remove the "
			     "<seclabel> of model dac", p->name_word);
		return;
	}
	if (!p->has_user) {
		checkup_add(p, "access", VERDICT_UNKNOWN,
			    "libvirt does not say as which user it runs QEMU");
		return;
	}
	if (checkup_ask_chain(p, "access", backing, checkup_ask) == 1)
		checkup_add(p, "access", VERDICT_YES, "user %s, as which QEMU runs, may use %s",
			    checkup_user(p, user, sizeof(user)),
			    backing->count ? "the image and its backing files" : "the image");
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

/* If the definition names no file, libvirt chooses from the firmware descriptors
 * (docs/interop/firmware.json of QEMU). With @loader: is that file in one of them? */
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
	struct checkup_item *item = checkup_add(p, "nvram", VERDICT_NO, "%s", what);

	checkup_cure(item, "install UEFI firmware for QEMU (the package ovmf or edk2-ovmf), or "
		     "correct <os> with virsh edit %s", p->name_word);
}

/* libvirt knows the variables for a loader from the descriptors, from qemu.conf, or from a
 * list that it was built with; those of Debian and Fedora contain these two folders
 * (qemuPrepareNVRAM() in src/qemu/qemu_process.c). */
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

/* As text, or since libvirt 8.5 in a <source>. */
static bool variables(const xmlNode *nvram, char *path, size_t size)
{
	const xmlNode *source = xml_child(nvram, "source");

	return (xml_text(nvram, path, size) && path[strspn(path, " \t\n")]) ||
	       xml_attr(source, "file", path, size) || xml_attr(source, "dev", path, size);
}

static void no_variables(struct patient *p, const xmlNode *nvram, const char *path)
{
	char template[1024], word[4400];
	struct checkup_item *item;

	if (xml_attr(nvram, "template", template, sizeof(template))) {
		item = checkup_add(p, "nvram", VERDICT_NO, "neither %s nor its template %s exists",
				   path, template);
		checkup_cure(item, "restore %s, or remove <nvram> with virsh edit %s: the guest "
			     "then starts with empty variables",
			     shell_word(path, word, sizeof(word)), p->name_word);
	} else {
		item = checkup_add(p, "nvram", VERDICT_NO, "%s does not exist, and libvirt knows "
				   "no template for this loader", path);
		checkup_cure(item, "virsh edit %s: <nvram template='...'>, the file of empty "
			     "variables that came with the loader", p->name_word);
	}
}

static void check_nvram(struct patient *p, const xmlNode *os, bool chosen)
{
	const xmlNode *node = xml_child(os, "nvram");
	char path[1024], template[1024];
	bool named = variables(node, path, sizeof(path)), is_there, can_make;
	const struct need need = { .item = "nvram", .of = "", .path = path, .write = true };

	is_there = named && access(path, F_OK) == 0;
	can_make = xml_attr(node, "template", template, sizeof(template)) ?
		   access(template, F_OK) == 0 : has_template(os);
	if (is_there && p->has_user && checkup_ask(p, &need) == 0) {
		/* That function has reported the error. */
	} else if (named && !is_there && !can_make) {
		no_variables(p, node, path);
	} else if (chosen) {
		checkup_add(p, "nvram", VERDICT_UNKNOWN, "libvirt chooses the firmware at the "
			    "start");
		p->choice = p->out->count;
	} else if (is_there) {
		checkup_add(p, "nvram", VERDICT_YES, "firmware and its variables exist");
	} else if (named) {
		checkup_add(p, "nvram", VERDICT_YES, "libvirt makes %s at the first start", path);
	} else {
		checkup_add(p, "nvram", VERDICT_YES, "its firmware exists");
	}
}

static void check_loader(struct patient *p)
{
	const xmlNode *os = xml_child(p->domain.root, "os");
	char path[1024], text[1100];
	bool named = xml_text(xml_child(os, "loader"), path, sizeof(path)) && path[0];

	if (named) {
		str_printf(text, sizeof(text), "%s does not exist", path);
		if (access(path, F_OK) != 0) {
			no_loader(p, text);
			return;
		}
	} else if (!has_descriptors(NULL)) {
		no_loader(p, "no UEFI firmware is installed on this host");
		return;
	}
	check_nvram(p, os, !named);
}

void checkup_files(struct patient *p)
{
	struct backing backing = { 0 };

	if (p->has_image) {
		check_format(p);
		check_chain(p, &backing);
		check_access(p, &backing);
		checkup_confinement(p, &backing);
	}
	backing_free(&backing);
	if (checkup_is_uefi(&p->domain) == 1)
		check_loader(p);
}
