// SPDX-License-Identifier: GPL-2.0-or-later
/* test-drivers.c - select the right driver from a virtio-win tree, or none */

#include "helper/drivers/drivers.h"
#include "tests/guest.h"
#include "tests/tap.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* ---- trees --------------------------------------------------------------- */

struct leaf {
	const char *path;
	uint16_t machine;	/* 0: no PE file */
	uint16_t os_major, os_minor, build;
};

static const struct leaf usual[] = {
	{ "viostor/w7/amd64/viostor.sys", 0x8664, 6, 1, 1 },
	{ "viostor/w7/x86/viostor.sys", 0x14c, 6, 1, 1 },
	{ "viostor/2k8R2/amd64/viostor.sys", 0x8664, 6, 1, 2 },
	{ "viostor/w8/amd64/viostor.sys", 0x8664, 6, 2, 3 },
	{ "viostor/w8.1/amd64/viostor.sys", 0x8664, 6, 3, 4 },
	{ "viostor/2k12R2/amd64/viostor.sys", 0x8664, 6, 3, 5 },
	{ "VIOSTOR/W10/AMD64/VIOSTOR.SYS", 0x8664, 10, 0, 6 },
	{ "VIOSTOR/W10/AMD64/VIOSTOR.INF", 0, 0, 0, 0 },
	{ "VIOSTOR/W10/AMD64/viostor.cat", 0, 0, 0, 0 },
	{ "VIOSTOR/W10/AMD64/viostor.pdb", 0, 0, 0, 0 },
	{ "viostor/w11/amd64/viostor.sys", 0x8664, 10, 0, 7 },
	{ "viostor/2k16/amd64/viostor.sys", 0x8664, 10, 0, 8 },
	{ "viostor/2k19/amd64/viostor.sys", 0x8664, 10, 0, 9 },
	{ "viostor/2k22/amd64/viostor.sys", 0x8664, 10, 0, 10 },
	{ "viostor/2k25/amd64/viostor.sys", 0x8664, 10, 0, 11 },
	{ "vioscsi/w10/amd64/vioscsi.sys", 0x8664, 10, 0, 12 },
	{ "NetKVM/w10/amd64/netkvm.sys", 0x8664, 10, 0, 13 },
	{ "readme.sys", 0x8664, 10, 0, 13 },
};

static size_t leaf_bytes(const struct leaf *leaf, uint8_t data[PE_STUB])
{
	const uint16_t version[4] = { 100, 1, 1, leaf->build };

	if (!leaf->machine) {
		memcpy(data, leaf->path, 10);
		return 10;
	}
	pe_stub(data, leaf->machine, leaf->os_major, leaf->os_minor, version);
	return PE_STUB;
}

static void make_folders(char *path)
{
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
}

/* Returns an open descriptor of the folder. */
static int make_tree(char folder[64], const struct leaf *leaves, size_t n)
{
	uint8_t data[PE_STUB];
	char path[512];

	strcpy(folder, "/tmp/busflip-drivers.XXXXXX");
	if (!mkdtemp(folder))
		abort();
	for (size_t i = 0; i < n; i++) {
		size_t len = leaf_bytes(&leaves[i], data);
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", folder, leaves[i].path);
		make_folders(path);
		f = fopen(path, "wb");
		if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0)
			abort();
	}
	return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int make_iso(const struct leaf *leaves, size_t n)
{
	int fd = memfd_create("iso", MFD_CLOEXEC);
	struct archive *a = archive_write_new();
	uint8_t data[PE_STUB];

	archive_write_set_format_iso9660(a);
	archive_write_open_fd(a, fd);
	for (size_t i = 0; i < n; i++) {
		struct archive_entry *e = archive_entry_new();
		size_t len = leaf_bytes(&leaves[i], data);

		archive_entry_set_pathname(e, leaves[i].path);
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_perm(e, 0644);
		archive_entry_set_size(e, (int64_t)len);
		archive_write_header(a, e);
		archive_write_data(a, data, len);
		archive_entry_free(e);
	}
	if (archive_write_close(a) != ARCHIVE_OK)
		abort();
	archive_write_free(a);
	return fd;
}

