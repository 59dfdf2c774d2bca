/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-decisions.c - names, ranks, matches, ids and sweeps, each on a hive made for it */

#include "nt.h"

#include "../../tap.h"

#define UUID_OLD "25194d56-3a1c-8d2e-90ab-0c1d2e3f4a5b"
#define UUID_NEW "11111111-2222-3333-4444-555555555555"
#define SCSI "{4d36e97b-e325-11ce-bfc1-08002be10318}"

static const struct options none = { .n = 0 };
static const char modern_blk[] = "0000:00:07.0 1af4:1042 1af4:1100 01 010000\n";

static void fresh(struct nt *nt, bool modern, const char *functions)
{
	struct bytes b = hive_empty("ROOT");

	*nt = (struct nt){ .options = &none, .disk.fd = -1 };
	nt->sys = hive_open(&b);
	bytes_free(&b);
	nt->win = (struct windows){ .modern = modern, .major = 10, .pe_machine = 0x8664 };
	nt->set = hive_make(nt->sys, hive_root(nt->sys), "ControlSet001");
	nt->boot_time = 1000;
	pci_parse(&nt->pci, functions);
	snprintf(nt->machine.uuid, sizeof(nt->machine.uuid), UUID_NEW);
}

static hkey root_key(struct nt *nt, const char *path)
{
	return hive_make(nt->sys, hive_root(nt->sys), path);
}

static hkey set_key(struct nt *nt, const char *path)
{
	return hive_make(nt->sys, nt->set, path);
}

static void test_names(void)
{
	struct nt nt;
	struct pci_ids ids;
	char name[PCI_ID_SIZE], other[PCI_ID_SIZE];

	fresh(&nt, true, "0000:00:07.0 1af4:1001 1af4:0002 00 010000\n"
	      "0000:00:02.0 1b36:000c 1b36:0000 00 060400\n"
	      "0000:01:00.0 1af4:1042 1af4:1100 01 010000 00:02.0\n"
	      "0000:00:03.0 1b36:000c 1b36:0000 00 060400\n"
	      "0000:02:00.0 1af4:1042 1af4:1100 01 010000 00:03.0\n"
	      "0000:00:1f.2 8086:2922 1af4:1100 02 010601\n");
	pci_ids(&nt.pci.f[0], &ids);
	is_str(ids.hardware[0], "PCI\\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00",
	       "transitional block device (1.3)");
	pci_ids(&nt.pci.f[2], &ids);
	is_str(ids.hardware[0], "PCI\\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01",
	       "modern block device (1.3)");
	pci_ids(&nt.pci.f[5], &ids);
	is_str(ids.compatible[3], "PCI\\CC_010601", "the fourth compatible id (2 item 5)");
	is_str(ids.compatible[1], "PCI\\VEN_8086&DEV_2922", "the second one");
	pci_instance(&nt.pci, 0, name);
	is_str(name, "3&13c0b0c5&0&38", "slot 7 of the root bus (2.1)");
	pci_instance(&nt.pci, 2, name);
	pci_instance(&nt.pci, 4, other);
	ok(strcmp(name, other) != 0, "another root port is another instance: %s, %s",
	   name, other);
	nt_close(&nt);
}

static void package(struct nt *nt, const char *inf, const char *label,
		    const char *service, const char *id, uint8_t kind)
{
	uint8_t version[48] = { 0 }, data[4] = { kind, 0xff, 0, 0 };
	char path[300];
	hkey key;

	put32(version + 8, 0x4d36e97b);
	snprintf(path, sizeof(path), "DriverDatabase\\DriverInfFiles\\%s", inf);
	hive_set_text(nt->sys, root_key(nt, path), "Active", REG_SZ, label);
	snprintf(path, sizeof(path), "DriverDatabase\\DeviceIds\\%s", id);
	hive_set(nt->sys, root_key(nt, path), inf, REG_BINARY, data, 4);
	snprintf(path, sizeof(path), "DriverDatabase\\DriverPackages\\%s", label);
	key = root_key(nt, path);
	hive_set(nt->sys, key, "Version", REG_BINARY, version, sizeof(version));
	if (!service)
		return;
	snprintf(path, sizeof(path), "Descriptors\\%s", id);
	hive_set_text(nt->sys, hive_make(nt->sys, key, path), "Configuration", REG_SZ, "c");
	hive_set_text(nt->sys, hive_make(nt->sys, key, "Configurations\\c"), "Service",
		      REG_SZ, service);
}

