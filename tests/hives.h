/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hives.h - hives like those of each Windows generation, made with libhivex
 *
 * All values are invented, modelled on registries of real Windows 7, 8.1 and 10. A VirtIO
 * driver that is staged, bootable or bound is synthesised too, because no hive of a guest
 * with one was available.
 */
#ifndef BUSFLIP_TESTS_HIVES_H
#define BUSFLIP_TESTS_HIVES_H

#include "tests/rawhive.h"

#include <errno.h>
#include <hivex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct made {
	hive_h *h;
	int fd;
	const char *set;	/* prefix of relative paths, or "" */
};

static void made_must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(99);
}

static void made_open(struct made *m, uint32_t minor, uint64_t time)
{
	char path[64];
	struct raw r;
	uint32_t root;

	raw_start(&r);
	root = raw_key(&r, RAW_NONE, "ROOT", false);
	raw_finish(&r, root, minor, time);
	m->set = "";
	m->fd = memfd_create("made", MFD_CLOEXEC);
	made_must(m->fd >= 0 && write(m->fd, r.file, RAW_SIZE) == RAW_SIZE,
		  "memfd");
	free(r.file);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", m->fd);
	m->h = hivex_open(path, HIVEX_OPEN_WRITE);
	made_must(m->h != NULL, "hivex_open");
}

static hive_node_h made_key(struct made *m, const char *path)
{
	hive_node_h node = hivex_root(m->h), child;
	char all[600], *name, *rest = all;

	snprintf(all, sizeof(all), "%s%s%s", m->set, *m->set ? "\\" : "", path);
	while ((name = strsep(&rest, "\\"))) {
		child = hivex_node_get_child(m->h, node, name);
		if (!child)
			child = hivex_node_add_child(m->h, node, name);
		made_must(child != 0, path);
		node = child;
	}
	return node;
}

static void made_set(struct made *m, const char *path, const char *name,
		     uint32_t type, const void *data, size_t len)
{
	hive_set_value v = { .t = (hive_type)type, .len = len };

	v.key = strdup(name);
	v.value = malloc(len + 1);
	made_must(v.key && v.value, "malloc");
	memcpy(v.value, data, len);
	made_must(hivex_node_set_value(m->h, made_key(m, path), &v, 0) == 0,
		  path);
	free(v.key);
	free(v.value);
}

static void made_dword(struct made *m, const char *path, const char *name,
		       uint32_t number)
{
	uint8_t data[4];

	put_le32(data, number);
	made_set(m, path, name, 4, data, 4);
}

static void made_time(struct made *m, const char *path, const char *name,
		      uint32_t type, uint64_t time)
{
	uint8_t data[8];

	put_le64(data, time);
	made_set(m, path, name, type, data, 8);
}

/* @type 7: one string, and the list's own end. */
static void made_text(struct made *m, const char *path, const char *name,
		      uint32_t type, const char *text)
{
	uint8_t data[1024] = { 0 };
	size_t n = strlen(text);

	made_must(n < 500, "text");
	for (size_t i = 0; i < n; i++)
		data[2 * i] = (uint8_t)text[i];
	made_set(m, path, name, type, data, (n + 1 + (type == 7)) * 2);
}

/* The finished file; the caller frees it. */
static uint8_t *made_close(struct made *m, size_t *len)
{
	char path[64];
	uint8_t *data;
	off_t size;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", m->fd);
	made_must(hivex_commit(m->h, path, 0) == 0, "hivex_commit");
	hivex_close(m->h);
	size = lseek(m->fd, 0, SEEK_END);
	data = malloc((size_t)size);
	made_must(data && pread(m->fd, data, (size_t)size, 0) == size, "read");
	close(m->fd);
	*len = (size_t)size;
	return data;
}

/* ---- Windows ------------------------------------------------------------- */

struct made_windows {
	const char *name;
	uint32_t build;
	bool server, eight;
	const char *arch, *product, *edition;
};

