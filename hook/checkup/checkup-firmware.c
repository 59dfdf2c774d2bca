// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup-firmware.c - UEFI firmware and its variables: is it there, or can libvirt make it? */

#include "hook/checkup/checkup-parts.h"

#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/text.h"

/* A descriptor has some hundred bytes, qemu.conf some ten thousand. */
#define DESCRIPTOR_LIMIT 1048576

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

/* ---- what is installed on this host --------------------------------------------- */

static char *contents(const char *path)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *data = NULL;
	size_t len;

	return fd >= 0 && read_all(fd, DESCRIPTOR_LIMIT, &data, &len, NULL) == 0 ? data : NULL;
}

struct firmware {
	char loader[1024], variables[1024];
};

/* Read the file name of @part from a descriptor (docs/interop/firmware.json of QEMU), which only
 * root writes. */
static bool filename_of(const char *text, const char *part, char path[1024])
{
	const char *at = strstr(text, part), *end;

	if (at)
		at = strstr(at, "\"filename\"");
	if (at)
		at = strchr(at + strlen("\"filename\""), '"');
	end = at ? strchr(at + 1, '"') : NULL;
	return end && str_printf(path, 1024, "%.*s", (int)(end - at - 1), at + 1);
}

/* Find the first descriptor that @fits, in libvirt's order. */
static bool find_descriptor(bool (*fits)(const void *context, const char *text,
					 const struct firmware *firmware),
			    const void *context, struct firmware *found)
{
	static const char *const folders[] = {
		BUSFLIP_SYSCONFDIR "/qemu/firmware/*.json", "/usr/share/qemu/firmware/*.json",
	};
	bool done = false;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		glob_t files = { 0 };

		if (glob(folders[i], 0, NULL, &files) == 0)
			for (size_t j = 0; j < files.gl_pathc && !done; j++) {
				AUTO_FREE char *text = contents(files.gl_pathv[j]);

				done = text && filename_of(text, "\"executable\"", found->loader) &&
				       filename_of(text, "\"nvram-template\"",
						   found->variables) &&
				       fits(context, text, found);
			}
		globfree(&files);
	}
	return done;
}

static bool any(const void *context, const char *text, const struct firmware *firmware)
{
	(void)context, (void)text, (void)firmware;
	return true;
}

static bool is_of_loader(const void *context, const char *text, const struct firmware *firmware)
{
	(void)text;
	return strcmp(firmware->loader, context) == 0;
}

struct wanted {
	const char *arch, *machine;
	bool smm;
	off_t size;		/* of the variables that are there, or 0 */
};

static bool is_wanted(const void *context, const char *text, const struct firmware *firmware)
{
	const struct wanted *w = context;
	struct stat st;

	return strstr(text, "\"uefi\"") && strstr(text, w->arch) && strstr(text, w->machine) &&
	       !strstr(text, "\"requires-smm\"") == !w->smm &&
	       access(firmware->loader, F_OK) == 0 && stat(firmware->variables, &st) == 0 &&
	       (!w->size || w->size == st.st_size);
}

/* Firmware of this host in place of a loader that is not there. */
static bool find_firmware(const xmlNode *os, off_t size, struct firmware *found)
{
	const xmlNode *type = xml_child(os, "type");
	char arch[64] = "", machine[64] = "", quoted[80];
	const struct wanted wanted = {
		.arch = quoted, .size = size,
		.machine = xml_attr(type, "machine", machine, sizeof(machine)) &&
			   strstr(machine, "q35") ? "pc-q35" :
			   strncmp(machine, "pc", 2) == 0 ? "pc-i440fx" : "",
		.smm = xml_attr_is(xml_child(os, "loader"), "secure", "yes"),
	};

	xml_attr(type, "arch", arch, sizeof(arch));
	str_printf(quoted, sizeof(quoted), "\"%s\"", arch[0] ? arch : "x86_64");
	return find_descriptor(is_wanted, &wanted, found);
}

/* libvirt knows the variables for a loader from the descriptors, from qemu.conf, or from a
 * list that it was built with (qemuPrepareNVRAM() in src/qemu/qemu_process.c): for Debian
 * libvirt's default one (meson.build), for Fedora loaders of this folder. */
