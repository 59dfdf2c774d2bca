// SPDX-License-Identifier: GPL-2.0-or-later
/* test-windows.c - detecting a Windows from generated and from real hives */

#include "helper/windows/pe.h"
#include "tests/guest.h"
#include "tests/hivelogs.h"
#include "tests/realhive.h"
#include "tests/tap.h"

static const uint16_t version[4] = { 100, 93, 104, 24000 };

/* ---- every generation ---------------------------------------------------- */

static enum windows_generation expected_generation(uint32_t build)
{
	return build >= 22000 ? WINDOWS_11 : build >= 10240 ? WINDOWS_10
	     : build >= 9600 ? WINDOWS_8_1 : build >= 9200 ? WINDOWS_8
	     : WINDOWS_7;
}

static void test_generation(const struct made_windows *m)
{
	struct guest g = { 0 };
	struct error err = { 0 };
	const struct windows *w;

	ok(guest_open(&g, m->name, 0, &err) == 0, "%s: read %s", m->name,
	   err.msg);
	w = g.win;
	ok(w->build == m->build && w->server == m->server &&
	   w->generation == expected_generation(m->build) &&
	   str_eq(w->product.value, m->product) &&
	   str_eq(w->edition.value, m->edition),
	   "%s: build, server, product, edition", m->name);
	ok(w->arch == (str_eq(m->arch, "x86") ? ARCH_X86 : ARCH_AMD64),
	   "%s: architecture", m->name);
	ok(str_eq(w->control_set, "ControlSet001") &&
	   str_eq(w->lkg_set, m->eight ? "" : "ControlSet002") &&
	   w->driver_database == m->eight &&
	   w->critical_database == !m->eight,
	   "%s: control sets and databases", m->name);
	ok(w->ahci_ready && w->ide_ready, "%s: SATA and IDE ready %s",
	   m->name, w->ahci_reason);
	ok(windows_find_service(w, "LSI_SAS") && windows_find_service(w, "FileInfo") &&
	   !windows_find_service(w, "Beep"), "%s: services that boot", m->name);
	ok(windows_check(w, &err) == 0, "%s: may be patched", m->name);
	ok(w->virtio[TARGET_VIRTIO].state == VIRTIO_ABSENT &&
	   w->virtio[TARGET_SCSI].state == VIRTIO_ABSENT,
	   "%s: no VirtIO", m->name);
	ok(w->device_count == 1 &&
	   str_eq(w->devices[0].service, "LSI_SAS") &&
	   w->devices[0].driver_key && w->devices[0].installed ==
	   MADE_LAST_USE - 5000000000u, "%s: the LSI device", m->name);
	ok(m->eight ? w->last_use.value == MADE_LAST_USE &&
	   str_eq(w->hardware_config.value, MADE_UUID) &&
	   str_eq(w->manufacturer.value, "VMware, Inc.")
	   : !w->last_use.known && !w->hardware_config.known,
	   "%s: hardware configuration", m->name);
	ok(w->shutdown_time.value == MADE_LAST_USE + MADE_HOUR &&
	   w->boot_id.value == 39 && w->auto_reboot.value == 1 &&
	   w->san_policy.value == 1, "%s: single facts", m->name);
	ok(str_eq(w->san_policy.from, "SYSTEM\\ControlSet001\\Services\\"
		  "partmgr\\Parameters\\SanPolicy") &&
	   str_eq(w->hibernate.from, "SYSTEM\\ControlSet001\\Control\\Power\\"
		  "HibernateEnabled") && !w->hibernate.known,
	   "%s: facts say where, also when missing", m->name);
	guest_close(&g);
}

/* ---- variants ------------------------------------------------------------ */

static const struct {
	const char *windows;
	unsigned int how;
	enum virtio_state state;
	bool ahci;
	const char *reason;	/* part of it */
} variants[] = {
	{ "10", MADE_OVERRIDE, VIRTIO_ABSENT, false, "" },
	{ "7", MADE_OVERRIDE, VIRTIO_ABSENT, false, "" },
	{ "10", MADE_STAGED, VIRTIO_STAGED, true, "not set up" },
	{ "7", MADE_STAGED, VIRTIO_STAGED, true, "not set up" },
	{ "8", MADE_BOOTABLE, VIRTIO_BOOTABLE, true, "no device instance" },
	{ "7", MADE_BOOTABLE, VIRTIO_BOOTABLE, true, "no device instance" },
	{ "11", MADE_BOUND, VIRTIO_BOUND, true, "" },
	{ "7", MADE_BOUND, VIRTIO_BOUND, true, "" },
	{ "10", MADE_BOUND | MADE_OVERRIDDEN, VIRTIO_STAGED, true,
	  "StartOverride" },
	{ "7", MADE_BOUND | MADE_OVERRIDDEN, VIRTIO_BOUND, true, "" },
	{ "10", MADE_BOUND | MADE_OVERRIDDEN | MADE_ID_1, VIRTIO_BOUND, true, "" },
	{ "10", MADE_BOUND | MADE_ZERO, VIRTIO_BOUND, true, "" },
	{ "10", MADE_BOUND | MADE_OVERRIDDEN | MADE_NO_ID, VIRTIO_STAGED, true,
	  "StartOverride" },
	{ "10", MADE_BUS, VIRTIO_ABSENT, false, "" },
	{ "7", MADE_BUS, VIRTIO_ABSENT, true, "" },
};

