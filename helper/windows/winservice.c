// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * winservice.c - driver services, class filters, and whether AHCI is ready
 *
 * What decides a boot: winload starts a driver whose effective start is 0, and on Windows 8 and
 * later StartOverride\<hardware configuration> overrides Start. So a service is never judged by
 * Start alone.
 *
 * Microsoft does not document this. In the registries of real Windows 10 (1709, 1903)
 * StartOverride exists only for boot drivers without a device, 44 of 93 in one of them;
 * quibble, an open source boot loader for Windows, uses it; and AWS' documentation tells users
 * to delete it. It has a value for each hardware configuration, named by its Id; a driver that
 * is in use may have 3 for one in which it was not (Server 2019 of EC2).
 */

#include "helper/windows/windows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Listed with any Start: a system disk may depend on them. */
static const char *const storage_services[] = {
	"storahci", "msahci", "atapi", "intelide", "pciide", "stornvme",
	"viostor", "vioscsi", "LSI_SAS", "LSI_SCSI", "LSI_SAS2", "LSI_SAS2i",
	"LSI_SAS3i", "pvscsi", "vmscsi", "megasas", "iaStorV", "iaStorA",
	"iaStorAV", "iaStorAVC", "iaStorAC", "iaStorVD", "xenvbd", "storvsc",
};

bool windows_is_storage(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(storage_services); i++)
		if (strcasecmp(name, storage_services[i]) == 0)
			return true;
	return false;
}

/* ---- one service --------------------------------------------------------- */

/* @path is a name of Windows' for a file on its own volume, whose letter the registry has: the
 * path in that volume; otherwise NULL. If there is no letter, the folder of Windows tells. */
static const char *on_volume(const struct windows *win, const char *path)
{
	static const char *const devices[] = { "\\??\\", "\\DosDevices\\", "\\GLOBAL??\\" };
	const char *own = win->system_root.value;
	size_t root_len = strlen(win->root), n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(devices) && !n; i++)
		if (strncasecmp(path, devices[i], strlen(devices[i])) == 0)
			n = strlen(devices[i]);
	path += n;
	if (!n || !path[0] || path[1] != ':' || path[2] != '\\')
		return NULL;
	if (win->system_root.known && own[0] && own[1] == ':')
		return strncasecmp(path, own, 1) == 0 ? path + 3 : NULL;
	path += 3;
	return strncasecmp(path, win->root, root_len) == 0 && path[root_len] == '\\' ? path : NULL;
}

/* The image's path in the volume: relative to the system root, or with one of its aliases. ""
 * if it is elsewhere. */
