/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mkdisk.c - make the disk of a Windows guest that was used before
 *
 *	mkdisk OUT [NAME=VALUE...]
 *
 * README.md lists the names. Nothing is mounted: mkntfs makes the file system in a file of
 * its own, and libntfs-3g fills it at its final place in the disk.
 */

#include "mk.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024u * 1024u)
#define SECTOR 512u
#define GPT_TABLE 16384u
#define TAIL (11u * MIB)	/* journal, backup GPT */

extern char **environ;

static const struct generation generations[] = {
	{ "7", 6, 1, 7601, "Windows 7 Professional", true },
	{ "2008r2", 6, 1, 7601, "Windows Server 2008 R2 Standard", false },
	{ "8", 6, 2, 9200, "Windows 8 Pro", true },
	{ "2012", 6, 2, 9200, "Windows Server 2012 Standard", false },
	{ "8.1", 6, 3, 9600, "Windows 8.1 Pro", true },
	{ "2012r2", 6, 3, 9600, "Windows Server 2012 R2 Standard", false },
	{ "10", 10, 0, 19045, "Windows 10 Pro", true },
	{ "11", 10, 0, 22631, "Windows 10 Pro", true },
	{ "2016", 10, 0, 14393, "Windows Server 2016 Standard", false },
	{ "2019", 10, 0, 17763, "Windows Server 2019 Standard", false },
	{ "2022", 10, 0, 20348, "Windows Server 2022 Standard", false },
	{ "2025", 10, 0, 26100, "Windows Server 2025 Standard", false },
};

static const char *const known[] = {
	"windows", "arch", "firmware", "origin", "cdrom", "bus", "driver",
	"driver_start", "package", "dirid", "firstboot", "virtio", "at", "uuid",
	"override", "override_id", "others", "fast", "hive", "session", "hiberfil",
	"sanpolicy", "autoreboot", "bias", "universal", "poll", "size", "format", "esp",
};

static void run(const char *const argv[])
{
	union {
		const char *const *in;
		char **out;
	} args = { argv };
	posix_spawn_file_actions_t files;
	int status = 0;
	pid_t pid;

	/* mkntfs tells everybody that a file is not a block device. */
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &files, NULL, args.out, environ) ||
	    waitpid(pid, &status, 0) != pid || status)
		die("mkdisk: %s failed", argv[0]);
	posix_spawn_file_actions_destroy(&files);
}

/* ---- partition tables ---- */

struct layout {
	uint64_t start, len;
	const char *type;	/* reserved, esp, msr, windows */
};

static size_t plan(const struct options *o, bool uefi, struct layout l[3])
{
	uint64_t end = (uint64_t)option_number(o, "size", 96) * MIB - TAIL;
	uint64_t esp = (uint64_t)option_number(o, "esp", 8) * MIB;

	if (!uefi) {
		l[0] = (struct layout){ MIB, 8 * MIB, "reserved" };
		l[1] = (struct layout){ 9 * MIB, end - 9 * MIB, "windows" };
		return 2;
	}
	l[0] = (struct layout){ MIB, esp, "esp" };
	l[1] = (struct layout){ MIB + esp, MIB, "msr" };
	l[2] = (struct layout){ 2 * MIB + esp, end - 2 * MIB - esp, "windows" };
	return 3;
}

static void mbr_entry(uint8_t *e, bool active, uint8_t type, uint64_t start, uint64_t len)
{
	e[0] = active ? 0x80 : 0;
	memset(e + 1, 0xff, 3);
	e[4] = type;
	memset(e + 5, 0xff, 3);
	put32(e + 8, (uint32_t)(start / SECTOR));
	put32(e + 12, (uint32_t)(len / SECTOR));
}

static void write_mbr(struct mk *mk, const struct layout *l, size_t n, bool uefi)
{
	uint8_t s[SECTOR] = { 0 };

	put32(s + 440, 0x6d0de1ed);
	if (uefi)
		mbr_entry(s + 446, false, 0xee, SECTOR, mk->disk.size - SECTOR);
	for (size_t i = 0; !uefi && i < n; i++)
		mbr_entry(s + 446 + 16 * i, i == 0, 7, l[i].start, l[i].len);
	put16(s + 510, 0xaa55);
	nbd_client_write(&mk->disk, s, SECTOR, 0);
}