static void test_variants(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		struct guest g = { 0 };
		struct error err = { 0 };
		const struct virtio *v;

		guest_open(&g, variants[i].windows, variants[i].how, &err);
		v = &g.win->virtio[TARGET_VIRTIO];
		ok(v->state == variants[i].state &&
		   g.win->ahci_ready == variants[i].ahci &&
		   strstr(v->reason, variants[i].reason),
		   "%s with %x: %s (%s), SATA %d (%s)", variants[i].windows,
		   variants[i].how, virtio_state_name(v->state), v->reason,
		   g.win->ahci_ready, g.win->ahci_reason);
		if (v->state == VIRTIO_BOUND)
			ok(g.win->devices[v->bound_device].id == 0x1042 &&
			   strstr(g.win->devices[v->bound_device].from,
				  "3&13c0b0c5&0&38"), "its instance");
		guest_close(&g);
	}
}

static void test_refusals(void)
{
	static const struct {
		unsigned int how;
		int code;
	} bad[] = {
		{ MADE_FAILED, REFUSE_CONTROL_SET },
		{ MADE_DEFAULT, REFUSE_CONTROL_SET },
		{ MADE_NO_SETS, REFUSE_CONTROL_SET },
	};
	struct error err = { 0 };
	struct guest g = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		guest_open(&g, "10", bad[i].how, &err);
		ok(windows_check(g.win, &err) < 0 && err.code == bad[i].code,
		   "refused: %s", err.msg);
		guest_close(&g);
	}
	for (int i = 0; i < 2; i++) {
		guest_open(&g, i ? "7" : "10", MADE_FAILED_ONCE, &err);
		ok(windows_check(g.win, &err) == 0 && g.win->failed.value == 3,
		   "%s: not refused because of a set that failed and was replaced", i ? "7" : "10");
		guest_close(&g);
	}
	guest_open(&g, "10", 0, &err);
	g.win->generation = WINDOWS_TOO_OLD;
	ok(windows_check(g.win, &err) < 0 && err.code == REFUSE_WINDOWS_OLD,
	   "refused: %s", err.msg);
	g.win->generation = WINDOWS_UNKNOWN;
	ok(windows_check(g.win, &err) < 0 &&
	   err.code == REFUSE_WINDOWS_UNKNOWN, "refused: %s", err.msg);
	g.win->generation = WINDOWS_7;
	ok(windows_check(g.win, &err) < 0 &&
	   err.code == REFUSE_WINDOWS_UNKNOWN, "refused: %s", err.msg);
	guest_close(&g);
}

/* ---- facts from files ---------------------------------------------------- */

static void test_files(void)
{
	struct guest g = { 0 };
	struct error err = { 0 };
	const struct windows *w;

	guest_usual_files(&g, 0x8664);
	pe_stub(guest_file(&g, "Windows/System32/drivers/viostor.sys", 1,
			   PE_STUB)->data, 0x8664, 10, 0, version);
	guest_file(&g, "Windows/MEMORY.DMP", 77, 10);
	guest_open(&g, "10", MADE_BOUND | MADE_RENAME | MADE_FILTER, &err);
	w = g.win;
	ok(w->arch_machine.known && w->arch == ARCH_AMD64,
	   "kernel and registry agree");
	ok(w->virtio[TARGET_VIRTIO].service.file_there == PRESENCE_YES &&
	   w->virtio[TARGET_VIRTIO].state == VIRTIO_BOUND, "driver file there");
	ok(w->board_count == 1 && w->board[0].machine == 0x8664 &&
	   w->board[0].has_version &&
	   memcmp(w->board[0].version, version, sizeof(version)) == 0,
	   "driver on board: machine and version");
	ok(w->memory_dump.known && w->memory_dump.value == 77 &&
	   !w->minidumps.known, "dump");
	ok(w->renames.known && strstr(w->renames.value, "viostor.sys"),
	   "pending rename");
	ok(w->filter_count == 1 && !w->filters[0].service,
	   "filter without a service");
	guest_close(&g);

	guest_usual_files(&g, 0x014c);
	guest_open(&g, "10", MADE_BOUND, &err);
	ok(g.win->arch == ARCH_UNKNOWN &&
	   windows_check(g.win, &err) < 0, "refused: %s", err.msg);
	ok(g.win->virtio[TARGET_VIRTIO].state == VIRTIO_STAGED &&
	   strstr(g.win->virtio[TARGET_VIRTIO].reason, "missing"),
	   "bound, but without its file: no more than staged");
	guest_close(&g);
}

