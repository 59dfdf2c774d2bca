/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loader.c - what winload does: control set, hardware configuration, boot drivers (the same
 * rules as in quibble's boot.cpp; README.md has the rest)
 */

#include "nt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_KERNEL 1u
#define SERVICE_FS 2u

const char *load_name(enum load l)
{
	static const char *const names[] = {
		[LOAD_YES] = "loaded", [LOAD_DEMAND] = "demand",
		[LOAD_OVERRIDDEN] = "overridden", [LOAD_NO_IMAGE] = "no-image-path",
		[LOAD_NO_FILE] = "no-file", [LOAD_BAD_FILE] = "bad-file",
	};

	return names[l];
}

/* Next boot uses Default. */
bool loader_choose_set(struct nt *nt)
{
	hkey select = hive_find(nt->sys, hive_root(nt->sys), "Select");
	uint32_t n = hive_u32(nt->sys, select, "Default", 0);

	if (n == 0 || n > 999)
		return false;
	snprintf(nt->set_name, sizeof(nt->set_name), "ControlSet%03u", n);
	nt->set = hive_find(nt->sys, hive_root(nt->sys), nt->set_name);
	fact("set current=%u default=%u failed=%u chosen=%s",
	     hive_u32(nt->sys, select, "Current", 0), n,
	     hive_u32(nt->sys, select, "Failed", 0), nt->set_name);
	return nt->set != 0;
}

/* The Id of this machine's hardware configuration: that of its UUID, or the
 * next free one. Before 8 there is none. */
void loader_hardware(struct nt *nt)
{
	hkey all = hive_find(nt->sys, hive_root(nt->sys), "HardwareConfig");
	hkey *list = hive_children(nt->sys, all);
	uint32_t free_id = 0;

	nt->hardware_known = false;
	for (size_t i = 0; list[i]; i++) {
		char *name = hive_name(nt->sys, list[i]);
		uint32_t id = hive_u32(nt->sys, list[i], "Id", 0);

		if (*name == '{' && starts(name + 1, nt->machine.uuid)) {
			nt->hardware_known = true;
			nt->hardware = id;
		}
		if (id >= free_id)
			free_id = id + 1;
		free(name);
	}
	free(list);
	if (!nt->hardware_known)
		nt->hardware = free_id;
	/* The other reading of the open loader: whatever was used last. */
	if (option_is(nt->options, "hwcfg", "lastid"))
		nt->hardware = hive_u32(nt->sys, all, "LastId", nt->hardware);
	if (nt->win.modern)
		fact("hwconfig uuid={%s} id=%u known=%s", nt->machine.uuid,
		     nt->hardware, nt->hardware_known ? "yes" : "no");
}

/* An ImagePath as a path on the system volume */
char *loader_path(const char *image)
{
	static const char *const roots[] = {
		"\\SystemRoot\\", "%SystemRoot%\\", "\\??\\C:\\Windows\\",
		"C:\\Windows\\", "%windir%\\",
	};

	for (size_t i = 0; i < COUNT(roots); i++)
		if (starts(image, roots[i]))
			return xasprintf("Windows\\%s", image + strlen(roots[i]));
	return xasprintf("Windows\\%s", image);
}

uint16_t pe_machine(const struct bytes *file, unsigned *version, bool *is_signed)
{
	const uint8_t *p = file->data;
	uint32_t at, opt;

	if (file->len < 64 || memcmp(p, "MZ", 2) != 0)
		return 0;
	at = get32(p + 60);
	if (at > file->len || file->len - at < 24 + 160 || memcmp(p + at, "PE\0", 4) != 0)
		return 0;
	opt = at + 24;
	*version = (unsigned)get16(p + opt + 40) << 8 | get16(p + opt + 42);
	/* Data directory 4, behind 96 bytes, or 112 in PE32+ */
	*is_signed = get32(p + opt + (get16(p + opt) == 0x20b ? 112 : 96) + 4 * 8) != 0;
	return get16(p + at + 4);
}

enum load loader_image(struct nt *nt, hkey service, char why[NAME_SIZE])
{
	char *image = hive_text(nt->sys, service, "ImagePath"), *path;
	struct bytes file;
	unsigned version = 0;
	bool is_signed = false;
	uint16_t pe;

	*why = 0;
	if (!image || !*image) {
		free(image);
		return LOAD_NO_IMAGE;
	}
	path = loader_path(image);
	file = volume_read_head(nt->vol, path, 4096);
	free(image);
	free(path);
	if (!file.data)
		return LOAD_NO_FILE;
	pe = pe_machine(&file, &version, &is_signed);
	bytes_free(&file);
	if (!pe)
		snprintf(why, NAME_SIZE, "not-pe");
	else if (pe != nt->win.pe_machine)
		snprintf(why, NAME_SIZE, "machine-%04x", pe);
	else if (version > (nt->win.major << 8 | nt->win.minor))
		snprintf(why, NAME_SIZE, "newer-than-nt");
	else if (!is_signed && pe == 0x8664 &&
		 !option_is(nt->options, "signatures", "ignore"))
		snprintf(why, NAME_SIZE, "unsigned");
	return *why ? LOAD_BAD_FILE : LOAD_YES;
}

static void add_driver(struct nt *nt, hkey key)
{
	struct drivers *all = &nt->drivers;
	struct driver *d;
	char id[16], why[NAME_SIZE] = "";
	char *name = hive_name(nt->sys, key);
	hkey override = hive_find(nt->sys, key, "StartOverride");
	uint32_t over;

	all->d = xrealloc(all->d, (all->n + 1) * sizeof(*all->d));
	d = &all->d[all->n++];
	*d = (struct driver){ .key = key, .load = LOAD_YES };
	snprintf(d->name, sizeof(d->name), "%s", name);
	free(name);
	d->type = hive_u32(nt->sys, key, "Type", 0);
	d->start = hive_u32(nt->sys, key, "Start", 3);
	snprintf(id, sizeof(id), "%u", nt->hardware);
	if (d->start != 0 || (d->type != SERVICE_KERNEL && d->type != SERVICE_FS))
		d->load = LOAD_DEMAND;
	else if (nt->win.modern && hive_get_u32(nt->sys, override, id, &over) && over)
		d->load = LOAD_OVERRIDDEN;
	else
		d->load = loader_image(nt, key, why);
	/* No fact for those that are as expected: there are many. */
	if (d->load == LOAD_DEMAND || d->load == LOAD_YES || nt->quiet)
		return;
	fact("driver service=%s start=0 load=%s%s%s", d->name, load_name(d->load),
	     *why ? " why=" : "", why);
	if (d->load == LOAD_BAD_FILE ||
	    (d->load == LOAD_NO_FILE &&
	     hive_u32(nt->sys, key, "ErrorControl", 1) == 3))
		snprintf(all->stop, sizeof(all->stop), "%s", d->name);
}

void loader_drivers(struct nt *nt)
{
	hkey *list = hive_children(nt->sys, hive_find(nt->sys, nt->set, "Services"));
	size_t loaded = 0;

	free(nt->drivers.d);
	nt->drivers = (struct drivers){ 0 };
	for (size_t i = 0; list[i]; i++)
		add_driver(nt, list[i]);
	free(list);
	for (size_t i = 0; i < nt->drivers.n; i++)
		loaded += nt->drivers.d[i].load == LOAD_YES;
	if (!nt->quiet)
		fact("drivers services=%zu loaded=%zu", nt->drivers.n, loaded);
	nt->quiet = true;
}

struct driver *loader_find(struct nt *nt, const char *service)
{
	for (size_t i = 0; i < nt->drivers.n; i++)
		if (same(nt->drivers.d[i].name, service))
			return &nt->drivers.d[i];
	return NULL;
}

/* Return: false where winload shows its own error screen. */
bool loader_run(struct nt *nt)
{
	if (!loader_choose_set(nt)) {
		fact("loader-stop why=no-control-set");
		return false;
	}
	loader_hardware(nt);
	loader_drivers(nt);
	if (*nt->drivers.stop) {
		fact("loader-stop why=driver service=%s", nt->drivers.stop);
		return false;
	}
	return true;
}