static const struct made_windows made_list[] = {
	{ "7", 7601, false, false, "AMD64", "Windows 7 Professional",
	  "Professional" },
	{ "7-x86", 7601, false, false, "x86", "Windows 7 Professional",
	  "Professional" },
	{ "2008r2", 7601, true, false, "AMD64", "Windows Server 2008 R2 Standard",
	  "ServerStandard" },
	{ "8", 9200, false, true, "AMD64", "Windows 8 Pro", "Professional" },
	{ "8.1", 9600, false, true, "AMD64", "Windows 8.1 Pro", "Professional" },
	{ "2012r2", 9600, true, true, "AMD64", "Windows Server 2012 R2 Standard",
	  "ServerStandard" },
	{ "10", 19045, false, true, "AMD64", "Windows 10 Pro", "Professional" },
	{ "11", 22631, false, true, "AMD64", "Windows 10 Pro", "Professional" },
	{ "2016", 14393, true, true, "AMD64", "Windows Server 2016 Standard",
	  "ServerStandard" },
	{ "2019", 17763, true, true, "AMD64", "Windows Server 2019 Standard",
	  "ServerStandard" },
	{ "2022", 20348, true, true, "AMD64", "Windows Server 2022 Standard",
	  "ServerStandard" },
	{ "2025", 26100, true, true, "AMD64", "Windows Server 2025 Standard",
	  "ServerStandard" },
};

/* How a made guest stands; several at once are fine. */
enum {
	MADE_OVERRIDE = 1 << 0,	/* StartOverride on the AHCI stack, msahci 3 */
	MADE_STAGED = 1 << 1,	/* viostor imported, not bootable */
	MADE_BOOTABLE = 1 << 2,	/* service and guestor entries */
	MADE_BOUND = 1 << 3,	/* and a device instance */
	MADE_OVERRIDDEN = 1 << 4,	/* StartOverride on viostor */
	MADE_FAILED = 1 << 5, MADE_DEFAULT = 1 << 6,	/* Select */
	MADE_RUNNING = 1 << 7,	/* not shut down since the last start */
	MADE_RENAME = 1 << 8, MADE_FILTER = 1 << 9,	/* filter without service */
	MADE_NO_SETS = 1 << 10,
	MADE_LARGE = 1 << 11,	/* as large as a real SYSTEM hive */
	MADE_TMP = 1 << 12,	/* guestor's label as virt-v2v up to 2.8 has it */
	MADE_FAILED_ONCE = 1 << 13,	/* another set has failed, some time ago */
	MADE_ID_1 = 1 << 14,	/* this machine is hardware configuration 1, ... */
	MADE_NO_ID = 1 << 15,	/* ... or none that is known */
	MADE_ZERO = 1 << 16,	/* StartOverride on viostor, but 0 */
	MADE_BUS = 1 << 17,	/* StartOverride on pci */
	MADE_TWO_SETS = 1 << 18,	/* another control set, with StartOverride on AHCI */
	MADE_FILTER_DATA = 1 << 19,	/* a filter with its file on the volume of data, ... */
	MADE_FILTER_APP = 1 << 20,	/* ... or on Windows' volume, with its program */
	MADE_CLOCK_BACK = 1 << 21,	/* set back by 8 hours between start and shutdown */
};

#define MADE_HOUR 36000000000ull
#define MADE_LAST_USE 133000000000000000u
#define MADE_UUID "{25194d56-caef-8737-5c44-50fe82f3ffde}"
#define MADE_CLASS "{4d36e97b-e325-11ce-bfc1-08002be10318}"
#define MADE_TIMES "{83da6326-97a6-4088-9453-a1923f573b29}"

static const struct made_windows *made_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(made_list); i++)
		if (str_eq(made_list[i].name, name))
			return &made_list[i];
	return NULL;
}

static void made_override(struct made *m, const char *name, uint32_t start)
{
	char path[128];

	snprintf(path, sizeof(path), "Services\\%s\\StartOverride", name);
	made_dword(m, path, "0", start);
}

