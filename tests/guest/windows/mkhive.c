/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mkhive.c - SYSTEM and SOFTWARE of a guest that was used before, made from scratch */

#include "mk.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ABSENT 9u

static hkey sub(struct mk *mk, hkey key, const char *path)
{
	return hive_make(mk->sys, key, path);
}

static void u32(struct mk *mk, hkey key, const char *name, uint32_t v)
{
	hive_set_u32(mk->sys, key, name, v);
}

static void text(struct mk *mk, hkey key, const char *name, const char *s)
{
	hive_set_text(mk->sys, key, name, REG_SZ, s);
}

/* ---- services ---- */

void mk_service(struct mk *mk, const char *name, unsigned start, const char *group)
{
	char path[160];
	hkey key;

	snprintf(path, sizeof(path), "Services\\%s", name);
	key = sub(mk, mk->set, path);
	u32(mk, key, "Type", 1);
	u32(mk, key, "Start", start);
	u32(mk, key, "ErrorControl", start == 0 ? 1 : 0);
	if (*group)
		text(mk, key, "Group", group);
	snprintf(path, sizeof(path), "System32\\drivers\\%s.sys", name);
	hive_set_text(mk->sys, key, "ImagePath", REG_EXPAND_SZ, path);
}

void mk_override(struct mk *mk, const char *name, unsigned id)
{
	char path[160], value[16];

	snprintf(path, sizeof(path), "Services\\%s", name);
	if (!hive_find(mk->sys, mk->set, path))
		return;
	snprintf(path, sizeof(path), "Services\\%s\\StartOverride", name);
	snprintf(value, sizeof(value), "%u", id);
	u32(mk, sub(mk, mk->set, path), value, 3);
}

/* ---- device databases ---- */

void mk_package(struct mk *mk, const char *inf, const char *label,
		const char *class, bool oem)
{
	hkey db = sub(mk, hive_root(mk->sys), "DriverDatabase"), key;
	const char *labels[] = { label, NULL };
	uint8_t version[48] = { 0xff, 0xff };
	unsigned g[11] = { 0 };
	char path[300];

	snprintf(path, sizeof(path), "DriverInfFiles\\%s", inf);
	key = sub(mk, db, path);
	hive_set_texts(mk->sys, key, "", labels);
	text(mk, key, "Active", label);
	snprintf(path, sizeof(path), "DriverPackages\\%s", label);
	key = sub(mk, db, path);
	if (oem)
		version[0] = 0;
	put16(version + 2, mk->pe == MACHINE_AMD64 ? 9 : 0);
	sscanf(class, "{%8x-%4x-%4x-%2x%2x-%2x%2x%2x%2x%2x%2x}", &g[0], &g[1], &g[2],
	       &g[3], &g[4], &g[5], &g[6], &g[7], &g[8], &g[9], &g[10]);
	put32(version + 8, g[0]);
	put16(version + 12, g[1]);
	put16(version + 14, g[2]);
	for (unsigned i = 0; i < 8; i++)
		version[16 + i] = (uint8_t)g[3 + i];
	put64(version + 24, mk->last_use - 1000 * FILETIME_SECOND);
	put16(version + 38, mk->gen->major);
	hive_set(mk->sys, key, "Version", REG_BINARY, version, sizeof(version));
	text(mk, key, "", inf);
	text(mk, key, "InfName", inf);
	if (oem) {
		u32(mk, key, "SignerScore", 0x0d000005);
		u32(mk, key, "StatusFlags", 0x12);
	}
}

static void device_id(struct mk *mk, const char *inf, const char *id)
{
	static const uint8_t hardware_id[4] = { 1, 0xff, 0, 0 };
	char path[200];

	snprintf(path, sizeof(path), "DriverDatabase\\DeviceIds\\%s", id);
	hive_set(mk->sys, sub(mk, hive_root(mk->sys), path), inf, REG_BINARY,
		 hardware_id, sizeof(hardware_id));
}

