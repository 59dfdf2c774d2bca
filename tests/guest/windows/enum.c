/* SPDX-License-Identifier: GPL-2.0-or-later */
/* enum.c - what a running system writes about its devices */

#include "nt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMES "{83da6326-97a6-4088-9453-a1923f573b29}"
#define DRIVER "{a8b865dd-2e3d-4094-ad97-e593a70c75d6}"
#define TIME_INSTALL 0x64u
#define TIME_FIRST_INSTALL 0x65u
#define TIME_ARRIVAL 0x66u
#define NO_DRIVER_7 0x60u
#define NO_DRIVER_8 0x40u
#define START_DISABLED 4u

/*
 * A property: on 8 and later the type is that of the value, which is the key's
 * default one; Windows 7 has one key more, and two values in it.
 */
void enum_property(struct nt *nt, hkey instance, const char *set, unsigned number,
		   uint32_t type, const void *data, size_t len)
{
	char path[96];
	uint8_t kind[4];
	hkey key;

	snprintf(path, sizeof(path), nt->win.modern ? "Properties\\%s\\%04X" :
		 "Properties\\%s\\%08X\\00000000", set, number);
	key = hive_make(nt->sys, instance, path);
	if (nt->win.modern) {
		hive_set(nt->sys, key, "", HIVE_PROPERTY | type, data, len);
		return;
	}
	put32(kind, type);
	hive_set(nt->sys, key, "Type", REG_BINARY, kind, sizeof(kind));
	hive_set(nt->sys, key, "Data", REG_BINARY, data, len);
}

static void property_time(struct nt *nt, hkey instance, unsigned number, uint64_t t)
{
	uint8_t data[8];

	put64(data, t);
	enum_property(nt, instance, TIMES, number, PROPERTY_TIME, data, sizeof(data));
}

static void property_text(struct nt *nt, hkey instance, unsigned number,
			  const char *text)
{
	struct bytes b = utf16_put(text);

	enum_property(nt, instance, DRIVER, number, PROPERTY_STRING, b.data, b.len);
	bytes_free(&b);
}

/* A key of its own for the device below its class; "{guid}\NNNN" to @driver. */
static hkey class_key(struct nt *nt, hkey instance, const char *class, char driver[64])
{
	char *has = hive_text(nt->sys, instance, "Driver"), path[96];
	hkey key = 0;

	if (has && starts(has, class)) {
		snprintf(driver, 64, "%s", has);
		snprintf(path, sizeof(path), "Control\\Class\\%.60s", has);
		key = hive_make(nt->sys, nt->set, path);
	}
	free(has);
	for (unsigned i = 0; !key && i < 10000; i++) {
		snprintf(driver, 64, "%.48s\\%04u", class, i);
		snprintf(path, sizeof(path), "Control\\Class\\%.63s", driver);
		if (!hive_find(nt->sys, nt->set, path))
			key = hive_make(nt->sys, nt->set, path);
	}
	return key;
}

static void instance_names(struct nt *nt, hkey key, size_t function)
{
	const char *hw[PCI_HARDWARE_IDS + 1] = { 0 };
	const char *compat[PCI_COMPATIBLE_IDS + 1] = { 0 };
	struct pci_ids ids;

	pci_ids(&nt->pci.f[function], &ids);
	for (size_t i = 0; i < PCI_HARDWARE_IDS; i++)
		hw[i] = ids.hardware[i];
	for (size_t i = 0; i < PCI_COMPATIBLE_IDS; i++)
		compat[i] = ids.compatible[i];
	hive_set_texts(nt->sys, key, "HardwareID", hw);
	hive_set_texts(nt->sys, key, "CompatibleIDs", compat);
	hive_set_text(nt->sys, key, "DeviceDesc", REG_SZ, ids.compatible[1]);
	hive_set_u32(nt->sys, key, "Capabilities", 0);
}

/* IDE channels have a driver of their own, and are there whatever hangs on them: in
 * a real hive of a guest that runs from LSI it has a device too. */
static bool has_channels(const char *service)
{
	static const char *const all[] = { "msahci", "pciide", "intelide" };
	bool has = false;

	for (size_t i = 0; i < COUNT(all); i++)
		has |= same(service, all[i]);
	return has;
}

void enum_configure(struct nt *nt, size_t function, const struct match *m)
{
	hkey key = pnp_instance(nt, function, true), class;
	bool first = !hive_find(nt->sys, key, "Properties\\" TIMES);
	char driver[64], version[PCI_ID_SIZE];
	uint8_t rank[4];

	instance_names(nt, key, function);
	class = class_key(nt, key, m->class_guid, driver);
	hive_set_text(nt->sys, key, "ClassGUID", REG_SZ, m->class_guid);
	hive_set_text(nt->sys, key, "Service", REG_SZ, m->service);
	hive_set_text(nt->sys, key, "Driver", REG_SZ, driver);
	hive_set_u32(nt->sys, key, "ConfigFlags", 0);
	hive_set_text(nt->sys, class, "DriverDesc", REG_SZ, m->service);
	hive_set_text(nt->sys, class, "InfPath", REG_SZ, m->inf);
	hive_set_text(nt->sys, class, "InfSection", REG_SZ, m->section);
	hive_set_text(nt->sys, class, "MatchingDeviceId", REG_SZ, m->id);
	property_time(nt, key, TIME_INSTALL, nt->boot_time);
	if (first)
		property_time(nt, key, TIME_FIRST_INSTALL, nt->boot_time);
	if (nt->win.modern) {
		snprintf(version, sizeof(version), "%u.%u.0.0", nt->win.major,
			 nt->win.minor);
		property_time(nt, key, TIME_ARRIVAL, nt->boot_time);
		property_text(nt, key, 3, version);
		property_text(nt, key, 5, m->inf);
		property_text(nt, key, 6, m->section);
		property_text(nt, key, 8, m->id);
		put32(rank, m->rank);
		enum_property(nt, key, DRIVER, 0xe, PROPERTY_U32, rank, sizeof(rank));
	}
	fact("configured device=%s service=%s inf=%s first=%s",
	     nt->pci.f[function].address, m->service, *m->inf ? m->inf : "none",
	     first ? "yes" : "no");
	/* A device was configured for it: whatever was planted goes. */
	sweep_clear(nt, m->service);
	if (has_channels(m->service))
		sweep_clear(nt, "atapi");
}