static int load(int fd, bool iso, const char *shown, struct drivers **set, struct error *err)
{
	int r = drivers_open(fd, iso, shown, TARGET_VIRTIO, set, err);

	if (r == 0 && (r = drivers_index(*set, err)) < 0)
		drivers_free(*set);
	return r;
}

static void remove_tree(const char *folder)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		abort();
}

/* ---- picking ------------------------------------------------------------- */

static void windows_of(struct windows *w, uint32_t build, bool server,
		       enum windows_arch arch)
{
	memset(w, 0, sizeof(*w));
	w->build = build;
	w->server = server;
	w->arch = arch;
	w->generation = build >= 22000 ? WINDOWS_11
		      : build >= 10240 ? WINDOWS_10
		      : build >= 9600 ? WINDOWS_8_1
		      : build >= 9200 ? WINDOWS_8 : WINDOWS_7;
}

static const struct {
	uint32_t build;
	bool server;
	enum windows_arch arch;
	const char *directory;	/* NULL: none fits */
	bool warning;
} wanted[] = {
	{ 7601, false, ARCH_AMD64, "viostor/w7/amd64", false },
	{ 7601, false, ARCH_X86, "viostor/w7/x86", false },
	{ 7601, true, ARCH_AMD64, "viostor/2k8R2/amd64", false },
	{ 9200, false, ARCH_AMD64, "viostor/w8/amd64", false },
	{ 9600, false, ARCH_AMD64, "viostor/w8.1/amd64", false },
	{ 9200, true, ARCH_AMD64, "viostor/2k8R2/amd64", true },
	{ 9600, true, ARCH_AMD64, "viostor/2k12R2/amd64", false },
	{ 10240, false, ARCH_AMD64, "viostor/w10/amd64", false },
	{ 19045, false, ARCH_AMD64, "viostor/w10/amd64", false },
	{ 20000, false, ARCH_AMD64, "viostor/w10/amd64", true },
	{ 22000, false, ARCH_AMD64, "viostor/w11/amd64", false },
	{ 26100, false, ARCH_AMD64, "viostor/w11/amd64", false },
	{ 31000, false, ARCH_AMD64, "viostor/w11/amd64", true },
	{ 14393, true, ARCH_AMD64, "viostor/2k16/amd64", false },
	{ 17763, true, ARCH_AMD64, "viostor/2k19/amd64", false },
	{ 20348, true, ARCH_AMD64, "viostor/2k22/amd64", false },
	{ 25398, true, ARCH_AMD64, "viostor/2k22/amd64", true },
	{ 26100, true, ARCH_AMD64, "viostor/2k25/amd64", false },
	{ 19045, false, ARCH_ARM64, NULL, false },
	{ 6002, false, ARCH_AMD64, NULL, false },
};

static void test_table(const struct drivers *set, const char *how)
{
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct driver_pick pick;
		struct error err = { 0 };
		struct windows w;
		int ret;

		windows_of(&w, wanted[i].build, wanted[i].server,
			   wanted[i].arch);
		ret = drivers_pick(set, &w, TARGET_VIRTIO, &pick, &err);
		if (!wanted[i].directory) {
			ok(ret < 0 && err.code == REFUSE_NO_DRIVER,
			   "%s: none: %s", how, err.msg);
			continue;
		}
		ok(ret == 0 && !pick.keep &&
		   strcasecmp(pick.directory, wanted[i].directory) == 0 &&
		   !*pick.warning == !wanted[i].warning,
		   "%s: build %u%s: %s %s%s", how, wanted[i].build,
		   wanted[i].server ? " server" : "", pick.directory,
		   pick.warning, err.msg);
	}
}

static void test_package(const struct drivers *set, const char *how)
{
	AUTO_FREE uint8_t *data = NULL;
	struct driver_pick pick;
	struct error err = { 0 };
	struct windows w;
	size_t len = 0;

	windows_of(&w, 19045, false, ARCH_AMD64);
	drivers_pick(set, &w, TARGET_VIRTIO, &pick, &err);
	ok(pick.n_files == 3 && str_eq(pick.sys.name, "viostor.sys"),
	   "%s: .sys, .inf and .cat, in lower case, no .pdb", how);
	ok(drivers_read(set, pick.sys.index, &data, &len, &err) == 0 &&
	   len == PE_STUB && pick.pe.version[3] == 6,
	   "%s: its bytes and version", how);
}

