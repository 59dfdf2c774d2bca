// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mkvol.c - fill an NTFS volume for a test, without mounting it
 *
 * mkvol VOLUME OPERATION [ARGUMENT...] [OPERATION...]: runs the operations in order on a
 * file that mkntfs made. It uses libntfs-3g directly and none of busflip's code, so that a
 * test of helper/ntfs*.c does not check that code against itself.
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>		/* libntfs-3g's headers want it */
#include <unistd.h>

#include <ntfs-3g/types.h>
#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/unistr.h>
#include <ntfs-3g/volume.h>

#define CHUNK 65536

static ntfs_volume *vol;

static ntfs_inode *must_open(const char *path)
{
	ntfs_inode *ni = ntfs_pathname_to_inode(vol, NULL, path);

	if (!ni)
		err(1, "open %s", path);
	return ni;
}

static void make(const char *path, mode_t type)
{
	char *copy = strdup(path), *name = strrchr(copy, '/');
	ntfschar *chars = NULL;
	ntfs_inode *dir, *ni;
	int n;

	if (name)
		*name++ = '\0';
	dir = must_open(name ? copy : "");
	n = ntfs_mbstoucs(name ? name : path, &chars);
	ni = ntfs_create(dir, dir->security_id, chars, (u8)n, type);
	if (!ni)
		err(1, "create %s", path);
	if (ntfs_inode_close_in_dir(ni, dir) || ntfs_inode_close(dir))
		err(1, "close %s", path);
	free(chars);
	free(copy);
}

static void op_mkdir(char **arg)
{
	char part[1024];

	for (const char *p = arg[0]; *p;) {
		ntfs_inode *ni;

		p = strchrnul(p, '/');
		snprintf(part, sizeof(part), "%.*s", (int)(p - arg[0]), arg[0]);
		ni = ntfs_pathname_to_inode(vol, NULL, part);
		if (ni)
			ntfs_inode_close(ni);
		else
			make(part, S_IFDIR);
		p += *p == '/';
	}
}

static void append(const char *path, s64 at, const void *data, size_t len)
{
	ntfs_inode *ni = must_open(path);
	ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);

	if (!na || ntfs_attr_pwrite(na, at, (s64)len, data) != (s64)len)
		err(1, "write %s", path);
	if (NAttrCompressed(na) && ntfs_attr_pclose(na))
		err(1, "write %s", path);
	ntfs_attr_close(na);
	if (ntfs_inode_close(ni))
		err(1, "close %s", path);
}

static uint8_t *slurp(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *data;

	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", path);
	*len = (size_t)st.st_size;
	data = malloc(*len + 1);
	if (!data || read(fd, data, *len) != (ssize_t)*len)
		err(1, "%s", path);
	close(fd);
	return data;
}

static void op_put(char **arg)
{
	size_t len;
	uint8_t *data = slurp(arg[1], &len);

	make(arg[0], S_IFREG);
	append(arg[0], 0, data, len);
	free(data);
}

static void op_text(char **arg)
{
	make(arg[0], S_IFREG);
	append(arg[0], 0, arg[1], strlen(arg[1]));
}

/* Written in turns with a second file: no two chunks are neighbours. */
static void op_frag(char **arg)
{
	static const uint8_t filler[CHUNK] = { 1 };
	uint8_t *data;
	size_t len;

	data = slurp(arg[1], &len);
	make(arg[0], S_IFREG);
	make("filler", S_IFREG);
	for (size_t at = 0; at < len; at += CHUNK) {
		append(arg[0], (s64)at, data + at,
		       len - at < CHUNK ? len - at : CHUNK);
		append("filler", (s64)at, filler, CHUNK);
	}
	free(data);
}