static bool has_template(const char *loader)
{
	static const char *const built_in[] = {
		"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_CODE.secboot.fd",
		"/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF32_CODE.fd",
	};
	AUTO_FREE char *conf = contents(BUSFLIP_SYSCONFDIR "/libvirt/qemu.conf");
	struct firmware found;

	for (size_t i = 0; i < ARRAY_SIZE(built_in); i++)
		if (strcmp(loader, built_in[i]) == 0)
			return true;
	return strncmp(loader, "/usr/share/edk2/", 16) == 0 || (conf && strstr(conf, loader)) ||
	       find_descriptor(is_of_loader, loader, &found);
}

/* The empty variables that belong to a loader: those of its descriptor, or beside it under the
 * name that distributions give them: OVMF_CODE_4M.ms.fd and OVMF_VARS_4M.ms.fd. */
static bool find_template(const char *loader, char path[1024])
{
	const char *name = strrchr(loader, '/'), *code = name ? strstr(name, "CODE") : NULL;
	struct firmware found;

	if (find_descriptor(is_of_loader, loader, &found) && access(found.variables, F_OK) == 0)
		return str_fits(path, 1024, found.variables);
	return code && str_printf(path, 1024, "%.*sVARS%s", (int)(code - loader), loader,
				  code + 4) && access(path, F_OK) == 0;
}

/* ---- loader and variables of a definition ---------------------------------------- */

struct uefi {
	const xmlNode *os;
	char loader[1024], template[1024], variables[1024];	/* "" where none is named */
	char folder[1024];					/* of .variables */
	bool no_loader;		/* it is named, and not there */
	bool is_there;		/* the variables are */
	bool empty;		/* but have no bytes */
	bool no_template;	/* libvirt can't make them */
	bool no_folder;
};

/* As text, or since libvirt 8.5 in a <source>. */
static bool named_variables(const xmlNode *nvram, char *path, size_t size)
{
	const xmlNode *source = xml_child(nvram, "source");

	return (xml_text(nvram, path, size) && path[strspn(path, " \t\n")]) ||
	       xml_attr(source, "file", path, size) || xml_attr(source, "dev", path, size);
}

static void look_at_files(const struct patient *p, struct uefi *u)
{
	const xmlNode *loader, *nvram;
	struct stat st;
	char *slash;

	u->os = xml_child(p->domain.root, "os");
	loader = xml_child(u->os, "loader");
	nvram = xml_child(u->os, "nvram");
	if (!xml_text(loader, u->loader, sizeof(u->loader)))
		u->loader[0] = '\0';
	if (!named_variables(nvram, u->variables, sizeof(u->variables)))
		u->variables[0] = '\0';
	if (!xml_attr(nvram, "template", u->template, sizeof(u->template)))
		u->template[0] = '\0';
	u->no_loader = u->loader[0] && access(u->loader, F_OK) != 0;
	u->is_there = u->variables[0] && stat(u->variables, &st) == 0;
	u->empty = u->is_there && S_ISREG(st.st_mode) && st.st_size == 0;
	if (!u->variables[0] || (u->is_there && !u->empty))
		return;
	u->no_template = u->template[0] ? access(u->template, F_OK) != 0 :
			 u->loader[0] && !u->no_loader && !has_template(u->loader);
	str_fits(u->folder, sizeof(u->folder), u->variables);
	slash = strrchr(u->folder, '/');
	if (slash && slash != u->folder) {
		*slash = '\0';
		u->no_folder = access(u->folder, F_OK) != 0;
	}
}

/* Append to @text, with @between if it is not the first part. */
static void add(char *text, size_t size, const char *between, const char *part)
{
	size_t used = strlen(text);

	str_printf(text + used, size - used, "%s%s", used ? between : "", part);
}

static void say(const struct uefi *u, char *text, size_t size)
{
	char part[2400];

	if (u->no_loader) {
		str_printf(part, sizeof(part), "%s does not exist", u->loader);
		add(text, size, "; ", part);
	}
	if (u->empty || (u->no_template && !u->is_there)) {
		str_printf(part, sizeof(part), "%s %s", u->variables,
			   u->empty ? "is empty" : "does not exist");
		add(text, size, "; ", part);
	}
	if (u->no_template && u->template[0]) {
		str_printf(part, sizeof(part), "its template %s does not exist", u->template);
		add(text, size, "; ", part);
	} else if (u->no_template) {
		add(text, size, "; ", "libvirt knows no template for this loader");
	}
	if (u->no_folder) {
		str_printf(part, sizeof(part), "%s, the folder of its variables, does not exist",
			   u->folder);
		add(text, size, "; ", part);
	}
}