static void test_sources(void)
{
	struct drivers *set = NULL;
	struct error err = { 0 };
	char folder[64];
	int fd = make_tree(folder, usual, ARRAY_SIZE(usual));

	ok(load(fd, false, folder, &set, &err) == 0,
	   "directory %s", err.msg);
	remove_tree(folder);	/* not needed any more */
	test_table(set, "directory");
	test_package(set, "directory");
	drivers_free(set);

	fd = make_iso(usual, ARRAY_SIZE(usual));
	ok(load(fd, true, "x.iso", &set, &err) == 0,
	   "ISO %s", err.msg);
	test_table(set, "ISO");
	test_package(set, "ISO");
	drivers_free(set);

	fd = memfd_create("no-iso", MFD_CLOEXEC);
	ok(write(fd, "hello", 5) == 5 &&
	   load(fd, true, "x.iso", &set, &err) < 0,
	   "no ISO: %s", err.msg);
}

/* The layout of the RPM: all drivers of a Windows together. */
static void test_by_os(void)
{
	static const struct leaf leaves[] = {
		{ "drivers/by-os/amd64/w10/viostor.sys", 0x8664, 10, 0, 1 },
		{ "drivers/by-os/amd64/w10/viostor.inf", 0, 0, 0, 0 },
		{ "drivers/by-os/amd64/w10/netkvm.sys", 0x8664, 10, 0, 1 },
		{ "drivers/by-os/i386/w10/viostor.sys", 0x14c, 10, 0, 2 },
	};
	struct drivers *set;
	struct driver_pick pick;
	struct error err = { 0 };
	struct windows w;
	char folder[64];
	int fd = make_tree(folder, leaves, ARRAY_SIZE(leaves));

	load(fd, false, folder, &set, &err);
	windows_of(&w, 19045, false, ARCH_AMD64);
	ok(drivers_pick(set, &w, TARGET_VIRTIO, &pick, &err) == 0 &&
	   pick.n_files == 2 && pick.pe.machine == 0x8664,
	   "by-os: only this driver's files %s", err.msg);
	w.arch = ARCH_X86;
	ok(drivers_pick(set, &w, TARGET_VIRTIO, &pick, &err) == 0 &&
	   pick.pe.machine == 0x14c, "by-os: i386 is x86");
	drivers_free(set);
	remove_tree(folder);
}

/* What a directory's name promises is not believed. */
static void test_headers(void)
{
	static const struct leaf leaves[] = {
		{ "viostor/w10/amd64/viostor.sys", 0x14c, 10, 0, 1 },
		{ "viostor/w8.1/amd64/viostor.sys", 0x8664, 10, 0, 2 },
		{ "viostor/w8/amd64/viostor.sys", 0x8664, 6, 2, 3 },
		{ "viostor/w7/amd64/viostor.sys", 0, 0, 0, 0 },
	};
	struct drivers *set;
	struct driver_pick pick;
	struct error err = { 0 };
	struct windows w;
	char folder[64];
	int fd = make_tree(folder, leaves, ARRAY_SIZE(leaves));

	load(fd, false, folder, &set, &err);
	windows_of(&w, 9600, false, ARCH_AMD64);
	ok(drivers_pick(set, &w, TARGET_VIRTIO, &pick, &err) == 0 &&
	   str_eq(pick.directory, "viostor/w8/amd64") && *pick.warning,
	   "made for a newer Windows: the next older one (%s)",
	   pick.warning);
	windows_of(&w, 7601, false, ARCH_AMD64);
	ok(drivers_pick(set, &w, TARGET_VIRTIO, &pick, &err) < 0 &&
	   strstr(err.msg, "is not a driver"), "no PE file: %s", err.msg);
	windows_of(&w, 19045, false, ARCH_AMD64);
	ok(drivers_pick(set, &w, TARGET_VIRTIO, &pick, &err) == 0 &&
	   pick.pe.version[3] == 2, "wrong processor: passed over");
	drivers_free(set);
	remove_tree(folder);
}