/* With @service NULL the package is only staged. */
void mk_package_device(struct mk *mk, const char *inf, const char *label,
		       const char *service, const char *id)
{
	char path[400], section[NAME_SIZE];
	hkey key;

	device_id(mk, inf, id);
	if (!service)
		return;
	snprintf(section, sizeof(section), "%.70s_Inst", service);
	snprintf(path, sizeof(path), "DriverDatabase\\DriverPackages\\%s\\"
		 "Descriptors\\%s", label, id);
	text(mk, sub(mk, hive_root(mk->sys), path), "Configuration", section);
	snprintf(path, sizeof(path), "DriverDatabase\\DriverPackages\\%s\\"
		 "Configurations\\%s", label, section);
	key = sub(mk, hive_root(mk->sys), path);
	u32(mk, key, "ConfigFlags", 0);
	text(mk, key, "Service", service);
}

void mk_cdd(struct mk *mk, const char *id, const char *service, const char *class)
{
	char path[200];
	hkey key;

	snprintf(path, sizeof(path), "Control\\CriticalDeviceDatabase\\%s", id);
	for (char *p = strchr(path + strlen("Control\\CriticalDeviceDatabase\\"), '\\'); p;
	     p = strchr(p, '\\'))
		*p = '#';
	for (char *p = strrchr(path, '\\'); p && *p; p++)
		*p = (char)tolower((unsigned char)*p);
	key = sub(mk, mk->set, path);
	text(mk, key, "Service", service);
	text(mk, key, "ClassGUID", class);
}

void mk_instance(struct mk *mk, const char *function, const char *service,
		 const char *class, const char *inf)
{
	struct match m = { .by = MATCH_DDB };
	struct nt *nt = xcalloc(1, sizeof(*nt));

	/* The model's own hand: it is what it would have written. */
	nt->sys = mk->sys;
	nt->set = mk->set;
	nt->options = &mk->options;
	nt->win = (struct windows){ .modern = mk->modern, .major = mk->gen->major,
				    .minor = mk->gen->minor };
	nt->boot_time = mk->last_use;
	pci_parse(&nt->pci, function);
	snprintf(m.service, sizeof(m.service), "%s", service);
	snprintf(m.class_guid, sizeof(m.class_guid), "%s", class);
	snprintf(m.inf, sizeof(m.inf), "%s", inf);
	snprintf(m.section, sizeof(m.section), "%.70s_Inst", service);
	enum_configure(nt, 0, &m);
	free(nt);
}

/* ---- what Windows brings along ---- */

/* In that generation, and whether the guest's last machine had use for it */
static bool in_use(struct mk *mk, const struct inbox *d)
{
	const char *origin = option(&mk->options, "origin", "lsi");

	if (!d->origin)
		return false;
	if (same(d->origin, origin))
		return true;
	return same(d->origin, "sata") && option_is(&mk->options, "cdrom", "sata");
}

static bool is_stack(const struct inbox *d)
{
	/* Those without a PCI id but with a device or a filter of their own */
	return !d->ids[0] && !d->origin;
}

static void one_inbox(struct mk *mk, const struct inbox *d)
{
	unsigned start = mk->modern ? d->start8 : d->start7;
	bool wanted = in_use(mk, d) || is_stack(d) || !d->inf ||
		      same(d->inf, "machine.inf");
	char label[NAME_SIZE];

	if (start == ABSENT)
		return;
	if (in_use(mk, d))
		start = 0;
	mk_service(mk, d->name, start, d->group);
	mk_driver_file(mk, d->name, mk->pe);
	if (mk->modern && start == 0 && !wanted)
		mk_override(mk, d->name, 0);
	if (!d->inf)
		return;
	snprintf(label, sizeof(label), "%s_%s_00000000%08x", d->inf,
		 mk->pe == MACHINE_AMD64 ? "amd64" : "x86", mk->gen->build);
	if (mk->modern)
		mk_package(mk, d->inf, label, d->class, false);
	for (size_t i = 0; i < COUNT(d->ids) && d->ids[i]; i++) {
		if (mk->modern)
			mk_package_device(mk, d->inf, label, d->name, d->ids[i]);
		else
			mk_cdd(mk, d->ids[i], d->name, d->class);
	}
}

