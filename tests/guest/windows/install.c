/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * install.c - driver packages that user mode finds after boot: in the folders of DevicePath,
 * and named by services that run pnputil
 */

#include "nt.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_OWN_PROCESS 0x10u
#define START_AUTO 2u
#define NO_RANK 0xffffffffu

struct source {
	struct nt *nt;
	const char *folder;
	const char *only;	/* this INF, or NULL for all */
	bool stage;		/* pnputil -a: even without a device */
	bool rebind;		/* -i: also devices that have a driver */
};

struct pack {
	struct inf inf;
	char name[NAME_SIZE];	/* viostor.inf */
	char label[2 * NAME_SIZE], oem[32];
	struct bytes text, driver, catalog;
};

static void pack_free(struct pack *p)
{
	bytes_free(&p->text);
	bytes_free(&p->driver);
	bytes_free(&p->catalog);
}

static struct bytes beside(struct nt *nt, const char *folder, const char *name)
{
	char *path = xasprintf("%s\\%s", folder, name);
	struct bytes b = volume_read(nt->vol, path);

	free(path);
	return b;
}

/* INF, catalogue and binary together, and made for this machine. */
static bool pack_read(struct nt *nt, const char *folder, const char *name,
		      struct pack *p)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	unsigned version = 0;
	bool is_signed;

	*p = (struct pack){ .text = beside(nt, folder, name) };
	if (!p->text.data || !inf_parse(&p->text, &p->inf))
		return false;
	p->driver = beside(nt, folder, p->inf.binary);
	p->catalog = beside(nt, folder, p->inf.catalog);
	if (!p->catalog.data || !p->driver.data ||
	    pe_machine(&p->driver, &version, &is_signed) != nt->win.pe_machine ||
	    version > (nt->win.major << 8 | nt->win.minor)) {
		fact("package inf=%s refused=%s", name,
		     !p->catalog.data ? "no-catalog" : !p->driver.data ? "no-binary" :
		     "other-machine");
		return false;
	}
	for (size_t i = 0; i < p->text.len; i++)
		hash = (hash ^ p->text.data[i]) * 0x100000001b3ULL;
	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(p->label, sizeof(p->label), "%s_%s_%016llx", p->name,
		 nt->win.pe_machine == 0x8664 ? "amd64" : "x86",
		 (unsigned long long)hash);
	return true;
}

/* ---- the driver store ---- */

static void pack_version(struct nt *nt, const struct pack *p, uint8_t version[48])
{
	unsigned g[11] = { 0 };

	memset(version, 0, 48);
	version[1] = 0xff;
	put16(version + 2, nt->win.pe_machine == 0x8664 ? 9 : 0);
	sscanf(p->inf.class_guid, "{%8x-%4x-%4x-%2x%2x-%2x%2x%2x%2x%2x%2x}", &g[0],
	       &g[1], &g[2], &g[3], &g[4], &g[5], &g[6], &g[7], &g[8], &g[9], &g[10]);
	put32(version + 8, g[0]);
	put16(version + 12, g[1]);
	put16(version + 14, g[2]);
	for (unsigned i = 0; i < 8; i++)
		version[16 + i] = (uint8_t)g[3 + i];
	put64(version + 24, nt->boot_time);
	put16(version + 38, 100);
}

static void copy_files(struct nt *nt, const struct pack *p)
{
	const struct { const char *name; const struct bytes *b; } files[] = {
		{ p->name, &p->text }, { p->inf.binary, &p->driver },
		{ p->inf.catalog, &p->catalog },
	};

	for (size_t i = 0; i < COUNT(files); i++) {
		char *path = xasprintf("Windows/System32/DriverStore/FileRepository/"
				       "%s/%s", p->label, files[i].name);

		volume_write(nt->vol, path, files[i].b->data, files[i].b->len);
		free(path);
	}
}