static void test_driver_database(void)
{
	static const char full[] = "PCI\\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01";
	static const char v2v[] = "PCI\\VEN_1AF4&DEV_1042&REV_01";
	struct nt nt;
	struct match m;

	fresh(&nt, true, modern_blk);
	pnp_match(&nt, 0, &m);
	is_int(m.by, MATCH_NONE, "an empty database knows nothing");
	hive_set_text(nt.sys, set_key(&nt, "Control\\CriticalDeviceDatabase\\"
				      "PCI#VEN_1AF4&DEV_1042&REV_01"), "Service", REG_SZ,
		      "viostor");
	pnp_match(&nt, 0, &m);
	is_int(m.by, MATCH_NONE, "nobody reads the CDD on 8 and later (1.2)");
	package(&nt, "oem1.inf", "oem1", NULL, full, 1);
	pnp_match(&nt, 0, &m);
	is_int(m.by, MATCH_NONE, "staged is not bootable (0.6)");
	package(&nt, "guestor.inf", "guestor", "viostor", v2v, 1);
	pnp_match(&nt, 0, &m);
	is_str(m.service, "viostor", "v2v's package matches");
	is_int(m.rank, 0xff2000, "as a compatible id of the device");
	package(&nt, "oem2.inf", "oem2", "viostor2", full, 1);
	pnp_match(&nt, 0, &m);
	is_str(m.service, "viostor2", "a hardware id outranks it (2 item 5)");
	is_int(m.rank, 0xff0000, "with the best rank");
	hive_set_u32(nt.sys, root_key(&nt, "DriverDatabase\\DriverPackages\\oem2"),
		     "Version", 1);
	pnp_match(&nt, 0, &m);
	is_str(m.service, "viostor", "without a Version of 48 bytes it does not count");
	nt_close(&nt);
}

static void test_critical_devices(void)
{
	struct nt nt;
	struct match m;

	fresh(&nt, false, modern_blk);
	package(&nt, "oem2.inf", "oem2", "viostor", "PCI\\VEN_1AF4&DEV_1042", 1);
	pnp_match(&nt, 0, &m);
	is_int(m.by, MATCH_NONE, "nobody reads a DriverDatabase before 8");
	hive_set_text(nt.sys, set_key(&nt, "Control\\CriticalDeviceDatabase\\"
				      "pci#ven_1af4&dev_1001&rev_00"), "Service", REG_SZ,
		      "viostor");
	pnp_match(&nt, 0, &m);
	is_int(m.by, MATCH_NONE, "the transitional id is another one");
	hive_set_text(nt.sys, set_key(&nt, "Control\\CriticalDeviceDatabase\\"
				      "pci#ven_1af4&dev_1042"), "Service", REG_SZ, "viostor");
	pnp_match(&nt, 0, &m);
	is_str(m.service, "viostor", "the bare id matches, in any case (1.4)");
	nt_close(&nt);
}

static void test_instances(void)
{
	struct nt nt;
	struct match m;
	hkey key;

	fresh(&nt, true, modern_blk);
	key = pnp_instance(&nt, 0, true);
	hive_set_text(nt.sys, key, "Service", REG_SZ, "viostor");
	hive_set_text(nt.sys, key, "ClassGUID", REG_SZ, SCSI);
	pnp_match(&nt, 0, &m);
	is_int(m.by, MATCH_ENUM, "an instance's own service is taken");
	hive_set_u32(nt.sys, key, "ConfigFlags", 0x400);
	pnp_match(&nt, 0, &m);
	is_str(m.service, "viostor", "finish-install is tolerable (3 c2)");
	hive_set_u32(nt.sys, key, "ConfigFlags", 1);
	pnp_match(&nt, 0, &m);
	is_str(m.service, "", "a disabled one stays without");
	hive_set_u32(nt.sys, key, "ConfigFlags", 0x40);
	pnp_match(&nt, 0, &m);
	is_int(m.by, MATCH_NONE, "a failed one is looked up again");
	nt.pci.f[0].slot = 8;
	hive_set_u32(nt.sys, key, "ConfigFlags", 0);
	pnp_match(&nt, 0, &m);
	is_int(m.by, MATCH_NONE, "another slot is another instance");
	nt_close(&nt);
}