static void other_drivers(struct mk *mk)
{
	unsigned n = option_number(&mk->options, "others", 6);

	for (unsigned i = 0; i < n; i++) {
		char name[32];

		snprintf(name, sizeof(name), "raid%02u", i);
		mk_service(mk, name, 0, "SCSI Miniport");
		mk_driver_file(mk, name, mk->pe);
		if (mk->modern)
			mk_override(mk, name, 0);
	}
}

static void classes(struct mk *mk)
{
	static const char *const all[] = { CLASS_SCSI, CLASS_HDC, CLASS_DISK, CLASS_VOLUME,
					   CLASS_SYSTEM };
	const char *partmgr[] = { "partmgr", NULL }, *ehstor[] = { "EhStorClass", NULL };
	const char *volsnap[] = { "volsnap", NULL }, *fvevol[] = { "fvevol", NULL };
	hkey base = sub(mk, mk->set, "Control\\Class");

	for (size_t i = 0; i < COUNT(all); i++)
		sub(mk, base, all[i]);
	hive_set_texts(mk->sys, sub(mk, base, CLASS_DISK), "UpperFilters", partmgr);
	if (mk->modern)
		hive_set_texts(mk->sys, sub(mk, base, CLASS_DISK), "LowerFilters", ehstor);
	hive_set_texts(mk->sys, sub(mk, base, CLASS_VOLUME), "UpperFilters", volsnap);
	hive_set_texts(mk->sys, sub(mk, base, CLASS_VOLUME), "LowerFilters", fvevol);
}

static void old_devices(struct mk *mk)
{
	static const struct { const char *origin, *function, *service, *class, *inf; } all[] = {
		{ "lsi", "0000:00:03.0 1000:0054 15ad:1976 01 010700", "LSI_SAS",
		  CLASS_SCSI, "lsi_sas.inf" },
		{ "lsi-parallel", "0000:00:10.0 1000:0030 15ad:1976 01 010000", "LSI_SCSI",
		  CLASS_SCSI, "lsi_scsi.inf" },
		{ "sata", "0000:00:11.0 15ad:07e0 15ad:07e0 00 010601", NULL,
		  CLASS_HDC, "mshdc.inf" },
		{ "ide", "0000:00:07.1 8086:7111 15ad:1976 01 01018a", "intelide",
		  CLASS_HDC, "mshdc.inf" },
		{ "pvscsi", "0000:00:03.0 15ad:07c0 15ad:07c0 02 010700", "pvscsi",
		  CLASS_SCSI, "oem4.inf" },
	};
	static const char *const others[][2] = {
		{ "ROOT\\volmgr\\0000", "volmgr" }, { "ROOT\\vdrvroot\\0000", "vdrvroot" },
		{ "ROOT\\spaceport\\0000", "spaceport" }, { "ACPI_HAL\\PNP0C08\\0", "ACPI" },
		{ "ACPI\\PNP0A03\\0", "pci" },
	};
	const char *origin = option(&mk->options, "origin", "lsi");

	for (size_t i = 0; i < COUNT(all); i++)
		if (same(all[i].origin, origin) ||
		    (same(all[i].origin, "sata") &&
		     option_is(&mk->options, "cdrom", "sata")))
			mk_instance(mk, all[i].function, all[i].service ?
				    all[i].service : mk->modern ? "storahci" : "msahci",
				    all[i].class, all[i].inf);
	for (size_t i = 0; i < COUNT(others); i++) {
		char path[80];

		snprintf(path, sizeof(path), "Enum\\%s", others[i][0]);
		text(mk, sub(mk, mk->set, path), "Service", others[i][1]);
	}
}