static void image_file(const struct windows *win, struct service *s)
{
	static const char *const roots[] = { "\\SystemRoot\\", "%SystemRoot%\\" };
	char path[FACT_TEXT] = "";
	const char *rest = s->image_path, *whole = on_volume(win, rest);

	if (!*rest) {
		if (s->has_start)	/* Windows' default for a driver */
			str_printf(path, sizeof(path), "%s/System32/drivers/"
				   "%s.sys", win->root, s->name);
		str_fits(s->file, sizeof(s->file), path);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		if (strncasecmp(rest, roots[i], strlen(roots[i])) == 0)
			rest += strlen(roots[i]);
	if (whole)
		rest = whole;
	if (*rest == '\\' || strchr(rest, ':') || strstr(rest, "..") ||
	    !str_printf(path, sizeof(path), "%s%s%s", whole ? "" : win->root, whole ? "" : "/",
			rest))
		return;
	for (char *p = path; *p; p++)
		if (*p == '\\')
			*p = '/';
	str_fits(s->file, sizeof(s->file), path);
}

static int file_there(const struct windows_files *files, const char *path,
		      enum presence *there, struct error *err)
{
	struct file_info info;
	int found;

	*there = PRESENCE_UNKNOWN;
	if (!files->stat || !*path)
		return 0;
	found = files->stat(files->opaque, path, &info, err);
	*there = found == 1 && info.kind == FILE_REGULAR ? PRESENCE_YES
							 : PRESENCE_NO;
	return found < 0 ? -1 : 0;
}

/* Of the values for all configurations one that is not 0, if there is one. */
static int any_override(const struct windows *win, const struct hive_key *override,
			struct service *s, struct error *err)
{
	AUTO_FREE uint32_t *cells = NULL;
	ssize_t n = hive_values(&win->system, override, &cells, err);

	for (ssize_t i = 0; i < n && !s->override; i++) {
		struct hive_value value;

		if (hive_value_read(&win->system, cells[i], &value, err) < 0)
			return -1;
		if (value.type != HIVE_DWORD || value.len != 4 || !value.data)
			continue;
		s->has_override = true;
		s->override = get_le32(value.data);
	}
	return n < 0 ? -1 : s->has_override;
}

/* Windows will use the configuration that it used last: the machine is the same. */
static int read_override(const struct windows *win, const struct hive_key *key,
			 struct service *s, struct error *err)
{
	struct hive_key override;
	char name[16];
	int found = hive_find(&win->system, key, "StartOverride", &override,
			      err);

	if (found <= 0)
		return found;
	s->overridden = true;
	if (!win->hardware_id.known)
		return any_override(win, &override, s, err);
	str_printf(name, sizeof(name), "%u", (uint32_t)win->hardware_id.value);
	found = hive_get_dword(&win->system, &override, name, &s->override, err);
	s->has_override = found == 1;
	return found;
}

static int read_service_key(const struct windows *win,
			    const struct hive_key *key, struct service *s,
			    struct error *err)
{
	const struct hive *h = &win->system;
	int start = hive_get_dword(h, key, "Start", &s->start, err);
	int type = hive_get_dword(h, key, "Type", &s->type, err);

	s->present = true;
	s->changed = key->time;
	s->has_start = start == 1;
	s->has_type = type == 1;
	if (start < 0 || type < 0 ||
	    hive_get_text(h, key, "ImagePath", s->image_path,
			  sizeof(s->image_path), err) < 0 ||
	    read_override(win, key, s, err) < 0)
		return -1;
	s->effective = s->has_start ? s->start : 3;
	if (s->has_override && win->generation >= WINDOWS_8)
		s->effective = s->override;
	image_file(win, s);
	return 0;
}

int windows_read_service(const struct windows *win, const char *name,
			 const struct windows_files *files,
			 struct service *service, struct error *err)
{
	struct hive_key root, key;
	char path[FACT_FROM];
	int found;

	memset(service, 0, sizeof(*service));
	str_fits(service->name, sizeof(service->name), name);
	str_printf(path, sizeof(path), "%s\\Services\\%s", win->control_set,
		   name);
	str_printf(service->from, sizeof(service->from), "SYSTEM\\%s", path);
	service->effective = 3;
	if (hive_root(&win->system, &root, err) < 0)
		return -1;
	found = hive_find(&win->system, &root, path, &key, err);
	if (found <= 0)
		return found;
	if (read_service_key(win, &key, service, err) < 0)
		return -1;
	return file_there(files, service->file, &service->file_there, err);
}

/* ---- all that matter ----------------------------------------------------- */

/* True if the key is a driver that winload starts, or a storage driver. */
static int wanted(const struct windows *win, uint32_t cell, char *name,
		  size_t size, struct error *err)
{
	struct hive_key key;
	char full[HIVE_NAME_UTF8];
	uint32_t start, type;
	int found;

	if (hive_key_read(&win->system, cell, &key, err) < 0)
		return -1;
	hive_name_utf8(key.name, key.name_len, key.wide, full);
	if (!str_fits(name, size, full))
		return 0;
	if (windows_is_storage(name))
		return 1;
	found = hive_get_dword(&win->system, &key, "Start", &start, err);
	if (found <= 0 || start != 0)
		return found < 0 ? -1 : 0;
	found = hive_get_dword(&win->system, &key, "Type", &type, err);
	return found < 0 ? -1 : found == 1 && (type == 1 || type == 2);
}

static int add_services(struct windows *win, const uint32_t *cells, ssize_t n,
			const struct windows_files *files, struct error *err)
{
	char name[64];

	for (ssize_t i = 0; i < n && win->service_count < WINDOWS_SERVICES;
	     i++) {
		int is = wanted(win, cells[i], name, sizeof(name), err);

		if (is < 0)
			return -1;
		if (!is)
			continue;
		if (windows_read_service(win, name, files,
					 &win->services[win->service_count],
					 err) < 0)
			return -1;
		win->service_count++;
	}
	return 0;
}

const struct service *windows_find_service(const struct windows *win,
					   const char *name)
{
	for (size_t i = 0; i < win->service_count; i++)
		if (strcasecmp(win->services[i].name, name) == 0)
			return &win->services[i];
	return NULL;
}

/* ---- AHCI and IDE -------------------------------------------------------- */

/* What a SATA or IDE boot needs: Microsoft's KB 922976 (msahci), and the values of these
 * drivers in registries of real Windows 7 and 10. */
static const struct readiness {
	bool eight;		/* Windows 8 and later, or older */
	bool ide;
	const char *service;
} readiness[] = {
	{ false, false, "msahci" }, { false, false, "atapi" },
	{ true, false, "storahci" },
	{ false, true, "intelide" }, { false, true, "atapi" },
	{ true, true, "intelide" }, { true, true, "atapi" },
};

static bool service_ready(const struct windows *win, const char *name,
			  char *reason)
{
	const struct service *s = windows_find_service(win, name);

	if (!s || !s->has_start)
		str_printf(reason, FACT_TEXT, "%s is not installed", name);
	else if (s->effective != 0 && s->start == 0)
		str_printf(reason, FACT_TEXT, "%s has Start 0 but "
			   "StartOverride %u", name, s->override);
	else if (s->effective != 0)
		str_printf(reason, FACT_TEXT, "%s has Start %u", name, s->start);
	else if (s->file_there == PRESENCE_NO)
		str_printf(reason, FACT_TEXT, "%s's file is missing", name);
	else
		return true;
	return false;
}

/* A bus driver that Windows keeps from starting: nothing behind it is found. So it is on a guest
 * of Hyper-V's second generation, which has no PCI (Azure's scripts for repair). */
static bool bus_ready(const struct windows *win, const char *name, char *reason)
{
	const struct service *s = windows_find_service(win, name);

	return !s || s->start != 0 || s->effective == 0 || service_ready(win, name, reason);
}

static void judge_readiness(struct windows *win)
{
	bool eight = win->generation >= WINDOWS_8;
	char ignored[FACT_TEXT] = "";

	win->ahci_ready = win->ide_ready = bus_ready(win, "ACPI", win->ahci_reason) &&
					   bus_ready(win, "pci", win->ahci_reason);
	for (size_t i = 0; i < ARRAY_SIZE(readiness); i++) {
		const struct readiness *r = &readiness[i];
		bool *ready = r->ide ? &win->ide_ready : &win->ahci_ready;

		if (r->eight == eight && *ready)
			*ready = service_ready(win, r->service, r->ide
					       ? ignored : win->ahci_reason);
	}
}

int windows_read_services(struct windows *win, const struct windows_files *files,
			  struct error *err)
{
	AUTO_FREE uint32_t *cells = NULL;
	struct hive_key root, key;
	char path[FACT_FROM];
	ssize_t n;
	int found;

	win->services = calloc(WINDOWS_SERVICES, sizeof(*win->services));
	if (!win->services)
		return fail(err, ENOMEM, "out of memory");
	str_printf(path, sizeof(path), "%s\\Services", win->control_set);
	if (hive_root(&win->system, &root, err) < 0)
		return -1;
	found = hive_find(&win->system, &root, path, &key, err);
	if (found < 0)
		return -1;
	n = found ? hive_subkeys(&win->system, &key, &cells, err) : 0;
	if (n < 0 || add_services(win, cells, n, files, err) < 0)
		return -1;
	judge_readiness(win);
	return 0;
}

/* ---- filters ------------------------------------------------------------- */

/* Disk drives, SCSI and HDC controllers, storage volumes (Microsoft, "System-defined
 * device setup classes"). */
static const char *const filter_classes[] = {
	"{4d36e967-e325-11ce-bfc1-08002be10318}",
	"{4d36e97b-e325-11ce-bfc1-08002be10318}",
	"{4d36e96a-e325-11ce-bfc1-08002be10318}",
	"{71a27cdd-812a-11d0-bec7-08002be2092f}",
};

static int add_filter(struct windows *win, const char *guid, bool upper,
		      const char *name, const struct windows_files *files,
		      struct error *err)
{
	struct class_filter *f = &win->filters[win->filter_count];
	struct service service;

	if (win->filter_count == WINDOWS_FILTERS)
		return 0;
	memset(f, 0, sizeof(*f));
	str_fits(f->class_guid, sizeof(f->class_guid), guid);
	str_fits(f->name, sizeof(f->name), name);
	f->upper = upper;
	str_printf(f->from, sizeof(f->from), "SYSTEM\\%s\\Control\\Class\\%s\\%s",
		   win->control_set, guid,
		   upper ? "UpperFilters" : "LowerFilters");
	if (windows_read_service(win, name, files, &service, err) < 0)
		return -1;
	f->service = service.has_start;
	f->file = service.file_there;
	f->elsewhere = service.present && !*service.file;
	win->filter_count++;
	return 0;
}

static int add_filters(struct windows *win, const struct hive_key *class,
		       const char *guid, bool upper,
		       const struct windows_files *files, struct error *err)
{
	struct hive_value value;
	char name[64];
	size_t at = 0;
	int found = hive_get(&win->system, class, upper ? "UpperFilters"
			     : "LowerFilters", &value, err);

	if (found <= 0 || !value.data)
		return found < 0 ? -1 : 0;
	while (at + 2 <= value.len) {
		at += utf16_to_utf8(name, sizeof(name), value.data + at,
				    value.len - at);
		if (*name && add_filter(win, guid, upper, name, files, err) < 0)
			return -1;
	}
	return 0;
}

int windows_read_filters(struct windows *win, const struct windows_files *files,
			 struct error *err)
{
	struct hive_key root, class;
	char path[FACT_FROM];

	if (hive_root(&win->system, &root, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(filter_classes); i++) {
		const char *guid = filter_classes[i];
		int found;

		str_printf(path, sizeof(path), "%s\\Control\\Class\\%s",
			   win->control_set, guid);
		found = hive_find(&win->system, &root, path, &class, err);
		if (found < 0)
			return -1;
		if (found && (add_filters(win, &class, guid, true, files,
					  err) < 0 ||
			      add_filters(win, &class, guid, false, files,
					  err) < 0))
			return -1;
	}
	return 0;
}
