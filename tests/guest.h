/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest.h - a generated Windows as struct windows: hives, and files that exist on no disk
 */
#ifndef BUSFLIP_TESTS_GUEST_H
#define BUSFLIP_TESTS_GUEST_H

#include "helper/windows/windows.h"
#include "tests/hives.h"

#include <strings.h>

/* ---- driver files -------------------------------------------------------- */

/* A PE file that says of itself what a driver would, and does nothing. */
#define PE_STUB 1024

__attribute__((unused))
static void pe_stub(uint8_t file[PE_STUB], uint16_t machine, uint16_t major,
		    uint16_t minor, const uint16_t version[4])
{
	bool wide = machine != 0x014c;
	uint16_t optional = wide ? 240 : 224;
	uint8_t *o = file + 64 + 24, *s = o + optional;

	memset(file, 0, PE_STUB);
	memcpy(file, "MZ", 2);
	put_le32(file + 0x3c, 64);
	memcpy(file + 64, "PE\0", 4);
	put_le16(file + 68, machine);
	put_le16(file + 70, 1);
	put_le16(file + 64 + 20, optional);
	put_le16(o, wide ? 0x20b : 0x10b);
	put_le16(o + 40, major);
	put_le16(o + 42, minor);
	put_le16(o + 68, 1);
	put_le32(o + (wide ? 112 : 96) + 32, 512);	/* certificates */
	put_le32(o + (wide ? 112 : 96) + 36, 8);
	memcpy(s, ".rsrc", 5);
	put_le32(s + 16, 256);
	put_le32(s + 20, 768);
	put_le32(file + 800, 0xfeef04bd);
	put_le32(file + 804, 0x00010000);
	put_le16(file + 800 + 8, version[1]);
	put_le16(file + 800 + 10, version[0]);
	put_le16(file + 800 + 12, version[3]);
	put_le16(file + 800 + 14, version[2]);
}

/* ---- files --------------------------------------------------------------- */

struct guest_file {
	const char *path;
	uint64_t mtime;
	size_t len;
	uint8_t data[PE_STUB];
};

struct guest {
	struct windows *win;
	uint8_t *system, *software;
	size_t system_len, software_len;
	struct guest_file files[24];
	size_t n_files;
	struct windows_files access;
};

static struct guest_file *guest_find(struct guest *g, const char *path)
{
	for (size_t i = 0; i < g->n_files; i++)
		if (strcasecmp(g->files[i].path, path) == 0)
			return &g->files[i];
	return NULL;
}

static int guest_stat(void *opaque, const char *path, struct file_info *info,
		      struct error *err)
{
	const struct guest_file *f = guest_find(opaque, path);

	(void)err;
	if (!f)
		return 0;
	memset(info, 0, sizeof(*info));
	info->size = f->len;
	info->mtime = f->mtime;
	info->links = 1;
	return 1;
}

static int guest_head(void *opaque, const char *path, size_t want,
		      uint8_t *data, size_t *len, struct error *err)
{
	const struct guest_file *f = guest_find(opaque, path);

	if (!f)
		return fail(err, ENOENT, "%s: not there", path);
	*len = want < f->len ? want : f->len;
	memcpy(data, f->data, *len);
	return 0;
}

__attribute__((unused))
static struct guest_file *guest_file(struct guest *g, const char *path,
				     uint64_t mtime, size_t len)
{
	struct guest_file *f = guest_find(g, path);

	if (!f)
		f = &g->files[g->n_files++];
	f->path = path;
	f->mtime = mtime;
	f->len = len;
	return f;
}

/* The files that a healthy guest has for its boot drivers. */
__attribute__((unused))
static void guest_usual_files(struct guest *g, uint16_t machine)
{
	static const char *const drivers[] = {
		"Windows/System32/drivers/storahci.sys",
		"Windows/System32/drivers/msahci.sys",
		"Windows/System32/drivers/atapi.sys",
		"Windows/System32/drivers/intelide.sys",
		"Windows/System32/drivers/pciide.sys",
		"Windows/System32/drivers/partmgr.sys",
		"Windows/System32/drivers/LSI_SAS.sys",
	};
	static const uint16_t version[4] = { 10, 0, 1, 2 };

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		guest_file(g, drivers[i], 1, 10);
	pe_stub(guest_file(g, "Windows/System32/ntoskrnl.exe", 1,
			   PE_STUB)->data, machine, 10, 0, version);
}

/* ---- the guest ----------------------------------------------------------- */

/* From given bytes of SYSTEM, which the guest then owns. */
__attribute__((unused))
static int guest_open_bytes(struct guest *g, uint8_t *system, size_t len,
			    const char *software, struct error *err)
{
	struct windows *w = g->win = calloc(1, sizeof(*w));

	g->system = system;
	g->system_len = len;
	g->software = made_software(made_find(software), &g->software_len);
	g->access = (struct windows_files){ guest_stat, guest_head, g };
	str_fits(w->root, sizeof(w->root), "Windows");
	w->system_status.there = w->software_status.there = true;
	if (hive_open_bytes(&w->system, system, len, err) < 0 ||
	    hive_open_bytes(&w->software, g->software, g->software_len,
			    err) < 0)
		return -1;
	return windows_from_hives(w, g->n_files ? &g->access : NULL, err);
}

__attribute__((unused))
static int guest_open(struct guest *g, const char *name, unsigned int how,
		      struct error *err)
{
	size_t len;
	uint8_t *data = made_system(made_find(name), how, &len);

	return guest_open_bytes(g, data, len, name, err);
}

__attribute__((unused))
static void guest_close(struct guest *g)
{
	if (g->win) {
		free(g->win->services);
		free(g->win);
	}
	free(g->system);
	free(g->software);
	memset(g, 0, sizeof(*g));
}

#endif