/* VMware's own: bound on that origin; else a package that is only staged, and a
 * service without Start and ImagePath, as in a real Windows 10 1903. */
static void pvscsi(struct mk *mk)
{
	bool bound = option_is(&mk->options, "origin", "pvscsi");
	static const char inf[] = "oem4.inf", id[] = "PCI\\VEN_15AD&DEV_07C0";
	const char *label = "pvscsi.inf_amd64_3f2c9d5be0a71846";

	if (bound) {
		mk_service(mk, "pvscsi", 0, "SCSI miniport");
		mk_driver_file(mk, "pvscsi", mk->pe);
	} else {
		sub(mk, mk->set, "Services\\pvscsi");
	}
	if (mk->modern) {
		mk_package(mk, inf, label, CLASS_SCSI, true);
		mk_package_device(mk, inf, label, bound ? "pvscsi" : NULL, id);
	} else if (bound) {
		mk_cdd(mk, id, "pvscsi", CLASS_SCSI);
	}
}

/* ---- the rest of the system ---- */

static void control(struct mk *mk)
{
	const struct options *o = &mk->options;
	hkey c = sub(mk, mk->set, "Control"), key;
	bool crashed = option_is(o, "session", "crashed");

	u32(mk, sub(mk, c, "PnP"), "PollBootPartitionTimeout",
	    option_number(o, "poll", mk->modern ? 30000 : 0));
	key = sub(mk, c, "CrashControl");
	u32(mk, key, "AutoReboot", option_number(o, "autoreboot", 1));
	u32(mk, key, "CrashDumpEnabled", mk->modern ? 7 : 2);
	if (mk->modern) {
		u32(mk, sub(mk, c, "Session Manager\\Power"), "HiberbootEnabled",
		    option_is(o, "fast", "on"));
		u32(mk, sub(mk, c, "Power"), "HibernateEnabled", option_is(o, "fast", "on"));
	}
	key = sub(mk, c, "TimeZoneInformation");
	u32(mk, key, "ActiveTimeBias", option_number(o, "bias", 0));
	u32(mk, key, "RealTimeIsUniversal", option_number(o, "universal", 0));
	hive_set_u64(mk->sys, sub(mk, c, "Windows"), "ShutdownTime", REG_BINARY,
		     crashed ? mk->last_use - 3600 * FILETIME_SECOND : mk->last_off);
	u32(mk, sub(mk, c, "Session Manager\\Memory Management\\PrefetchParameters"),
	    "BootId", 41);
	text(mk, sub(mk, c, "Session Manager\\Environment"), "PROCESSOR_ARCHITECTURE",
	     mk->pe == MACHINE_AMD64 ? "AMD64" : "x86");
	text(mk, sub(mk, c, "ComputerName\\ComputerName"), "ComputerName", "MODEL");
	key = sub(mk, mk->set, "Services\\partmgr\\Parameters");
	u32(mk, key, "SanPolicy", option_number(o, "sanpolicy", mk->gen->client ? 1 : 2));
}

static void hardware(struct mk *mk)
{
	hkey all = sub(mk, hive_root(mk->sys), "HardwareConfig"), key;
	char name[64];

	snprintf(name, sizeof(name), "{%.40s}",
		 option(&mk->options, "uuid", "25194d56-3a1c-8d2e-90ab-0c1d2e3f4a5b"));
	key = sub(mk, all, name);
	u32(mk, key, "Id", 0);
	hive_set_u64(mk->sys, key, "LastUse", REG_BINARY, mk->last_use);
	text(mk, key, "SystemManufacturer", "VMware, Inc.");
	text(mk, key, "SystemProductName", "VMware Virtual Platform");
	text(mk, key, "SystemBiosVersion", "6.00");
	text(mk, all, "LastConfig", name);
	u32(mk, all, "LastId", 0);
}

