// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * winvirtio.c - device databases, and the state of the VirtIO storage drivers
 *
 * "Bootable" needs three independent conditions: winload starts the driver (service), the
 * kernel finds it for the device (instance or database), and the file exists. A guest can meet
 * any two of them and still stop with 0x7B. An example from the registry of a real Windows 10
 * 1903 from VMware: its pvscsi is in the database, with a package that has no Configurations
 * and a service that has no Start.
 */

#include "helper/windows/windows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONFIG_BROKEN 0x67u	/* disabled, removed, manual, reinstall, failed */

/* The IDs by which Windows looks for the driver of QEMU's devices, in its order: hardware IDs,
 * then compatible IDs (Microsoft, "Identifiers for PCI devices"). */
#define FORMS(dev, subsys, rev, class) { \
	"VEN_1AF4&DEV_" dev "&SUBSYS_" subsys "1AF4&REV_" rev, \
	"VEN_1AF4&DEV_" dev "&SUBSYS_" subsys "1AF4", \
	"VEN_1AF4&DEV_" dev "&CC_" class "00", \
	"VEN_1AF4&DEV_" dev "&CC_" class, \
	"VEN_1AF4&DEV_" dev "&REV_" rev, \
	"VEN_1AF4&DEV_" dev, NULL }

static const struct {
	const char *service;
	uint16_t ids[2];
	const char *forms[2][7];
} kinds[TARGET_BUSES] = {
	[TARGET_VIRTIO] = {
		"viostor", { 0x1001, 0x1042 },
		{ FORMS("1001", "0002", "00", "0100"),
		  FORMS("1042", "1100", "01", "0100") },
	},
	[TARGET_SCSI] = {
		"vioscsi", { 0x1004, 0x1048 },
		{ FORMS("1004", "0008", "00", "0100"),
		  FORMS("1048", "1100", "01", "0100") },
	},
};

const char *virtio_service_name(enum target_bus kind)
{
	return kinds[kind].service;
}

const uint16_t *virtio_device_ids(enum target_bus kind)
{
	return kinds[kind].ids;
}

const char *virtio_state_name(enum virtio_state state)
{
	static const char *const names[] = {
		[VIRTIO_ABSENT] = "absent", [VIRTIO_STAGED] = "staged",
		[VIRTIO_BOOTABLE] = "bootable", [VIRTIO_BOUND] = "bound",
	};

	return names[state];
}

int windows_find_path(const struct windows *win, const char *path,
		      struct hive_key *key, struct error *err)
{
	struct hive_key root;

	if (hive_root(&win->system, &root, err) < 0)
		return -1;
	return hive_find(&win->system, &root, path, key, err);
}

/* ---- device databases ---------------------------------------------------- */

/* The package of an INF: DriverInfFiles\<inf>, Active or the first label. */
static int package_label(const struct windows *win, const char *inf,
			 char *label, size_t size, struct error *err)
{
	struct hive_value value;
	struct hive_key key;
	char path[FACT_FROM];
	int found;

	str_printf(path, sizeof(path), "DriverDatabase\\DriverInfFiles\\%s",
		   inf);
	found = windows_find_path(win, path, &key, err);
	if (found <= 0)
		return found;
	found = hive_get_text(&win->system, &key, "Active", label, size, err);
	if (found)
		return found;
	found = hive_get(&win->system, &key, "", &value, err);
	if (found == 1 && value.type == HIVE_MULTI_SZ && value.data)
		utf16_to_utf8(label, size, value.data, value.len);
	return found;
}

/* 1 if the package has a descriptor of the ID whose configuration names the service. */
static int package_serves(const struct windows *win, const char *label,
			  const char *form, const char *service,
			  struct error *err)
{
	char path[FACT_FROM], configuration[128] = "", found_service[64] = "";
	struct hive_key key;
	int found;

	str_printf(path, sizeof(path),
		   "DriverDatabase\\DriverPackages\\%s\\Descriptors\\PCI\\%s",
		   label, form);
	found = windows_find_path(win, path, &key, err);
	if (found == 1)
		found = hive_get_text(&win->system, &key, "Configuration",
				      configuration, sizeof(configuration), err);
	if (found <= 0)
		return found;
	str_printf(path, sizeof(path),
		   "DriverDatabase\\DriverPackages\\%s\\Configurations\\%s",
		   label, configuration);
	found = windows_find_path(win, path, &key, err);
	if (found == 1)
		found = hive_get_text(&win->system, &key, "Service",
				      found_service, sizeof(found_service), err);
	return found <= 0 ? found : strcasecmp(found_service, service) == 0;
}

/* One value of DeviceIds\PCI\<form>: its name is an INF. */
static int database_inf(const struct windows *win, const char *inf,
			const char *form, const char *service,
			struct virtio_id *out, struct error *err)
{
	char label[128] = "";
	int found = package_label(win, inf, label, sizeof(label), err);

	if (found == 1 && *label)
		found = package_serves(win, label, form, service, err);
	out->findable |= found == 1;
	out->by_package |= strncasecmp(inf, "guestor", 7) != 0;
	if (!*out->inf || found == 1)
		str_fits(out->inf, sizeof(out->inf), inf);
	return found < 0 ? -1 : 0;
}

static int match_database(const struct windows *win, const char *form,
			  const char *service, struct virtio_id *out,
			  struct error *err)
{
	AUTO_FREE uint32_t *cells = NULL;
	char path[FACT_FROM], inf[HIVE_NAME_UTF8];
	struct hive_value value;
	struct hive_key key;
	ssize_t n;
	int found;