static void made_service(struct made *m, const char *name, uint32_t start,
			 bool override)
{
	char path[128], image[128];

	snprintf(path, sizeof(path), "Services\\%s", name);
	snprintf(image, sizeof(image), "System32\\drivers\\%s.sys", name);
	made_dword(m, path, "Type", 1);
	made_dword(m, path, "Start", start);
	made_dword(m, path, "ErrorControl", 3);
	made_text(m, path, "Group", 1, "SCSI Miniport");
	made_text(m, path, "ImagePath", 2, image);
	if (override)
		made_override(m, name, 3);
}

static void made_services(struct made *m, bool eight, unsigned int how)
{
	bool over = eight && how & MADE_OVERRIDE;

	if (eight)
		made_service(m, "storahci", 0, over);
	else
		made_service(m, "msahci", how & MADE_OVERRIDE ? 3 : 0, false);
	made_service(m, "atapi", 0, false);
	made_service(m, "intelide", 0, false);
	made_service(m, "pciide", eight ? 0 : 3, over);
	if (eight)
		made_service(m, "stornvme", 0, over);
	made_service(m, "LSI_SAS", 0, false);
	made_service(m, "disk", 0, false);
	made_service(m, "ACPI", 0, false);
	made_service(m, "pci", 0, how & MADE_BUS);
	made_service(m, "partmgr", 0, false);
	made_service(m, "Beep", 1, false);
	if (how & (MADE_FILTER_DATA | MADE_FILTER_APP)) {
		made_service(m, "guard", 0, false);
		made_text(m, "Services\\guard", "ImagePath", 2, how & MADE_FILTER_DATA ?
			  "\\??\\D:\\Guard\\guard.sys" :
			  "\\??\\c:\\Program Files\\Guard\\guard.sys");
	}
	made_dword(m, "Services\\FileInfo", "Type", 2);	/* of a file system */
	made_dword(m, "Services\\FileInfo", "Start", 0);
	made_dword(m, "Services\\partmgr\\Parameters", "SanPolicy", 1);
}

static void made_control(struct made *m, const struct made_windows *w,
			 unsigned int how)
{
	made_text(m, "Control\\ProductOptions", "ProductType", 1,
		  w->server ? "ServerNT" : "WinNT");
	made_text(m, "Control\\Session Manager\\Environment",
		  "PROCESSOR_ARCHITECTURE", 1, w->arch);
	made_dword(m, "Control\\Session Manager\\Memory Management\\"
		   "PrefetchParameters", "BootId", 39);
	if (w->eight)
		made_dword(m, "Control\\Session Manager\\Power",
			   "HiberbootEnabled", 1);
	if (how & MADE_RENAME)
		made_text(m, "Control\\Session Manager",
			  "PendingFileRenameOperations", 7,
			  "\\??\\C:\\Windows\\System32\\drivers\\viostor.sys");
	made_dword(m, "Control\\CrashControl", "AutoReboot", 1);
	made_dword(m, "Control\\CrashControl", "CrashDumpEnabled", 7);
	made_time(m, "Control\\Windows", "ShutdownTime", 3, MADE_LAST_USE +
		  (how & MADE_RUNNING ? 0 - 10000000ull :
		   how & MADE_CLOCK_BACK ? 0 - 8 * MADE_HOUR : MADE_HOUR));
	made_text(m, "Control\\Class\\{4d36e967-e325-11ce-bfc1-08002be10318}",
		  "UpperFilters", 7, how & MADE_FILTER ? "nofilter" :
		  how & (MADE_FILTER_DATA | MADE_FILTER_APP) ? "guard" : "partmgr");
	made_text(m, "Control\\Class\\" MADE_CLASS "\\0000", "InfPath", 1,
		  "lsi_sas.inf");
}