static uint32_t crc32_of(const uint8_t *p, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void gpt_header(struct mk *mk, uint64_t my, uint64_t other, uint64_t table,
		       const uint8_t *entries)
{
	uint8_t h[SECTOR] = { 0 };

	memcpy(h, "EFI PART", 8);
	put32(h + 8, 0x10000);
	put32(h + 12, 92);
	put64(h + 24, my);
	put64(h + 32, other);
	put64(h + 40, 34);
	put64(h + 48, mk->disk.size / SECTOR - 34);
	memcpy(h + 56, "model-disk-guid!", 16);
	put64(h + 72, table);
	put32(h + 80, GPT_TABLE / 128);
	put32(h + 84, 128);
	put32(h + 88, crc32_of(entries, GPT_TABLE));
	put32(h + 16, crc32_of(h, 92));
	nbd_client_write(&mk->disk, h, SECTOR, my * SECTOR);
	nbd_client_write(&mk->disk, entries, GPT_TABLE, table * SECTOR);
}

static void write_gpt(struct mk *mk, const struct layout *l, size_t n)
{
	/* ESP, Microsoft reserved, basic data; as they lie on disk */
	static const uint8_t types[3][16] = {
		{ 0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
		  0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b },
		{ 0x16, 0xe3, 0xc9, 0xe3, 0x5c, 0x0b, 0xb8, 0x4d,
		  0x81, 0x7d, 0xf9, 0x2d, 0xf0, 0x02, 0x15, 0xae },
		{ 0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44,
		  0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7 },
	};
	uint8_t *entries = xcalloc(GPT_TABLE, 1);
	uint64_t last = mk->disk.size / SECTOR - 1;

	for (size_t i = 0; i < n; i++) {
		uint8_t *e = entries + 128 * i;

		memcpy(e, types[i], 16);
		memcpy(e + 16, "model-part-guid", 15);
		e[31] = (uint8_t)i;
		put64(e + 32, l[i].start / SECTOR);
		put64(e + 40, (l[i].start + l[i].len) / SECTOR - 1);
		for (size_t c = 0; l[i].type[c]; c++)
			put16(e + 56 + 2 * c, (unsigned char)l[i].type[c]);
	}
	gpt_header(mk, 1, last, 2, entries);
	gpt_header(mk, last, 1, last - GPT_TABLE / SECTOR, entries);
	free(entries);
}

/* ---- file systems ---- */

static void copy_sparse(const char *from, int out, uint64_t to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	off_t at = 0, end;
	char *buf = xcalloc(MIB, 1);

	while (in >= 0 && (at = lseek(in, at, SEEK_DATA)) >= 0) {
		end = lseek(in, at, SEEK_HOLE);
		while (at < end) {
			size_t want = (size_t)(end - at) < MIB ? (size_t)(end - at) : MIB;
			ssize_t n = pread(in, buf, want, at);

			if (n <= 0 || pwrite(out, buf, (size_t)n, (off_t)to + at) != n)
				die("mkdisk: copying: %s", strerror(errno));
			at += n;
		}
	}
	if (in < 0)
		die("mkdisk: %s: %s", from, strerror(errno));
	free(buf);
	close(in);
}

/* mkntfs on a file of the partition's size, which is then copied to its place */
static void make_ntfs(const char *out, const struct layout *l)
{
	char *file = xasprintf("%s.part", out), start[24];
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), to;

	if (fd < 0 || ftruncate(fd, (off_t)l->len))
		die("mkdisk: %s: %s", file, strerror(errno));
	close(fd);
	snprintf(start, sizeof(start), "%llu", (unsigned long long)(l->start / SECTOR));
	run((const char *const[]){ "mkntfs", "-Q", "-F", "-q", "-c", "4096", "-s", "512",
				   "-p", start, "-H", "255", "-S", "63", file, NULL });
	to = open(out, O_WRONLY | O_CLOEXEC);
	if (to < 0)
		die("mkdisk: %s: %s", out, strerror(errno));
	copy_sparse(file, to, l->start);
	close(to);
	unlink(file);
	free(file);
}