	str_printf(path, sizeof(path), "DriverDatabase\\DeviceIds\\PCI\\%s",
		   form);
	found = windows_find_path(win, path, &key, err);
	if (found <= 0)
		return found;
	n = hive_values(&win->system, &key, &cells, err);
	for (ssize_t i = 0; i < n; i++) {
		if (hive_value_read(&win->system, cells[i], &value, err) < 0)
			return -1;
		hive_name_utf8(value.name, value.name_len, value.wide, inf);
		out->listed = true;
		str_printf(out->from, FACT_FROM, "SYSTEM\\%s", path);
		if (database_inf(win, inf, form, service, out, err) < 0)
			return -1;
	}
	return n < 0 ? -1 : 0;
}

static int match_critical(const struct windows *win, const char *form,
			  const char *service, struct virtio_id *out,
			  struct error *err)
{
	char path[FACT_FROM], name[64] = "";
	struct hive_key key;
	int found;

	str_printf(path, sizeof(path),
		   "%s\\Control\\CriticalDeviceDatabase\\PCI#%s",
		   win->control_set, form);
	found = windows_find_path(win, path, &key, err);
	if (found <= 0)
		return found;
	found = hive_get_text(&win->system, &key, "Service", name, sizeof(name),
			      err);
	out->listed = true;
	out->findable = found == 1 && strcasecmp(name, service) == 0;
	str_printf(out->from, FACT_FROM, "SYSTEM\\%s", path);
	return found < 0 ? -1 : 0;
}

int windows_match_id(const struct windows *win, const char *const *forms,
		     const char *service, struct virtio_id *out,
		     struct error *err)
{
	for (; *forms && !out->findable; forms++) {
		int r = win->driver_database
			? match_database(win, *forms, service, out, err)
			: match_critical(win, *forms, service, out, err);

		if (r < 0)
			return -1;
		if (!*out->from && win->driver_database)
			str_printf(out->from, FACT_FROM, "SYSTEM\\"
				   "DriverDatabase\\DeviceIds\\PCI\\%s", *forms);
		else if (!*out->from)
			str_printf(out->from, FACT_FROM, "SYSTEM\\%s\\Control\\"
				   "CriticalDeviceDatabase\\PCI#%s",
				   win->control_set, *forms);
	}
	return 0;
}

/* ---- how far VirtIO is --------------------------------------------------- */

static bool device_bound(const struct device *d, enum target_bus kind)
{
	return d->vendor == VENDOR_VIRTIO &&
	       (d->id == kinds[kind].ids[0] || d->id == kinds[kind].ids[1]) &&
	       strcasecmp(d->service, kinds[kind].service) == 0 &&
	       d->driver_key && !(d->config_flags & CONFIG_BROKEN);
}

/* The reason why winload would not start the driver, or NULL. */
static const char *service_fault(const struct service *s)
{
	if (!s->present || !s->has_start)
		return "the service is not set up";
	if (s->start != 0)
		return "the service is not started at boot";
	if (s->effective != 0)
		return "StartOverride keeps the service from starting at boot";
	if (!s->has_type || s->type != 1)
		return "the service is not a kernel driver";
	if (s->file_there == PRESENCE_NO)
		return "the driver's file is missing";
	return NULL;
}

static void judge_virtio(struct windows *win, enum target_bus kind)
{
	struct virtio *v = &win->virtio[kind];
	const char *fault = service_fault(&v->service);
	bool findable = v->ids[0].findable || v->ids[1].findable;
	bool device = false, bound = false;

	for (size_t i = 0; i < win->device_count; i++) {
		const struct device *d = &win->devices[i];

		device |= d->id == kinds[kind].ids[0] ||
			  d->id == kinds[kind].ids[1];
		if (!bound && device_bound(d, kind)) {
			bound = true;
			v->bound_device = i;
		}
	}
	if (!v->service.present && !v->ids[0].listed && !v->ids[1].listed &&
	    !device)
		v->state = VIRTIO_ABSENT;
	else if (fault || (!findable && !bound))
		v->state = VIRTIO_STAGED;
	else
		v->state = bound ? VIRTIO_BOUND : VIRTIO_BOOTABLE;
	if (v->state == VIRTIO_STAGED)
		str_fits(v->reason, sizeof(v->reason), fault ? fault :
			 "no device database entry leads to the service");
	else if (v->state == VIRTIO_BOOTABLE)
		str_fits(v->reason, sizeof(v->reason),
			 "no device instance has been set up yet");
}

int windows_read_virtio(struct windows *win, struct error *err)
{
	for (unsigned int k = 0; k < TARGET_BUSES; k++) {
		struct virtio *v = &win->virtio[k];
		const struct service *s =
			windows_find_service(win, kinds[k].service);

		if (s)
			v->service = *s;
		else
			str_printf(v->service.from, FACT_FROM,
				   "SYSTEM\\%s\\Services\\%s",
				   win->control_set, kinds[k].service);
		str_fits(v->service.name, sizeof(v->service.name),
			 kinds[k].service);
		for (size_t i = 0; i < 2; i++) {
			v->ids[i].id = kinds[k].ids[i];
			if (windows_match_id(win, kinds[k].forms[i],
					     kinds[k].service, &v->ids[i],
					     err) < 0)
				return -1;
		}
		judge_virtio(win, (enum target_bus)k);
	}
	return 0;
}