/* One device instance; modelled on the LSI controllers of real VMware guests. */
static void made_device(struct made *m, const char *id, const char *instance,
			const char *service, const char *driver, bool eight)
{
	char path[256], below[400];

	snprintf(path, sizeof(path), "Enum\\PCI\\%s\\%s", id, instance);
	made_dword(m, path, "ConfigFlags", 0);
	made_text(m, path, "ClassGUID", 1, MADE_CLASS);
	made_text(m, path, "Service", 1, service);
	made_text(m, path, "Driver", 1, driver);
	snprintf(below, sizeof(below), "%s\\Properties\\" MADE_TIMES "\\%s", path,
		 eight ? "0064" : "00000064\\00000000");
	made_time(m, below, eight ? "" : "Data", eight ? 0xffff0010 : 3,
		  MADE_LAST_USE - 5000000000u);
	if (!eight)
		return;
	snprintf(below, sizeof(below), "%s\\Properties\\" MADE_TIMES "\\0066",
		 path);
	made_time(m, below, "", 0xffff0010, MADE_LAST_USE + 30000000u);
	snprintf(below, sizeof(below), "%s\\Properties\\{a8b865dd-2e3d-4094-"
		 "ad97-e593a70c75d6}\\0005", path);
	made_text(m, below, "", 0xffff0012, "oem4.inf");
}

/* Made: a driver package as virt-v2v registers it. Below Windows 8 the other
 * database. */
static void made_database(struct made *m, bool eight, unsigned int how)
{
	const char *label = how & MADE_TMP ? "guestor.inf_tmp"
					   : "guestor.inf_amd64_0000000000000000";
	static const char *const ids[] = { "VEN_1AF4&DEV_1001&REV_00",
					   "VEN_1AF4&DEV_1042&REV_01" };
	const char *set = m->set;
	char path[256];

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path),
			 "Control\\CriticalDeviceDatabase\\PCI#%s", ids[i]);
		if (!eight) {
			made_text(m, path, "Service", 1, "viostor");
			made_text(m, path, "ClassGUID", 1, MADE_CLASS);
			continue;
		}
		m->set = "DriverDatabase";
		snprintf(path, sizeof(path), "DeviceIds\\PCI\\%s", ids[i]);
		made_set(m, path, "guestor.inf", 3, "\1\377\0\0", 4);
		snprintf(path, sizeof(path), "DriverPackages\\%s\\Descriptors\\"
			 "PCI\\%s", label, ids[i]);
		made_text(m, path, "Configuration", 1, "guestor_conf");
		snprintf(path, sizeof(path), "DriverPackages\\%s\\"
			 "Configurations\\guestor_conf", label);
		made_text(m, path, "Service", 1, "viostor");
		made_text(m, "DriverInfFiles\\guestor.inf", "", 7, label);
		made_text(m, "DriverInfFiles\\guestor.inf", "Active", 1, label);
		m->set = set;
	}
}

static void made_virtio(struct made *m, bool eight, unsigned int how)
{
	const char *set = m->set;

	if (how & MADE_STAGED) {
		made_key(m, "Services\\viostor");
		m->set = eight ? "DriverDatabase" : m->set;
		made_set(m, eight ? "DeviceIds\\PCI\\VEN_1AF4&DEV_1042&"
			 "SUBSYS_11001AF4&REV_01" : "Control\\x", "oem4.inf", 3,
			 "\1\377\0\0", 4);
		m->set = set;
	}
	if (how & (MADE_BOOTABLE | MADE_BOUND)) {
		made_service(m, "viostor", 0, how & MADE_OVERRIDDEN);
		if (how & MADE_ZERO)
			made_override(m, "viostor", 0);
		made_database(m, eight, how);
	}
	if (how & MADE_BOUND) {
		made_device(m, "VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01",
			    "3&13c0b0c5&0&38", "viostor", MADE_CLASS "\\0001",
			    eight);
		made_text(m, "Control\\Class\\" MADE_CLASS "\\0001", "InfPath",
			  1, "oem4.inf");
		made_device(m, "VEN_1AF4&DEV_1043", "x", "other", "x", eight);
		made_time(m, "Enum\\SCSI\\Disk&Ven_Red_Hat&Prod_VirtIO\\1\\"
			  "Properties\\" MADE_TIMES "\\0066", "", 0xffff0010,
			  MADE_LAST_USE + 40000000u);
	}
}

