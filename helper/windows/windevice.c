// SPDX-License-Identifier: GPL-2.0-or-later
/* windevice.c - device instances: storage controllers and VirtIO devices */

#include "helper/windows/windows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Device properties: times of a device, and its driver (devpkey.h of the Windows
 * SDK: DEVPKEY_Device_LastArrivalDate, _DriverVersion and so on). */
#define TIMES "{83da6326-97a6-4088-9453-a1923f573b29}"
#define DRIVER "{a8b865dd-2e3d-4094-ad97-e593a70c75d6}"

/* ---- properties ---------------------------------------------------------- */

/* Windows 8 and later: ..\0066, default value. 7: ..\00000066\00000000, value
 * Data. So they are in registries of real Windows 10 and 7. */
static int property(const struct windows *win, const struct hive_key *device,
		    const char *guid, unsigned int number,
		    struct hive_value *value, struct error *err)
{
	struct hive_key key;
	char path[96];
	int found;

	str_printf(path, sizeof(path), "Properties\\%s\\%04X", guid, number);
	found = hive_find(&win->system, device, path, &key, err);
	if (found == 1)
		return hive_get(&win->system, &key, "", value, err);
	if (found < 0)
		return -1;
	str_printf(path, sizeof(path), "Properties\\%s\\%08x\\00000000", guid,
		   number);
	found = hive_find(&win->system, device, path, &key, err);
	return found <= 0 ? found
			  : hive_get(&win->system, &key, "Data", value, err);
}

static int property_time(const struct windows *win,
			 const struct hive_key *device, unsigned int number,
			 uint64_t *time, struct error *err)
{
	struct hive_value v;
	int found = property(win, device, TIMES, number, &v, err);

	*time = found == 1 && v.len == 8 ? get_le64(v.data) : 0;
	return found < 0 ? -1 : 0;
}

static int property_text(const struct windows *win,
			 const struct hive_key *device, unsigned int number,
			 char *text, size_t size, struct error *err)
{
	struct hive_value v;
	int found = property(win, device, DRIVER, number, &v, err);

	*text = '\0';
	if (found == 1 && v.data)
		utf16_to_utf8(text, size, v.data, v.len);
	return found < 0 ? -1 : 0;
}

/* ---- device instances ---------------------------------------------------- */

/* Exactly four hex digits. */
static bool parse_hex4(const char *text, uint16_t *number)
{
	char digits[5] = "";
	char *end;

	memcpy(digits, text, strnlen(text, 4));
	*number = (uint16_t)strtoul(digits, &end, 16);
	return strspn(digits, "0123456789abcdefABCDEF") == 4 && !*end;
}

/* "VEN_1AF4&DEV_1042&..." */
static bool parse_pci(const char *name, uint16_t *vendor, uint16_t *id)
{
	return strncasecmp(name, "VEN_", 4) == 0 &&
	       parse_hex4(name + 4, vendor) &&
	       strncasecmp(name + 8, "&DEV_", 5) == 0 &&
	       parse_hex4(name + 13, id);
}

static bool is_virtio_storage(uint16_t vendor, uint16_t id)
{
	for (unsigned int k = 0; k < TARGET_BUSES; k++) {
		const uint16_t *ids = virtio_device_ids((enum target_bus)k);

		if (vendor == VENDOR_VIRTIO && (id == ids[0] || id == ids[1]))
			return true;
	}
	return false;
}

static int read_times(const struct windows *win, const struct hive_key *key,
		      struct device *d, struct error *err)
{
	if (property_time(win, key, 0x64, &d->installed, err) < 0 ||
	    property_time(win, key, 0x65, &d->first_installed, err) < 0 ||
	    property_time(win, key, 0x66, &d->arrived, err) < 0)
		return -1;
	return property_time(win, key, 0x67, &d->removed, err);
}

static int read_driver(const struct windows *win, const struct hive_key *key,
		       struct device *d, struct error *err)
{
	struct hive_key class;
	char path[FACT_FROM];
	int found;

	if (property_text(win, key, 3, d->version, sizeof(d->version), err) ||
	    property_text(win, key, 5, d->inf, sizeof(d->inf), err) ||
	    property_text(win, key, 6, d->section, sizeof(d->section), err) ||
	    property_text(win, key, 8, d->matching_id, sizeof(d->matching_id),
			  err))
		return -1;
	if (!*d->driver)
		return 0;
	str_printf(path, sizeof(path), "%s\\Control\\Class\\%s",
		   win->control_set, d->driver);
	found = windows_find_path(win, path, &class, err);
	d->driver_key = found == 1;
	return found < 0 ? -1 : 0;
}