/* Its oemN.inf: the one that it has, or a new one. Return: it is new. */
static bool take_oem_name(struct nt *nt, struct pack *p)
{
	for (unsigned n = 0; n < 1000; n++) {
		char path[64];
		struct bytes other;
		bool is_same;

		snprintf(p->oem, sizeof(p->oem), "oem%u.inf", n);
		snprintf(path, sizeof(path), "Windows/INF/%s", p->oem);
		other = volume_read(nt->vol, path);
		is_same = other.len == p->text.len &&
			  !memcmp(other.data, p->text.data, other.len);
		if (!other.data)
			volume_write(nt->vol, path, p->text.data, p->text.len);
		if (!other.data || is_same) {
			bytes_free(&other);
			return !is_same;
		}
		bytes_free(&other);
	}
	die("install: a thousand packages");
}

static void stage_database(struct nt *nt, const struct pack *p)
{
	static const uint8_t hardware_id[4] = { 1, 0xff, 0, 0 };
	hkey db = hive_find(nt->sys, hive_root(nt->sys), "DriverDatabase"), key;
	const char *label[] = { p->label, NULL };
	uint8_t version[48];
	char path[300];

	snprintf(path, sizeof(path), "DriverInfFiles\\%s", p->oem);
	key = hive_make(nt->sys, db, path);
	hive_set_texts(nt->sys, key, "", label);
	hive_set_text(nt->sys, key, "Active", REG_SZ, p->label);
	for (size_t i = 0; i < p->inf.n; i++) {
		snprintf(path, sizeof(path), "DeviceIds\\%s", p->inf.ids[i]);
		hive_set(nt->sys, hive_make(nt->sys, db, path), p->oem, REG_BINARY,
			 hardware_id, sizeof(hardware_id));
	}
	snprintf(path, sizeof(path), "DriverPackages\\%s", p->label);
	key = hive_make(nt->sys, db, path);
	pack_version(nt, p, version);
	hive_set(nt->sys, key, "Version", REG_BINARY, version, sizeof(version));
	hive_set_text(nt->sys, key, "", REG_SZ, p->oem);
	hive_set_text(nt->sys, key, "InfName", REG_SZ, p->name);
	hive_set_text(nt->sys, key, "Catalog", REG_SZ, p->inf.catalog);
	hive_set_u32(nt->sys, key, "SignerScore", 0x0d000005);
	hive_set_u32(nt->sys, key, "StatusFlags", 0x12);
}

/* Staged: in the store and findable, but the kernel could not use it yet. */
static void stage(struct nt *nt, struct pack *p)
{
	char path[NAME_SIZE + 16];

	snprintf(path, sizeof(path), "Services\\%s", p->inf.service);
	if (!take_oem_name(nt, p))
		return;
	copy_files(nt, p);
	if (nt->win.modern)
		stage_database(nt, p);
	hive_make(nt->sys, nt->set, path);
	fact("staged inf=%s oem=%s label=%s", p->name, p->oem, p->label);
}

/* ---- installing ---- */

static void install_service(struct nt *nt, const struct pack *p)
{
	const char *owners[] = { p->oem, NULL };
	char path[4 * NAME_SIZE];
	hkey key;

	snprintf(path, sizeof(path), "Services\\%s", p->inf.service);
	key = hive_make(nt->sys, nt->set, path);
	hive_set_u32(nt->sys, key, "Type", 1);
	hive_set_u32(nt->sys, key, "Start", 0);
	hive_set_u32(nt->sys, key, "ErrorControl", 1);
	hive_set_text(nt->sys, key, "Group", REG_SZ, "SCSI miniport");
	if (p->inf.dirid == 13) {
		snprintf(path, sizeof(path), "\\SystemRoot\\System32\\DriverStore\\"
			 "FileRepository\\%s\\%s", p->label, p->inf.binary);
	} else {
		snprintf(path, sizeof(path), "Windows/System32/drivers/%s",
			 p->inf.binary);
		volume_write(nt->vol, path, p->driver.data, p->driver.len);
		snprintf(path, sizeof(path), "System32\\drivers\\%s", p->inf.binary);
	}
	hive_set_text(nt->sys, key, "ImagePath", REG_EXPAND_SZ, path);
	if (nt->win.modern)
		hive_set_texts(nt->sys, key, "Owners", owners);
}