static void made_set_of(struct made *m, const struct made_windows *w,
			unsigned int how)
{
	made_control(m, w, how);
	made_services(m, w->eight, how);
	made_device(m, "VEN_1000&DEV_0054&SUBSYS_197615AD&REV_01",
		    "4&2509f6e&0&00A8", "LSI_SAS", MADE_CLASS "\\0000",
		    w->eight);
	if (!w->eight)
		made_text(m, "Control\\CriticalDeviceDatabase\\PCI#CC_010601",
			  "Service", 1, "msahci");
	made_virtio(m, w->eight, how);
}

static void made_root(struct made *m, const struct made_windows *w,
		      unsigned int how)
{
	made_dword(m, "Select", "Current", 1);
	made_dword(m, "Select", "Default", how & MADE_DEFAULT ? 2 : 1);
	made_dword(m, "Select", "Failed", how & MADE_FAILED ? 1 : how & MADE_FAILED_ONCE ? 3 : 0);
	made_dword(m, "Select", "LastKnownGood", w->eight ? 1 : 2);
	if (!w->eight)
		return;
	made_dword(m, "DriverDatabase", "Architecture", 9);
	made_text(m, "HardwareConfig", "LastConfig", 1, MADE_UUID);
	if (!(how & MADE_NO_ID))
		made_dword(m, "HardwareConfig\\" MADE_UUID, "Id", how & MADE_ID_1 ? 1 : 0);
	made_time(m, "HardwareConfig\\" MADE_UUID, "LastUse", 3, MADE_LAST_USE);
	made_text(m, "HardwareConfig\\" MADE_UUID, "SystemManufacturer", 1,
		  "VMware, Inc.");
}

/* Some 12 MB in keys that nobody looks at; the contents don't repeat, so that
 * no file format makes little of them. */
static void made_ballast(struct made *m)
{
	static uint8_t data[16000];
	uint32_t state = 1;
	char path[32];

	for (unsigned int i = 0; i < 760; i++) {
		for (size_t at = 0; at < sizeof(data); at++) {
			state = state * 1664525 + 1013904223;
			data[at] = (uint8_t)(state >> 24);
		}
		snprintf(path, sizeof(path), "Ballast\\%u\\%u", i / 20, i % 20);
		made_set(m, path, "", 3, data, sizeof(data));
	}
}

__attribute__((unused))
static uint8_t *made_system(const struct made_windows *w, unsigned int how,
			    size_t *len)
{
	struct made m;

	made_open(&m, w->eight ? 5 : 3, w->eight ? 0 : 129000000000000000u);
	made_root(&m, w, how);
	if (!(how & MADE_NO_SETS)) {
		m.set = "ControlSet001";
		made_set_of(&m, w, how);
		m.set = "ControlSet002";
		if (!w->eight)
			made_set_of(&m, w, how);
		else if (how & MADE_TWO_SETS)
			made_service(&m, "storahci", 0, true);
	}
	m.set = "";
	if (how & MADE_LARGE)
		made_ballast(&m);
	return made_close(&m, len);
}

__attribute__((unused))
static uint8_t *made_software(const struct made_windows *w, size_t *len)
{
	static const char path[] = "Microsoft\\Windows NT\\CurrentVersion";
	char build[16];
	struct made m;

	snprintf(build, sizeof(build), "%u", w->build);
	made_open(&m, w->eight ? 5 : 3, 0);
	made_text(&m, path, "ProductName", 1, w->product);
	made_text(&m, path, "EditionID", 1, w->edition);
	made_text(&m, path, "SystemRoot", 1, "C:\\Windows");
	made_text(&m, path, "CurrentBuildNumber", 1, build);
	made_text(&m, path, "CurrentVersion", 1, w->eight ? "6.3" : "6.1");
	made_text(&m, path, "InstallationType", 1,
		  w->server ? "Server" : "Client");
	if (w->build >= 10240)
		made_dword(&m, path, "CurrentMajorVersionNumber", 10);
	return made_close(&m, len);
}

#endif