static void test_missing_file(void)
{
	struct guest g = { 0 };
	struct error err = { 0 };

	guest_usual_files(&g, 0x8664);
	guest_find(&g, "Windows/System32/drivers/storahci.sys")->path = "elsewhere.sys";
	guest_open(&g, "10", 0, &err);
	ok(!g.win->ahci_ready && strstr(g.win->ahci_reason, "storahci's file is missing"),
	   "SATA is not ready: %s", g.win->ahci_reason);
	guest_close(&g);
}

/* @letter: the registry says that Windows' volume is C:. */
static void image_path_is(const char *path, bool letter, const char *file)
{
	static const struct windows_files none = { NULL, NULL, NULL };
	struct windows w = { .root = "Windows", .control_set = "ControlSet001",
			     .system_root = { letter, "C:\\Windows", "" } };
	struct error err = { 0 };
	struct service s;
	struct made m;
	uint8_t *data;
	size_t len;

	made_open(&m, 5, 0);
	made_dword(&m, "ControlSet001\\Services\\x", "Start", 0);
	if (*path)
		made_text(&m, "ControlSet001\\Services\\x", "ImagePath", 2, path);
	data = made_close(&m, &len);
	hive_open_bytes(&w.system, data, len, &err);
	windows_read_service(&w, "x", &none, &s, &err);
	ok(str_eq(s.file, file), "'%s'%s is '%s'", path, letter ? " where Windows is on C:" : "",
	   s.file);
	free(data);
}