static void install_database(struct nt *nt, const struct pack *p)
{
	char section[NAME_SIZE + 8], path[400], id[PCI_ID_SIZE];
	hkey base, key;

	snprintf(section, sizeof(section), "%s_inst", p->inf.service);
	snprintf(path, sizeof(path), "DriverDatabase\\DriverPackages\\%s", p->label);
	base = nt->win.modern ? hive_make(nt->sys, hive_root(nt->sys), path) :
	       hive_make(nt->sys, nt->set, "Control\\CriticalDeviceDatabase");
	for (size_t i = 0; i < p->inf.n; i++) {
		snprintf(id, sizeof(id), "%s", p->inf.ids[i]);
		if (nt->win.modern) {
			snprintf(path, sizeof(path), "Descriptors\\%s", id);
			key = hive_make(nt->sys, base, path);
			hive_set_text(nt->sys, key, "Configuration", REG_SZ, section);
			continue;
		}
		for (char *c = id; *c; c++)
			if (*c == '\\')
				*c = '#';
		key = hive_make(nt->sys, base, id);
		hive_set_text(nt->sys, key, "Service", REG_SZ, p->inf.service);
		hive_set_text(nt->sys, key, "ClassGUID", REG_SZ, p->inf.class_guid);
	}
	if (!nt->win.modern)
		return;
	snprintf(path, sizeof(path), "Configurations\\%s", section);
	key = hive_make(nt->sys, base, path);
	hive_set_u32(nt->sys, key, "ConfigFlags", 0);
	hive_set_text(nt->sys, key, "Service", REG_SZ, p->inf.service);
}

/* The INF's rank for a device: NO_RANK when it does not know it. */
static uint32_t pack_rank(struct nt *nt, const struct pack *p, size_t function,
			  struct match *m)
{
	struct pci_ids ids;

	pci_ids(&nt->pci.f[function], &ids);
	for (size_t i = 0; i < PCI_HARDWARE_IDS + PCI_COMPATIBLE_IDS; i++) {
		bool compat = i >= PCI_HARDWARE_IDS;
		size_t at = compat ? i - PCI_HARDWARE_IDS : i;
		const char *id = compat ? ids.compatible[at] : ids.hardware[i];

		for (size_t k = 0; k < p->inf.n; k++) {
			if (!same(p->inf.ids[k], id))
				continue;
			snprintf(m->id, sizeof(m->id), "%s", id);
			return 0xff0000u | (compat ? 0x2000u : 0) | (uint32_t)at;
		}
	}
	return NO_RANK;
}

static bool better(struct nt *nt, size_t function, uint32_t rank)
{
	struct pci_ids ids;
	struct match now;

	pci_ids(&nt->pci.f[function], &ids);
	return !pnp_database(nt, &ids, &now) || rank < now.rank;
}

static void install(struct nt *nt, struct pack *p, size_t function,
		    const struct match *found)
{
	struct match m = *found;

	stage(nt, p);
	install_service(nt, p);
	install_database(nt, p);
	m.by = MATCH_DDB;
	snprintf(m.service, sizeof(m.service), "%s", p->inf.service);
	memcpy(m.class_guid, p->inf.class_guid, sizeof(m.class_guid));
	snprintf(m.inf, sizeof(m.inf), "%s", p->oem);
	snprintf(m.section, sizeof(m.section), "%.60s_inst", p->inf.service);
	loader_drivers(nt);
	if (!enum_start(nt, m.service)) {
		fact("install inf=%s failed", p->name);
		return;
	}
	nt->started[function] = true;
	enum_configure(nt, function, &m);
	fact("installed inf=%s oem=%s device=%s", p->name, p->oem,
	     nt->pci.f[function].address);
}

static void one_package(struct source *s, const char *name)
{
	struct nt *nt = s->nt;
	struct pack p;
	bool good = pack_read(nt, s->folder, name, &p);

	if (good && s->stage)
		stage(nt, &p);
	for (size_t i = 0; good && i < nt->pci.n; i++) {
		struct match m = { 0 };

		if (nt->started[i] && !s->rebind)
			continue;
		if (s->stage && !s->rebind)
			continue;
		m.rank = pack_rank(nt, &p, i, &m);
		if (m.rank != NO_RANK && (!nt->started[i] || better(nt, i, m.rank)))
			install(nt, &p, i, &m);
	}
	pack_free(&p);
}

struct names {
	char name[32][NAME_SIZE];
	size_t n;
};