static void op_many(char **arg)
{
	int count = atoi(arg[1]);
	char path[1024], text[64];

	for (int i = 0; i < count; i++) {
		if (i % 500 == 0) {
			snprintf(path, sizeof(path), "%s/d%d", arg[0], i / 500);
			op_mkdir((char *[]){ path });
		}
		snprintf(path, sizeof(path), "%s/d%d/file%05d.dat", arg[0],
			 i / 500, i);
		make(path, S_IFREG);
		snprintf(text, sizeof(text), "content of %d", i);
		append(path, 0, text, strlen(text));
	}
}

static void op_flag(char **arg)
{
	static const struct {
		const char *name;
		FILE_ATTR_FLAGS flag;
	} flags[] = {
		{ "compressed", FILE_ATTR_COMPRESSED },
		{ "encrypted", FILE_ATTR_ENCRYPTED },
		{ "sparse", FILE_ATTR_SPARSE_FILE },
		{ "reparse", FILE_ATTR_REPARSE_POINT },
	};
	ntfs_inode *ni = must_open(arg[0]);

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(flags[i].name, arg[1]))
			ni->flags |= flags[i].flag;
	NInoFileNameSetDirty(ni);
	NInoSetDirty(ni);
	if (ntfs_inode_close(ni))
		err(1, "close %s", arg[0]);
}

/* Really compressed: the flag on the directory is inherited. */
static void op_compress(char **arg)
{
	size_t len;
	uint8_t *data = slurp(arg[1], &len);
	ntfs_inode *ni;

	make(arg[0], S_IFREG);
	ni = must_open(arg[0]);
	if (ntfs_attr_set_flags(ni, AT_DATA, AT_UNNAMED, 0, ATTR_IS_COMPRESSED,
				ATTR_IS_COMPRESSED))
		err(1, "compress %s", arg[0]);
	ni->flags |= FILE_ATTR_COMPRESSED;
	NInoFileNameSetDirty(ni);
	NInoSetDirty(ni);
	ntfs_inode_close(ni);
	append(arg[0], 0, data, len);
	free(data);
}

static void op_link(char **arg)
{
	char *copy = strdup(arg[1]), *name = strrchr(copy, '/');
	ntfs_inode *ni = must_open(arg[0]), *dir;
	ntfschar *chars = NULL;
	int n;

	if (name)
		*name++ = '\0';
	dir = must_open(name ? copy : "");
	n = ntfs_mbstoucs(name ? name : arg[1], &chars);
	if (ntfs_link(ni, dir, chars, (u8)n) ||
	    ntfs_inode_close_in_dir(ni, dir) || ntfs_inode_close(dir))
		err(1, "link %s", arg[1]);
	free(chars);
	free(copy);
}

static void op_rm(char **arg)
{
	char *copy = strdup(arg[0]), *name = strrchr(copy, '/');
	ntfs_inode *ni = must_open(arg[0]), *dir;
	ntfschar *chars = NULL;
	int n;

	if (name)
		*name++ = '\0';
	dir = must_open(name ? copy : "");
	n = ntfs_mbstoucs(name ? name : arg[0], &chars);
	if (ntfs_delete(vol, NULL, ni, dir, chars, (u8)n))
		err(1, "delete %s", arg[0]);
	free(chars);
	free(copy);
}

static void op_volume_flags(char **arg)
{
	int flags = (int)strtol(arg[0], NULL, 0);

	if (ntfs_volume_write_flags(vol, cpu_to_le16((u16)flags)))
		err(1, "volume flags");
}

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

/* log MAJOR CLIENT FLAGS: one restart page of that version and state. MAJOR 0: a page of
 * zeros; -1: version 1, with a log size that is not its own. */