/* The options of virt-xml --boot that name files of this host. False: there are none. */
static bool find_files(const struct uefi *u, char *out, size_t size)
{
	struct firmware found = { .loader = "" };
	struct stat st = { 0 };
	char word[4400], path[1024];

	if (u->no_loader) {
		if (u->is_there && !u->empty)
			(void)!stat(u->variables, &st);
		if (!find_firmware(u->os, st.st_size, &found))
			return false;
		str_printf(out, size, "loader=%s", shell_word(found.loader, word, sizeof(word)));
		if (u->is_there && !u->empty)
			return true;
		str_fits(path, sizeof(path), found.variables);
	} else if (!u->no_template || !find_template(u->loader, path)) {
		return !u->no_template;
	}
	add(out, size, ",", "nvram.template=");
	add(out, size, "", shell_word(path, word, sizeof(word)));
	return true;
}

static void report(struct patient *p, const struct uefi *u)
{
	char text[1024] = "", files[4500] = "", word[4400], cure[1024] = "", part[4600];
	struct checkup_item *item;

	say(u, text, sizeof(text));
	item = checkup_add(p, "nvram", VERDICT_NO, "%s", text);
	if (!find_files(u, files, sizeof(files))) {
		checkup_cure(item, u->no_loader ? "install UEFI firmware for QEMU (the package "
			     "ovmf or edk2-ovmf), or correct <os> with virsh edit %s" :
			     "virsh edit %s: <nvram template='...'>, the file of empty variables "
			     "that came with the loader", p->name_word);
		return;
	}
	if (u->no_folder) {
		str_printf(part, sizeof(part), "mkdir -p %s",
			   shell_word(u->folder, word, sizeof(word)));
		add(cure, sizeof(cure), " && ", part);
	}
	if (u->empty) {
		str_printf(part, sizeof(part), "rm %s",
			   shell_word(u->variables, word, sizeof(word)));
		add(cure, sizeof(cure), " && ", part);
	}
	if (files[0]) {
		str_printf(part, sizeof(part), "virt-xml %s --edit --boot %s", p->name_word, files);
		add(cure, sizeof(cure), " && ", part);
	}
	if (u->no_template && !u->is_there)
		checkup_cure(item, "%s; or restore %s with the guest's own variables", cure,
			     shell_word(u->variables, word, sizeof(word)));
	else
		checkup_cure(item, "%s", cure);
}

void checkup_firmware(struct patient *p)
{
	struct uefi u = { .os = NULL };
	struct firmware found;
	struct need need = { .item = "nvram", .of = "", .write = true };

	if (checkup_is_uefi(&p->domain) != 1)
		return;
	look_at_files(p, &u);
	need.path = u.variables;
	p->new_variables = !u.is_there || u.empty;
	if (!u.loader[0] && !find_descriptor(any, NULL, &found)) {
		checkup_cure(checkup_add(p, "nvram", VERDICT_NO, "no UEFI firmware is installed on "
					 "this host"), "install UEFI firmware for QEMU (the "
			     "package ovmf or edk2-ovmf)");
	} else if (u.no_loader || u.empty || u.no_template || u.no_folder) {
		report(p, &u);
	} else if (u.is_there && p->has_user && checkup_ask(p, &need) == 0) {
		/* That function has reported the error. */
	} else if (!u.loader[0]) {
		checkup_add(p, "nvram", VERDICT_UNKNOWN, "libvirt chooses the firmware at the "
			    "start");
		p->choice = p->out->count;
	} else if (u.is_there) {
		checkup_add(p, "nvram", VERDICT_YES, "firmware and its variables exist");
	} else if (u.variables[0]) {
		checkup_add(p, "nvram", VERDICT_YES, "libvirt makes %s at the first start",
			    u.variables);
	} else {
		checkup_add(p, "nvram", VERDICT_YES, "its firmware exists");
	}
}