static void boot_files(struct mk *mk, const struct layout *l)
{
	struct volume *v = volume_mount(&mk->disk, l->start, l->len, true);

	if (!v)
		die("mkdisk: no NTFS where mkntfs has put one");
	volume_write(v, "bootmgr", "bootmgr", 7);
	volume_write(v, "Boot/BCD", "regf", 4);
	volume_unmount(v);
}

static void windows_volume(struct mk *mk, const struct layout *l)
{
	const struct options *o = &mk->options;
	bool crashed = option_is(o, "session", "crashed");
	bool asleep = same(option(o, "hiberfil", "none"), "hibr");

	mk->vol = volume_mount(&mk->disk, l->start, l->len, true);
	if (!mk->vol)
		die("mkdisk: no NTFS where mkntfs has put one");
	mk_system(mk);
	mk_files(mk);
	hive_close(mk->sys);
	session_seal(mk->vol, crashed);
	volume_set_logfile(mk->vol, crashed ? LOGFILE_IN_USE :
			   asleep ? LOGFILE_CACHED : LOGFILE_CLEAN);
	volume_unmount(mk->vol);
}

/* ---- options ---- */

static void options(struct mk *mk, int argc, char **argv)
{
	const char *name;

	for (int i = 2; i < argc; i++) {
		size_t k = 0;

		while (k < COUNT(known) &&
		       !(starts(argv[i], known[k]) && argv[i][strlen(known[k])] == '='))
			k++;
		if (k == COUNT(known) || mk->options.n == COUNT(mk->options.word))
			die("mkdisk: what is %s?", argv[i]);
		mk->options.word[mk->options.n++] = argv[i];
	}
	name = option(&mk->options, "windows", "10");
	for (size_t i = 0; i < COUNT(generations); i++)
		if (same(generations[i].name, name))
			mk->gen = &generations[i];
	if (!mk->gen)
		die("mkdisk: there is no Windows %s here", name);
	mk->modern = mk->gen->build >= 9200;
	mk->pe = option_is(&mk->options, "arch", "x86") ? MACHINE_X86 : MACHINE_AMD64;
	mk->last_off = filetime_now() - 86400 * FILETIME_SECOND;
	mk->last_use = mk->last_off - 7200 * FILETIME_SECOND;
}

int main(int argc, char **argv)
{
	struct layout l[3];
	struct mk mk = { .modern = false };
	const char *out = argc > 1 ? argv[1] : NULL;
	bool uefi, qcow2;
	char *raw;
	size_t n;
	int fd;

	if (!out)
		die("usage: mkdisk OUT [NAME=VALUE...]");
	base_quiet = true;
	options(&mk, argc, argv);
	uefi = option_is(&mk.options, "firmware", "uefi");
	qcow2 = option_is(&mk.options, "format", "qcow2");
	raw = qcow2 ? xasprintf("%s.raw", out) : xstrdup(out);
	fd = open(raw, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, (off_t)option_number(&mk.options, "size", 96) * MIB))
		die("mkdisk: %s: %s", raw, strerror(errno));
	close(fd);
	n = plan(&mk.options, uefi, l);
	for (size_t i = 0; i < n; i++)
		if (same(l[i].type, "windows") || same(l[i].type, "reserved"))
			make_ntfs(raw, &l[i]);
	if (!nbd_client_open(&mk.disk, raw))
		die("mkdisk: %s: %s", raw, strerror(errno));
	disk_make_writable(&mk.disk, raw);
	write_mbr(&mk, l, n, uefi);
	if (uefi)
		write_gpt(&mk, l, n);
	else
		boot_files(&mk, &l[0]);
	windows_volume(&mk, &l[n - 1]);
	disk_commit(&mk.disk);
	disk_format_journal(&mk.disk);
	nbd_client_close(&mk.disk);
	if (qcow2) {
		run((const char *const[]){ "qemu-img", "convert", "-q", "-O", "qcow2", raw,
					   out, NULL });
		unlink(raw);
	}
	free(raw);
	return 0;
}