static void test_hardware(void)
{
	struct options last = { .word = { "hwcfg=lastid" }, .n = 1 };
	struct nt nt;

	fresh(&nt, true, modern_blk);
	loader_hardware(&nt);
	is_int(nt.hardware, 0, "the first machine has Id 0");
	hive_set_u32(nt.sys, root_key(&nt, "HardwareConfig\\{" UUID_OLD "}"), "Id", 0);
	hive_set_u32(nt.sys, root_key(&nt, "HardwareConfig"), "LastId", 0);
	loader_hardware(&nt);
	is_int(nt.hardware, 1, "a new UUID gets a new Id (0.4)");
	ok(!nt.hardware_known, "and is not known");
	nt.options = &last;
	loader_hardware(&nt);
	is_int(nt.hardware, 0, "hwcfg=lastid takes the last one all the same");
	nt.options = &none;
	strcpy(nt.machine.uuid, UUID_OLD);
	loader_hardware(&nt);
	is_int(nt.hardware, 0, "the old UUID has its old Id");
	ok(nt.hardware_known, "and is known");
	nt_close(&nt);
}

static hkey add(struct nt *nt, const char *name, const char *group, enum load load)
{
	char path[100];
	struct driver *d;

	snprintf(path, sizeof(path), "Services\\%s", name);
	nt->drivers.d = xrealloc(nt->drivers.d, (nt->drivers.n + 1) * sizeof(*d));
	d = &nt->drivers.d[nt->drivers.n++];
	*d = (struct driver){ .key = set_key(nt, path), .type = 1, .load = load };
	snprintf(d->name, sizeof(d->name), "%s", name);
	if (group)
		hive_set_text(nt->sys, d->key, "Group", REG_SZ, group);
	return d->key;
}

static bool planted(struct nt *nt, hkey key, const char *id)
{
	return hive_u32(nt->sys, hive_find(nt->sys, key, "StartOverride"), id, 0) == 3;
}

static void test_sweep(void)
{
	struct options off = { .word = { "sweep=off" }, .n = 1 };
	const char *filters[] = { "filter1", NULL };
	hkey viostor, bare, fs, demand, filter, root, used;
	struct nt nt;

	fresh(&nt, true, modern_blk);
	nt.hardware = 4;
	viostor = add(&nt, "viostor", "SCSI miniport", LOAD_YES);
	bare = add(&nt, "bare", NULL, LOAD_YES);
	fs = add(&nt, "mini", "FSFilter Anti-Virus", LOAD_YES);
	demand = add(&nt, "demand", "SCSI miniport", LOAD_DEMAND);
	filter = add(&nt, "filter1", "SCSI miniport", LOAD_YES);
	root = add(&nt, "rootdev", "Extended Base", LOAD_YES);
	used = add(&nt, "storahci", "SCSI miniport", LOAD_YES);
	nt.drivers.d[6].used = true;
	hive_set_texts(nt.sys, set_key(&nt, "Control\\Class\\" SCSI), "LowerFilters", filters);
	hive_set_text(nt.sys, set_key(&nt, "Enum\\ROOT\\X\\0"), "Service", REG_SZ, "rootdev");
	nt.options = &off;
	sweep_run(&nt);
	ok(!planted(&nt, viostor, "4"), "sweep=off plants nothing");
	nt.options = &none;
	nt.win.modern = false;
	sweep_run(&nt);
	ok(!planted(&nt, viostor, "4"), "nothing is planted before 8");
	nt.win.modern = true;
	sweep_run(&nt);
	ok(planted(&nt, viostor, "4"), "a miniport without a device gets it (0.1)");
	ok(planted(&nt, bare, "4"), "so does a service without a group");
	ok(!planted(&nt, fs, "4"), "a file system filter does not");
	ok(!planted(&nt, demand, "4"), "nor one that did not start at boot");
	ok(!planted(&nt, filter, "4"), "nor a class filter");
	ok(!planted(&nt, root, "4"), "nor that of a root device");
	ok(!planted(&nt, used, "4"), "nor one with a device");
	ok(!hive_find(nt.sys, hive_find(nt.sys, viostor, "StartOverride"), "0"),
	   "only for this machine's Id");
	sweep_clear(&nt, "VIOSTOR");
	ok(!hive_find(nt.sys, viostor, "StartOverride"), "the whole subkey goes (1.3)");
	nt_close(&nt);
}