static int read_device(struct windows *win, const struct hive_key *key,
		       const char *from, uint16_t vendor, uint16_t id,
		       struct error *err)
{
	struct device *d = &win->devices[win->device_count];
	const struct hive *h = &win->system;
	int flags;

	if (win->device_count == WINDOWS_DEVICES)
		return 0;
	memset(d, 0, sizeof(*d));
	d->vendor = vendor;
	d->id = id;
	str_fits(d->from, sizeof(d->from), from);
	if (hive_get_text(h, key, "Service", d->service, sizeof(d->service),
			  err) < 0)
		return -1;
	if (!is_virtio_storage(vendor, id) && !windows_is_storage(d->service))
		return 0;
	flags = hive_get_dword(h, key, "ConfigFlags", &d->config_flags, err);
	d->has_flags = flags == 1;
	if (flags < 0 ||
	    hive_get_text(h, key, "ClassGUID", d->class_guid,
			  sizeof(d->class_guid), err) < 0 ||
	    hive_get_text(h, key, "Driver", d->driver, sizeof(d->driver),
			  err) < 0 ||
	    read_times(win, key, d, err) < 0 ||
	    read_driver(win, key, d, err) < 0)
		return -1;
	win->device_count++;
	return 0;
}

/* Call @each for every subkey of @path with its name; -1 stops. */
typedef int child_fn(struct windows *win, const struct hive_key *child,
		     const char *path, const char *name, struct error *err);

static int each_child(struct windows *win, const char *path, child_fn *each,
		      struct error *err)
{
	AUTO_FREE uint32_t *cells = NULL;
	struct hive_key key, child;
	char name[HIVE_NAME_UTF8];
	int found = windows_find_path(win, path, &key, err);
	ssize_t n = found == 1 ? hive_subkeys(&win->system, &key, &cells, err)
			       : found;

	for (ssize_t i = 0; cells && i < n; i++) {
		if (hive_key_read(&win->system, cells[i], &child, err) < 0)
			return -1;
		hive_name_utf8(child.name, child.name_len, child.wide, name);
		if (each(win, &child, path, name, err) < 0)
			return -1;
	}
	return n < 0 ? -1 : 0;
}

static int pci_instance(struct windows *win, const struct hive_key *key,
			const char *path, const char *name, struct error *err)
{
	char from[FACT_FROM];
	uint16_t vendor = 0, id = 0;

	if (!str_printf(from, sizeof(from), "SYSTEM\\%s\\%s", path, name))
		return 0;	/* no name created by Windows is that long */
	parse_pci(strrchr(path, '\\') + 1, &vendor, &id);
	return read_device(win, key, from, vendor, id, err);
}

static int pci_device(struct windows *win, const struct hive_key *key,
		      const char *path, const char *name, struct error *err)
{
	char below[FACT_FROM];
	uint16_t vendor, id;

	(void)key;
	if (!parse_pci(name, &vendor, &id) ||
	    !str_printf(below, sizeof(below), "%s\\%s", path, name))
		return 0;
	return each_child(win, below, pci_instance, err);
}

static int scsi_instance(struct windows *win, const struct hive_key *key,
			 const char *path, const char *name, struct error *err)
{
	uint64_t arrived;

	(void)path, (void)name;
	if (property_time(win, key, 0x66, &arrived, err) < 0)
		return -1;
	win->virtio_disk_seen = true;
	if (arrived > win->virtio_disk_arrived)
		win->virtio_disk_arrived = arrived;
	return 0;
}

/* The name that viostor gives its disks (VendorId and ProductId in virtio_stor.c of
 * virtio-win). */
static int scsi_device(struct windows *win, const struct hive_key *key,
		       const char *path, const char *name, struct error *err)
{
	static const char disk[] = "Disk&Ven_Red_Hat&Prod_VirtIO";
	char below[FACT_FROM];

	(void)key;
	if (strncasecmp(name, disk, sizeof(disk) - 1) != 0 ||
	    !str_printf(below, sizeof(below), "%s\\%s", path, name))
		return 0;
	return each_child(win, below, scsi_instance, err);
}

int windows_read_devices(struct windows *win, struct error *err)
{
	char path[FACT_FROM];

	str_printf(path, sizeof(path), "%s\\Enum\\PCI", win->control_set);
	if (each_child(win, path, pci_device, err) < 0)
		return -1;
	str_printf(path, sizeof(path), "%s\\Enum\\SCSI", win->control_set);
	return each_child(win, path, scsi_device, err);
}