bool enum_start(struct nt *nt, const char *service)
{
	struct driver *d = loader_find(nt, service);
	char why[NAME_SIZE];

	if (!d)
		return false;
	if (d->load != LOAD_YES) {
		/* By now there is a disk to load it from. */
		if (d->type != 1 || d->start >= START_DISABLED ||
		    loader_image(nt, d->key, why) != LOAD_YES)
			return false;
	}
	d->used = true;
	hive_touch(nt->sys, d->key, nt->boot_time);
	if (has_channels(service))
		enum_start(nt, "atapi");
	return true;
}

static void driverless(struct nt *nt, size_t function)
{
	hkey key = pnp_instance(nt, function, true);

	instance_names(nt, key, function);
	hive_set_u32(nt->sys, key, "ConfigFlags",
		     nt->win.modern ? NO_DRIVER_8 : NO_DRIVER_7);
}

static void bind(struct nt *nt, size_t i)
{
	const char *address = nt->pci.f[i].address;
	struct match m;

	pnp_match(nt, i, &m);
	if (m.by == MATCH_ENUM) {
		nt->started[i] = *m.service && enum_start(nt, m.service);
		if (nt->started[i] && nt->win.modern)
			property_time(nt, pnp_instance(nt, i, false), TIME_ARRIVAL,
				      nt->boot_time);
	} else if (m.by != MATCH_NONE && enum_start(nt, m.service)) {
		nt->started[i] = true;
		enum_configure(nt, i, &m);
	} else {
		driverless(nt, i);
	}
	fact("device=%s vendor=%04x device-id=%04x service=%s started=%s", address,
	     nt->pci.f[i].vendor, nt->pci.f[i].device,
	     *m.service ? m.service : "none", nt->started[i] ? "yes" : "no");
}

void enum_bind_all(struct nt *nt)
{
	for (size_t i = 0; i < nt->pci.n; i++)
		bind(nt, i);
}

/* Of two disks with one signature, the second stays subject. */
static bool collides(const struct nt *nt, size_t i)
{
	const struct machine_disk *disks = nt->machine.disks;

	for (size_t k = 0; k < i; k++)
		if (disks[k].signature && disks[k].signature == disks[i].signature)
			return true;
	return false;
}

static void disk_instance(struct nt *nt, size_t i, int function)
{
	const struct machine_disk *disk = &nt->machine.disks[i];
	hkey partmgr = hive_find(nt->sys, nt->set, "Services\\partmgr\\Parameters");
	bool ide = !nt->win.modern && nt->pci.f[function].class >> 8 != 0x0100;
	uint32_t hash = 0x811c9dc5, san = hive_u32(nt->sys, partmgr, "SanPolicy", 1);
	char path[256], tail[PCI_ID_SIZE];
	hkey key;

	pci_instance(&nt->pci, (size_t)function, tail);
	for (const char *p = tail; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x01000193u;
	if (ide)
		snprintf(path, sizeof(path), "Enum\\IDE\\Disk%s_%s\\4&%x&0&%zu",
			 disk->vendor, disk->product, hash, i);
	else
		snprintf(path, sizeof(path),
			 "Enum\\SCSI\\Disk&Ven_%s&Prod_%s\\4&%x&0&%06zx",
			 disk->vendor, disk->product, hash, i);
	key = hive_find(nt->sys, nt->set, path);
	fact("disk index=%zu instance=%s new=%s%s", i, path + 5, key ? "no" : "yes",
	     collides(nt, i) ? " offline=collision" : "");
	if (!key) {
		key = hive_make(nt->sys, nt->set, path);
		hive_set_text(nt->sys, key, "ClassGUID", REG_SZ,
			      "{4d36e967-e325-11ce-bfc1-08002be10318}");
		hive_set_text(nt->sys, key, "Service", REG_SZ, "disk");
		hive_set_u32(nt->sys, key, "ConfigFlags", 0);
		/* A data disk that was never here: the policy says whether it
		 * comes online. */
		hive_set_u32(nt->sys, hive_make(nt->sys, key,
						"Device Parameters\\Partmgr"),
			     "Attributes",
			     (i && san > 1) || collides(nt, i) ? 1 : 0);
		property_time(nt, key, TIME_INSTALL, nt->boot_time);
		property_time(nt, key, TIME_FIRST_INSTALL, nt->boot_time);
	}
	if (nt->win.modern)
		property_time(nt, key, TIME_ARRIVAL, nt->boot_time);
}

void enum_disks(struct nt *nt)
{
	for (size_t i = 0; i < nt->machine.disk_count; i++) {
		int function = pci_index(&nt->pci, nt->machine.disks[i].address);

		if (function >= 0 && nt->started[function])
			disk_instance(nt, i, function);
	}
}