static void op_log(char **arg)
{
	uint8_t page[4096] = "RSTR";
	uint8_t *area = page + 0x30;
	ntfs_inode *ni = ntfs_inode_open(vol, FILE_LogFile);
	ntfs_attr *na = ni ? ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0) : NULL;

	if (!na)
		err(1, "$LogFile");
	put16(page + 4, 0x1e);			/* update sequence */
	put16(page + 6, 9);
	put16(page + 0x1e, 1);
	put16(page + 16, 4096);
	put16(page + 20, 4096);
	put16(page + 24, 0x30);
	put16(page + 26, atoi(arg[0]) == 2 ? 0 : 1);
	put16(page + 28, atoi(arg[0]) == -1 ? 1 : (unsigned int)atoi(arg[0]));
	area[0] = 1;				/* LSN */
	put16(area + 8, 1);			/* clients */
	put16(area + 10, strtol(arg[1], NULL, 0) == 0xFFFF ? 0 : 0xFFFF);
	put16(area + 12, (unsigned int)strtol(arg[1], NULL, 0));
	put16(area + 14, (unsigned int)strtol(arg[2], NULL, 0));
	/* 67 less the bits of the log's size */
	put16(area + 16, (unsigned int)(67 - (64 - __builtin_clzll(
				       (unsigned long long)na->data_size))) +
		      (atoi(arg[0]) == -1));
	put16(area + 20, 0xE0);			/* length */
	put16(area + 22, 0x40);			/* client array */
	memcpy(area + 24, &na->data_size, 8);
	put16(area + 36, 0x30);			/* record header */
	put16(area + 38, 0x40);			/* data of a log page */
	memset(area + 0x40 + 16, 0xFF, 4);	/* a client without neighbours */
	for (int s = 1; s <= 8; s++)
		put16(page + s * 512 - 2, 1);
	if (atoi(arg[0]) == 0)
		memset(page, 0, sizeof(page));
	if (ntfs_attr_pwrite(na, 0, sizeof(page), page) != sizeof(page))
		err(1, "$LogFile");
	ntfs_attr_close(na);
	if (ntfs_inode_close(ni))
		err(1, "$LogFile");
}

static bool fill_one(int number, s64 size)
{
	char name[32];
	ntfs_inode *ni;
	ntfs_attr *na;
	bool fits;

	snprintf(name, sizeof(name), "full/%d", number);
	make(name, S_IFREG);
	ni = must_open(name);
	na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	fits = na && ntfs_attr_truncate_solid(na, size) == 0;
	ntfs_attr_close(na);
	if (ntfs_inode_close(ni))
		err(1, "fill");
	return fits;
}

/* fill: files that take all free clusters, ever smaller ones. */
static void op_fill(char **arg)
{
	static const s64 sizes[] = { 4 << 20, 256 << 10, 16 << 10, 4 << 10 };
	int number = 0;

	(void)arg;
	op_mkdir((char *[]){ (char[]){ "full" } });
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		while (fill_one(number++, sizes[i]))
			;
}

static const struct {
	const char *name;
	int args;
	void (*run)(char **arg);
} operations[] = {
	{ "mkdir", 1, op_mkdir }, { "put", 2, op_put }, { "text", 2, op_text },
	{ "frag", 2, op_frag }, { "many", 2, op_many }, { "flag", 2, op_flag },
	{ "compress", 2, op_compress }, { "link", 2, op_link },
	{ "rm", 1, op_rm }, { "volume-flags", 1, op_volume_flags },
	{ "log", 3, op_log }, { "fill", 0, op_fill },
};

static char **run_one(char **arg, char **end)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(operations[i].name, *arg))
			continue;
		if (end - arg <= operations[i].args)
			errx(2, "%s: too few arguments", *arg);
		operations[i].run(arg + 1);
		return arg + 1 + operations[i].args;
	}
	errx(2, "%s: unknown operation", *arg);
}

int main(int argc, char **argv)
{
	char **arg = argv + 2;

	if (argc < 2)
		errx(2, "usage: mkvol VOLUME OPERATION...");
	ntfs_set_char_encoding("UTF-8");
	vol = ntfs_mount(argv[1], 0);
	if (!vol)
		err(1, "%s", argv[1]);
	while (arg < argv + argc)
		arg = run_one(arg, argv + argc);
	if (ntfs_umount(vol, FALSE))
		err(1, "unmount");
	return 0;
}