static void test_properties(void)
{
	char *driver;
	struct match m = { .by = MATCH_DDB, .service = "viostor", .class_guid = SCSI,
			   .inf = "oem1.inf" };
	struct bytes b = { 0 };
	uint32_t type = 0;
	struct nt nt;
	hkey key;

	fresh(&nt, true, modern_blk);
	enum_configure(&nt, 0, &m);
	key = pnp_instance(&nt, 0, false);
	ok(hive_get(nt.sys, hive_find(nt.sys, key, "Properties\\{83da6326-97a6-4088-9453-"
		    "a1923f573b29}\\0066"), "", &type, &b) && b.len == 8,
	   "8 and later: a default value");
	is_int(type, 0xffff0010, "with the property's type");
	bytes_free(&b);
	driver = hive_text(nt.sys, key, "Driver");
	is_str(driver, SCSI "\\0000", "a class key of its own");
	free(driver);
	nt_close(&nt);

	fresh(&nt, false, modern_blk);
	enum_configure(&nt, 0, &m);
	key = pnp_instance(&nt, 0, false);
	ok(hive_filetime(nt.sys, hive_find(nt.sys, key, "Properties\\{83da6326-97a6-4088-9453-"
			 "a1923f573b29}\\00000064\\00000000"), "Data") == 1000,
	   "7: Data, one key deeper");
	ok(!hive_find(nt.sys, key, "Properties\\{83da6326-97a6-4088-9453-a1923f573b29}\\"
		      "00000066"), "and no arrival");
	nt_close(&nt);
}

static void test_inf(void)
{
	static const char text[] = "[Version]\r\nClassGUID = {4D36E97B-E325-11CE-BFC1-"
		"08002BE10318}\r\nCatalogFile=v.cat\r\n; PCI\\VEN_0000&DEV_0000\r\n"
		"%d% = i, PCI\\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00, "
		"PCI\\VEN_1AF4&DEV_1001\r\nAddService = viostor, 2, s\r\n"
		"ServiceBinary = %13%\\viostor.sys\r\n";
	struct bytes b = bytes_copy(text, sizeof(text) - 1);
	struct inf inf;

	ok(inf_parse(&b, &inf), "an INF is read");
	is_str(inf.service, "viostor", "its service");
	is_str(inf.binary, "viostor.sys", "its binary");
	is_int(inf.dirid, 13, "where that is run from");
	is_str(inf.ids[0], "PCI\\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00", "its id");
	b.len = 40;
	ok(!inf_parse(&b, &inf), "half an INF is none");
	bytes_free(&b);
}

static void test_paths(void)
{
	static const char *const same_file[] = {
		"system32\\drivers\\x.sys", "\\SystemRoot\\system32\\drivers\\x.sys",
		"%SystemRoot%\\system32\\drivers\\x.sys",
		"\\??\\C:\\Windows\\system32\\drivers\\x.sys",
	};

	for (size_t i = 0; i < COUNT(same_file); i++) {
		char *path = loader_path(same_file[i]);

		is_str(path, "Windows\\system32\\drivers\\x.sys", "%s", same_file[i]);
		free(path);
	}
}

int main(void)
{
	base_quiet = true;
	test_names();
	test_driver_database();
	test_critical_devices();
	test_instances();
	test_hardware();
	test_sweep();
	test_properties();
	test_inf();
	test_paths();
	return done_testing();
}