static void note_inf(const char *name, void *arg)
{
	struct names *all = arg;
	size_t len = strlen(name);

	if (len > 4 && same(name + len - 4, ".inf") && all->n < COUNT(all->name))
		snprintf(all->name[all->n++], NAME_SIZE, "%s", name);
}

static void folder(struct source *s)
{
	struct names all = { .n = 0 };

	volume_list(s->nt->vol, s->folder, note_inf, &all);
	for (size_t i = 0; i < all.n; i++)
		if (!s->only || same(s->only, all.name[i]))
			one_package(s, all.name[i]);
}

/* A Windows path as one on the volume */
static char *on_volume(const char *path)
{
	if (isalpha((unsigned char)path[0]) && path[1] == ':')
		return xstrdup(path + 2 + (path[2] == '\\'));
	return loader_path(path);
}

static void device_path(struct nt *nt)
{
	struct bytes b = volume_read(nt->vol, CONFIG "SOFTWARE");
	struct hive *h = b.len ? hive_open(&b) : NULL;
	char *list = NULL, *save = NULL;

	if (h)
		list = hive_text(h, hive_find(h, hive_root(h),
					      "Microsoft\\Windows\\CurrentVersion"),
				 "DevicePath");
	hive_close(h);
	bytes_free(&b);
	for (char *one = list ? strtok_r(list, ";", &save) : NULL; one;
	     one = strtok_r(NULL, ";", &save)) {
		struct source s = { .nt = nt };
		char *path = on_volume(one);

		s.folder = path;
		/* %SystemRoot%\inf is what is installed already. */
		if (!same(path, "Windows\\inf"))
			folder(&s);
		free(path);
	}
	free(list);
}

/* ---- services that run pnputil ---- */

/* A command: "... pnputil -i -a C:\drivers\viostor.inf", or with a star */
static void pnputil(struct nt *nt, const char *command)
{
	char *copy = xstrdup(command), *save = NULL;
	struct source s = { .nt = nt, .stage = true,
			    .rebind = contains(command, " -i") ||
				      contains(command, "/install") };

	for (char *word = strtok_r(copy, " \t\"\r", &save); word;
	     word = strtok_r(NULL, " \t\"\r", &save)) {
		size_t len = strlen(word);
		char *path, *slash;

		if (len < 5 || !same(word + len - 4, ".inf"))
			continue;
		path = on_volume(word);
		slash = strrchr(path, '\\');
		if (slash) {
			*slash = 0;
			s.folder = path;
			s.only = slash[1] == '*' ? NULL : slash + 1;
			folder(&s);
		}
		free(path);
	}
	free(copy);
}

static void script(struct nt *nt, const char *image)
{
	char *copy = xstrdup(image), *save = NULL, *save_line = NULL;

	for (char *word = strtok_r(copy, " \t\"", &save); word;
	     word = strtok_r(NULL, " \t\"", &save)) {
		size_t len = strlen(word);
		struct bytes text;
		char *path;

		if (len < 5 || (!same(word + len - 4, ".bat") &&
				!same(word + len - 4, ".cmd")))
			continue;
		path = on_volume(word);
		text = volume_read(nt->vol, path);
		for (char *line = text.data ?
		     strtok_r((char *)text.data, "\n", &save_line) : NULL; line;
		     line = strtok_r(NULL, "\n", &save_line))
			if (contains(line, "pnputil"))
				pnputil(nt, line);
		bytes_free(&text);
		free(path);
	}
	free(copy);
}

static void first_boot_services(struct nt *nt)
{
	hkey *list = hive_children(nt->sys, hive_find(nt->sys, nt->set, "Services"));

	for (size_t i = 0; list[i]; i++) {
		char *image;

		if (hive_u32(nt->sys, list[i], "Type", 0) != SERVICE_OWN_PROCESS ||
		    hive_u32(nt->sys, list[i], "Start", 4) != START_AUTO)
			continue;
		image = hive_text(nt->sys, list[i], "ImagePath");
		if (image && contains(image, "pnputil"))
			pnputil(nt, image);
		else if (image)
			script(nt, image);
		free(image);
	}
	free(list);
}

void install_packages(struct nt *nt)
{
	first_boot_services(nt);
	device_path(nt);
}
