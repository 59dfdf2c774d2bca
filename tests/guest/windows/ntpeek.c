/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ntpeek.c - read a guest's disk, or change it as somebody offline would
 *
 *	ntpeek DISK get KEY VALUE	text, 0x number, or hex bytes; KEY must exist
 *	ntpeek DISK keys KEY		names of the subkeys
 *	ntpeek DISK time KEY		last written, as a FILETIME
 *	ntpeek DISK cat PATH		a file
 *	ntpeek DISK state		$LogFile, volume flags, registry
 *	ntpeek DISK set KEY VALUE N	a REG_DWORD; creates the key
 *	ntpeek DISK delete KEY		with everything below it
 *	ntpeek DISK put PATH FILE	copy a file of the host to the guest
 *
 * KEYs are in SYSTEM, with its logs replayed; a KEY that begins with "CS\" is in the control
 * set that the next boot uses. Exit status 1: not found.
 */

#include "disk.h"
#include "hive.h"
#include "hivelog.h"
#include "volume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYSTEM "Windows/System32/config/SYSTEM"

struct peek {
	struct nbd_client disk;
	struct partition part;
	struct volume *vol;
	struct hivefiles files;
	struct hive *sys;
	bool dirty;
	int replayed;
};

static bool find_system(struct peek *p, bool writable)
{
	struct partition parts[16];
	size_t n = disk_partitions(&p->disk, parts, COUNT(parts));

	for (size_t i = 0; i < n; i++) {
		p->part = parts[i];
		p->vol = volume_mount(&p->disk, parts[i].start, parts[i].len, false);
		if (p->vol && volume_exists(p->vol, SYSTEM)) {
			if (!writable)
				return true;
			/* Whatever state it is in: that is what this is for. */
			volume_forget_logfile(p->vol);
			volume_unmount(p->vol);
			p->vol = volume_mount(&p->disk, parts[i].start, parts[i].len, true);
			return p->vol != NULL;
		}
		volume_unmount(p->vol);
		p->vol = NULL;
	}
	return false;
}

static void load(struct peek *p)
{
	p->files.primary = volume_read(p->vol, SYSTEM);
	p->files.log1 = volume_read(p->vol, SYSTEM ".LOG1");
	p->files.log2 = volume_read(p->vol, SYSTEM ".LOG2");
	p->dirty = hivelog_dirty(&p->files.primary);
	p->replayed = hivelog_replay(&p->files);
	p->sys = p->replayed < 0 ? NULL : hive_open(&p->files.primary);
}

static hkey key_of(struct peek *p, const char *path, bool make)
{
	hkey from = hive_root(p->sys);
	char set[32];

	if (starts(path, "CS\\")) {
		hkey select = hive_find(p->sys, from, "Select");

		snprintf(set, sizeof(set), "ControlSet%03u",
			 hive_u32(p->sys, select, "Default", 1));
		from = hive_find(p->sys, from, set);
		path += 3;
	}
	return make ? hive_make(p->sys, from, path) : hive_find(p->sys, from, path);
}

static int get(struct peek *p, hkey key, const char *name)
{
	struct bytes b = { 0 };
	uint32_t type = 0;
	char *text;

	if (!hive_get(p->sys, key, name, &type, &b))
		return 1;
	text = hive_text(p->sys, key, name);
	if (text)
		printf("%s\n", text);
	else if (type == REG_DWORD && b.len == 4)
		printf("%u\n", get32(b.data));
	else if ((type & 0xffff) == PROPERTY_STRING && type > HIVE_PROPERTY)
		printf("%s\n", text = utf16_get(b.data, b.len));
	else if (b.len == 8)
		printf("%llu\n", (unsigned long long)get64(b.data));
	else
		for (size_t i = 0; i < b.len; i++)
			printf("%02x%s", b.data[i], i + 1 == b.len ? "\n" : "");
	free(text);
	bytes_free(&b);
	return 0;
}

static int look(struct peek *p, const char *what, const char *key, const char *name)
{
	hkey k;

	if (same(what, "cat")) {
		struct bytes b = volume_read(p->vol, key);

		return !b.data || fwrite(b.data, 1, b.len, stdout) != b.len;
	}
	load(p);
	if (same(what, "state")) {
		printf("logfile=%s flags=%04x hive=%s replayed=%d\n",
		       logfile_name(volume_logfile(p->vol)), volume_flags(p->vol),
		       p->dirty ? "dirty" : "clean", p->replayed);
		return 0;
	}
	k = p->sys ? key_of(p, key, false) : 0;
	if (!k)
		return 1;
	if (same(what, "get"))
		return get(p, k, name);
	if (same(what, "time"))
		return printf("%llu\n", (unsigned long long)hive_time(p->sys, k)) < 0;
	for (hkey *list = hive_children(p->sys, k); *list; list++)
		printf("%s\n", hive_name(p->sys, *list));
	return 0;
}

static int change(struct peek *p, const char *what, char **args, int n)
{
	struct bytes b;
	uint32_t seq;

	if (same(what, "put") && n == 2) {
		b = read_file(args[1]);
		if (!b.data)
			return 1;
		volume_write(p->vol, args[0], b.data, b.len);
		return 0;
	}
	load(p);
	if (!p->sys)
		return 1;
	seq = hivelog_seq2(&p->files.primary) + 1;
	if (same(what, "set") && n == 3)
		hive_set_u32(p->sys, key_of(p, args[0], true), args[1],
			     (uint32_t)strtoul(args[2], NULL, 0));
	else
		hive_delete(p->sys, key_of(p, args[0], false));
	b = hive_save(p->sys);
	hivelog_stamp(&b, seq, seq, filetime_now());
	volume_write(p->vol, SYSTEM, b.data, b.len);
	return 0;
}

int main(int argc, char **argv)
{
	struct peek p = { .replayed = 0 };
	const char *what = argc > 2 ? argv[2] : "";
	bool writes = same(what, "set") || same(what, "delete") || same(what, "put");
	int status;

	if (argc < 3 || (argc < 4 && !same(what, "state")))
		die("usage: ntpeek DISK get|keys|time|cat|state|set|delete|put ...");
	base_quiet = true;
	if (!nbd_client_open(&p.disk, argv[1]))
		die("ntpeek: %s can't be opened", argv[1]);
	if (writes)
		disk_make_writable(&p.disk, argv[1]);
	if (!find_system(&p, writes))
		die("ntpeek: no Windows there");
	if (!writes)
		return look(&p, what, argc > 3 ? argv[3] : "", argc > 4 ? argv[4] : "");
	status = change(&p, what, argv + 3, argc - 3);
	volume_set_logfile(p.vol, LOGFILE_CLEAN);
	volume_unmount(p.vol);
	disk_commit(&p.disk);
	return status;
}