static void overrides(struct mk *mk)
{
	char *list = xstrdup(option(&mk->options, "override", "")), *save = NULL;

	for (char *name = strtok_r(list, ",", &save); name;
	     name = strtok_r(NULL, ",", &save))
		mk_override(mk, name, option_number(&mk->options, "override_id", 0));
	free(list);
}

static void control_set(struct mk *mk, const char *name)
{
	mk->set = sub(mk, hive_root(mk->sys), name);
	for (size_t i = 0; inbox(i); i++)
		one_inbox(mk, inbox(i));
	classes(mk);
	control(mk);
	pvscsi(mk);
	other_drivers(mk);
	old_devices(mk);
	mk_virtio(mk);
	overrides(mk);
}

void mk_system(struct mk *mk)
{
	struct bytes empty = hive_empty("CMI-CreateHive{model}");
	hkey select;

	mk->sys = hive_open(&empty);
	if (!mk->sys)
		die("mkdisk: libhivex refuses an empty hive");
	bytes_free(&empty);
	if (mk->modern) {
		hkey db = sub(mk, hive_root(mk->sys), "DriverDatabase");

		u32(mk, db, "Architecture", mk->pe == MACHINE_AMD64 ? 9 : 0);
		hardware(mk);
	} else {
		control_set(mk, "ControlSet002");
	}
	control_set(mk, "ControlSet001");
	select = sub(mk, hive_root(mk->sys), "Select");
	u32(mk, select, "Current", 1);
	u32(mk, select, "Default", 1);
	u32(mk, select, "Failed", 0);
	u32(mk, select, "LastKnownGood", mk->modern ? 1 : 2);
	sub(mk, hive_root(mk->sys), "MountedDevices");
	u32(mk, sub(mk, hive_root(mk->sys), "Setup"), "SetupType", 0);
}

struct bytes mk_software(struct mk *mk)
{
	struct bytes empty = hive_empty("CMI-CreateHive{model}"), out;
	struct hive *h = hive_open(&empty);
	hkey key = hive_make(h, hive_root(h), "Microsoft\\Windows NT\\CurrentVersion");
	char number[16];

	bytes_free(&empty);
	snprintf(number, sizeof(number), "%u", mk->gen->build);
	hive_set_text(h, key, "CurrentBuildNumber", REG_SZ, number);
	hive_set_text(h, key, "CurrentBuild", REG_SZ, number);
	hive_set_text(h, key, "ProductName", REG_SZ, mk->gen->product);
	hive_set_text(h, key, "InstallationType", REG_SZ,
		      mk->gen->client ? "Client" : "Server");
	hive_set_text(h, key, "SystemRoot", REG_SZ, "C:\\Windows");
	if (mk->gen->major == 10) {
		hive_set_u32(h, key, "CurrentMajorVersionNumber", 10);
		hive_set_u32(h, key, "CurrentMinorVersionNumber", 0);
		hive_set_text(h, key, "CurrentVersion", REG_SZ, "6.3");
	} else {
		snprintf(number, sizeof(number), "%u.%u", mk->gen->major, mk->gen->minor);
		hive_set_text(h, key, "CurrentVersion", REG_SZ, number);
	}
	key = hive_make(h, hive_root(h), "Microsoft\\Windows\\CurrentVersion");
	hive_set_text(h, key, "DevicePath", REG_EXPAND_SZ,
		      option_is(&mk->options, "package", "yes") ||
		      option_is(&mk->options, "package", "wrong") ?
		      "%SystemRoot%\\inf;%SystemRoot%\\Drivers\\VirtIO" :
		      "%SystemRoot%\\inf");
	out = hive_save(h);
	hivelog_stamp(&out, 1, 1, mk->last_off);
	hive_close(h);
	return out;
}