static void test_image_paths(void)
{
	static const struct {
		const char *path, *file;
	} paths[] = {
		{ "system32\\drivers\\x.sys", "Windows/system32/drivers/x.sys" },
		{ "\\SystemRoot\\System32\\x.sys", "Windows/System32/x.sys" },
		{ "%SystemRoot%\\a\\x.sys", "Windows/a/x.sys" },
		{ "\\??\\C:\\Windows\\x.sys", "Windows/x.sys" },
		{ "\\DosDevices\\c:\\windows\\x.sys", "windows/x.sys" },
		{ "\\??\\C:", "" }, { "\\??\\C:\\..\\x.sys", "" },
		{ "\\??\\D:\\Other\\x.sys", "" },
		{ "..\\x.sys", "" }, { "C:\\Windows\\x.sys", "" },
		{ "\\Device\\x.sys", "" },
		{ "", "Windows/System32/drivers/x.sys" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		image_path_is(paths[i].path, false, paths[i].file);
		image_path_is(paths[i].path, true, paths[i].file);
	}
	image_path_is("\\??\\C:\\Other\\x.sys", false, "");
	image_path_is("\\??\\C:\\Other\\x.sys", true, "Other/x.sys");
	image_path_is("\\??\\D:\\Windows\\x.sys", false, "Windows/x.sys");
	image_path_is("\\??\\D:\\Windows\\x.sys", true, "");
}

static int odd_stat(void *opaque, const char *path, struct file_info *info, struct error *err)
{
	(void)opaque, (void)path, (void)err;
	*info = (struct file_info){ .kind = FILE_REGULAR, .size = 4096 };
	return 1;
}

struct odd_head {
	const char *name;
	int code;
};

static int odd_head(void *opaque, const char *path, size_t want, uint8_t *data, size_t *len,
		    struct error *err)
{
	const struct odd_head *odd = opaque;

	if (strstr(path, odd->name))
		return fail(err, odd->code, "cannot read %s", path);
	memset(data, 0, want);
	*len = want;
	return 0;
}

/* A file that the guest has not, or an odd one, is a fact that isn't known; of a disk that
 * can't be read nothing is. */
static void test_odd_files(void)
{
	static const char *const names[] = { "ntoskrnl.exe", "bootstat.dat", "viostor.sys" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct odd_head odd = { names[i], EIO };
		struct windows_files files = { odd_stat, odd_head, &odd };
		struct windows w = { .root = "Windows" };
		struct error err = { 0 };

		ok(windows_read_files(&w, &files, &err) < 0 && err.code == EIO &&
		   strstr(err.msg, names[i]), "%s: EIO is told (%s)", names[i], err.msg);
		for (size_t j = 0; j < 2; j++) {
			odd.code = j ? ENOENT : (int)REFUSE_VOLUME_DAMAGED;
			w = (struct windows){ .root = "Windows" };
			ok(windows_read_files(&w, &files, &err) == 0,
			   "%s: %s is no error", names[i], j ? "absent" : "odd");
		}
	}
}

/* ---- real hives ---------------------------------------------------------- */

static bool match(const struct windows *w, const char *form,
		  const char *service, struct virtio_id *id)
{
	const char *forms[] = { form, NULL };
	struct error err;

	memset(id, 0, sizeof(*id));
	return windows_match_id(w, forms, service, id, &err) == 0;
}

static void test_real_1903(void)
{
	struct guest g = { 0 };
	struct error err = { 0 };
	struct virtio_id id;
	const struct windows *w;
	size_t len, overridden = 0;
	uint8_t *data = real_hive("win10-1903-vmware-lsi.SYSTEM", &len);

	if (!data) {
		real_skip("real 1903");
		return;
	}
	hive_base_seal(data, get_le32(data + 4));
	guest_open_bytes(&g, data, len, "10", &err);
	w = g.win;
	for (size_t i = 0; i < w->service_count; i++)
		overridden += w->services[i].overridden;
	ok(overridden == 44, "1903: 44 services with StartOverride (%zu)",
	   overridden);
	ok(w->ahci_ready && w->ide_ready, "1903: SATA ready (CD-ROM)");
	ok(str_eq(w->manufacturer.value, "VMware, Inc.") &&
	   w->last_use.value == 132317609315000000u &&
	   w->shutdown_time.value < w->last_use.value,
	   "1903: last use, not shut down since");
	match(w, "VEN_15AD&DEV_07C0", "pvscsi", &id);
	ok(id.listed && !id.findable && str_eq(id.inf, "oem4.inf"),
	   "1903: pvscsi is staged, but not bootable");
	match(w, "VEN_1000&DEV_0054", "LSI_SAS", &id);
	ok(id.findable && str_eq(id.inf, "lsi_sas.inf"),
	   "1903: the database leads to LSI_SAS");
	match(w, "VEN_1000&DEV_0054", "LSI_SCSI", &id);
	ok(id.listed && !id.findable, "1903: and to no other service");
	guest_close(&g);
}

static void test_real_7(void)
{
	struct guest g = { 0 };
	struct error err = { 0 };
	struct virtio_id id;
	size_t len;
	uint8_t *data = real_hive("win7-vmware-lsi.SYSTEM", &len);

	if (!data) {
		real_skip("real 7");
		return;
	}
	guest_open_bytes(&g, data, len, "7-x86", &err);
	ok(!g.win->ahci_ready && strstr(g.win->ahci_reason, "msahci") &&
	   g.win->ide_ready, "7: SATA not ready (%s), IDE ready",
	   g.win->ahci_reason);
	ok(g.win->arch == ARCH_X86 && g.win->boot_id.value == 39 &&
	   str_eq(g.win->lkg_set, "ControlSet002") &&
	   windows_check(g.win, &err) == 0, "7: x86, BootId, known good set");
	match(g.win, "VEN_1000&DEV_0054", "LSI_SAS", &id);
	ok(id.findable && strstr(id.from, "PCI#VEN_1000&DEV_0054"),
	   "7: CriticalDeviceDatabase leads to LSI_SAS");
	guest_close(&g);
}

static void test_real_1709(void)
{
	struct guest g = { 0 };
	struct error err = { 0 };
	struct hivelog_file logs[2];
	struct hivelog log = { 0 };
	const struct service *ahci;
	size_t len;
	uint8_t *data = real_hive("win10-1709-dell-raid.SYSTEM", &len);
	uint8_t *log1 = real_hive("win10-1709-dell-raid.LOG1", &logs[0].len);
	uint8_t *log2 = real_hive("win10-1709-dell-raid.LOG2", &logs[1].len);

	if (!data || !log1 || !log2) {
		real_skip("real 1709");
		goto out;
	}
	logs[0].data = log1;
	logs[1].data = log2;
	hivelog_read(data, len, logs, &log, &err);
	hivelog_overlay(&log, 0, data, len);
	guest_open_bytes(&g, data, len, "10", &err);
	data = NULL;
	ahci = windows_find_service(g.win, "storahci");
	ok(!g.win->ahci_ready && ahci && ahci->start == 0 &&
	   ahci->override == 3 && ahci->effective == 3,
	   "1709: SATA not ready (%s)", g.win->ahci_reason);
	ok(str_eq(g.win->manufacturer.value, "Dell Inc."), "1709: Dell");
	guest_close(&g);
out:
	hivelog_free(&log);
	free(data);
	free(log1);
	free(log2);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(made_list); i++)
		test_generation(&made_list[i]);
	test_variants();
	test_refusals();
	test_files();
	test_missing_file();
	test_image_paths();
	test_odd_files();
	test_real_1903();
	test_real_7();
	test_real_1709();
	return done_testing();
}