static void on_board(struct windows *w, uint16_t machine, uint16_t build)
{
	struct board_driver *b = &w->board[0];

	w->board_count = 1;
	strcpy(b->path, "Windows/System32/drivers/viostor.sys");
	b->machine = machine;
	b->has_version = build != 0;
	memcpy(b->version, (uint16_t[]){ 100, 1, 1, build }, 8);
}

static void test_board(void)
{
	static const struct {
		const char *what;
		uint16_t machine, build;
		bool keep;
	} boards[] = {
		{ "newer", 0x8664, 7, true }, { "equal", 0x8664, 6, true },
		{ "older", 0x8664, 5, false },
		{ "of no version", 0x8664, 0, false },
		{ "of another processor", 0x14c, 9, false },
	};
	struct drivers *set;
	struct driver_pick pick;
	struct error err = { 0 };
	struct windows w;
	int fd = make_iso(usual, ARRAY_SIZE(usual));

	load(fd, true, "x.iso", &set, &err);
	for (size_t i = 0; i < ARRAY_SIZE(boards); i++) {
		windows_of(&w, 19045, false, ARCH_AMD64);
		on_board(&w, boards[i].machine, boards[i].build);
		drivers_pick(set, &w, TARGET_VIRTIO, &pick, &err);
		ok(!err.code && pick.keep == boards[i].keep,
		   "on board, %s: %s", boards[i].what,
		   pick.keep ? "kept" : "replaced");
	}
	windows_of(&w, 19045, false, ARCH_AMD64);
	ok(drivers_pick(NULL, &w, TARGET_VIRTIO, &pick, &err) < 0 &&
	   err.code == REFUSE_NO_DRIVER, "no tree: %s", err.msg);
	on_board(&w, 0x8664, 1);
	ok(drivers_pick(NULL, &w, TARGET_VIRTIO, &pick, &err) == 0 && pick.keep,
	   "no tree, but one on board: kept");
	windows_of(&w, 22631, false, ARCH_AMD64);
	w.virtio[TARGET_VIRTIO].service.file_there = PRESENCE_YES;
	strcpy(w.virtio[TARGET_VIRTIO].service.file,
	       "Windows/System32/DriverStore/FileRepository/x/viostor.sys");
	ok(drivers_pick(set, &w, TARGET_VIRTIO, &pick, &err) == 0 && pick.keep,
	   "one that runs from the driver store: kept");
	drivers_free(set);
}

/* ---- PE files ------------------------------------------------------------ */

static void test_pe(void)
{
	static const uint16_t version[4] = { 62, 93, 104, 24000 };
	uint8_t file[PE_STUB], copy[PE_STUB];
	unsigned int found = 0;
	struct pe pe;

	pe_stub(file, 0xaa64, 10, 0, version);
	ok(pe_read(file, PE_STUB, true, &pe) && pe.machine == PE_ARM64 &&
	   pe.subsystem == 1 && pe.os_major == 10 && pe.has_signature &&
	   pe.has_version && memcmp(pe.version, version, 8) == 0,
	   "PE32+: machine, version, signature");
	pe_stub(file, 0x14c, 6, 1, version);
	ok(pe_read(file, PE_STUB, true, &pe) && pe.has_signature &&
	   pe.has_version, "PE32");
	ok(pe_read(file, 512, false, &pe) && !pe.has_version,
	   "only the head of a file");
	for (size_t len = 0; len < PE_STUB; len++) {
		uint8_t *part = malloc(len ? len : 1);

		memcpy(part, file, len);
		found += pe_read(part, len, true, &pe) && pe.has_version;
		free(part);
	}
	ok(!found, "cut off anywhere: no version, no read behind the end");
	for (size_t i = 0; i < PE_STUB; i++) {
		memcpy(copy, file, sizeof(copy));
		copy[i] = 0xff;
		pe_read(copy, PE_STUB, true, &pe);
	}
	ok(pe_version_compare((uint16_t[]){ 1, 2, 3, 4 },
			      (uint16_t[]){ 1, 2, 4, 0 }) < 0 &&
	   pe_version_compare(version, version) == 0, "versions compare");
}

int main(void)
{
	test_sources();
	test_by_os();
	test_headers();
	test_board();
	test_pe();
	return done_testing();
}
