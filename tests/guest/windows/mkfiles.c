/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mkfiles.c - the files on the guest's system volume besides its registry */

#include "mk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PE_SIZE 4608u

struct bytes mk_pe(uint16_t machine, unsigned major, unsigned minor, const char *what)
{
	struct bytes b = { xcalloc(PE_SIZE, 1), PE_SIZE };
	uint8_t *pe = b.data + 0x80, *opt = pe + 24;
	bool wide = machine == MACHINE_AMD64;

	memcpy(b.data, "MZ", 2);
	put32(b.data + 60, 0x80);
	memcpy(pe, "PE\0", 4);
	put16(pe + 4, machine);
	put16(pe + 20, wide ? 240 : 224);
	put16(pe + 22, wide ? 0x22 : 0x102);
	put16(opt, wide ? 0x20b : 0x10b);
	put32(opt + 32, 0x1000);
	put32(opt + 36, 0x200);
	put16(opt + 40, major);
	put16(opt + 42, minor);
	put16(opt + 48, major);
	put16(opt + 50, minor);
	put32(opt + 56, 0x2000);
	put32(opt + 60, 0x200);
	put16(opt + 68, 1);
	put32(opt + (wide ? 108 : 92), 16);
	/* The certificate table, as the only sign of a signature */
	put32(opt + (wide ? 112 : 96) + 4 * 8, 4096);
	put32(opt + (wide ? 112 : 96) + 4 * 8 + 4, 512);
	snprintf((char *)b.data + 0x400, 256, "busflip test stub: %s", what);
	return b;
}

void mk_driver_file(struct mk *mk, const char *name, uint16_t machine)
{
	struct bytes b = mk_pe(machine, mk->gen->major, mk->gen->minor, name);
	char *path = xasprintf("Windows/System32/drivers/%s.sys", name);

	volume_write(mk->vol, path, b.data, b.len);
	bytes_free(&b);
	free(path);
}

static void registry_files(struct mk *mk)
{
	struct bytes soft = mk_software(mk), system = hive_save(mk->sys), before, log = { 0 };
	const char *state = option(&mk->options, "hive", "clean");
	uint32_t seq = 205;

	volume_write(mk->vol, CONFIG "SOFTWARE", soft.data, soft.len);
	bytes_free(&soft);
	before = bytes_copy(system.data, system.len);
	if (same(state, "clean")) {
		hivelog_stamp(&system, seq, seq, mk->last_off);
		volume_write(mk->vol, CONFIG "SYSTEM", system.data, system.len);
	} else {
		/* What the last session changed is in the log only: a key, and
		 * its BootId. */
		hkey key = hive_find(mk->sys, mk->set, "Control\\Session Manager\\"
				     "Memory Management\\PrefetchParameters");
		struct bytes now;

		hive_set_u32(mk->sys, key, "BootId", 42);
		hive_set_u32(mk->sys, hive_make(mk->sys, hive_root(mk->sys),
						"Setup\\OnlyInLog"), "Value", 1);
		now = hive_save(mk->sys);
		hivelog_stamp(&before, seq + 1, seq, mk->last_use);
		if (mk->gen->build >= 9600)
			hivelog_append(&log, &before, &now, seq + 1);
		else
			log = hivelog_old(&before, &now, seq + 1, mk->last_use);
		volume_write(mk->vol, CONFIG "SYSTEM", before.data, before.len);
		if (same(state, "dirty"))
			volume_write(mk->vol, CONFIG "SYSTEM.LOG1", log.data, log.len);
		bytes_free(&now);
	}
	if (!volume_exists(mk->vol, CONFIG "SYSTEM.LOG1"))
		volume_write(mk->vol, CONFIG "SYSTEM.LOG1", "", 0);
	volume_write(mk->vol, CONFIG "SYSTEM.LOG2", "", 0);
	bytes_free(&log);
	bytes_free(&before);
	bytes_free(&system);
}

static void hiberfil(struct mk *mk)
{
	const char *kind = option(&mk->options, "hiberfil", "none");
	uint8_t page[8192] = { 0 };

	if (same(kind, "none"))
		return;
	if (!same(kind, "zero"))
		for (size_t i = 0; i < 4 && kind[i]; i++)
			page[i] = (uint8_t)(kind[i] >= 'a' && kind[i] <= 'z' ?
					    kind[i] - 'a' + 'A' : kind[i]);
	volume_write(mk->vol, "hiberfil.sys", page, sizeof(page));
}

static void bootstat(struct mk *mk)
{
	uint8_t *b = xcalloc(67584, 1);

	put32(b, 4);
	b[0x0a] = 1;
	b[0x0b] = !option_is(&mk->options, "session", "crashed");
	put32(b + 0x34, 41);
	put32(b + 0x38, b[0x0b] ? 41 : 40);
	volume_write(mk->vol, "Windows/bootstat.dat", b, 67584);
	free(b);
}

void mk_files(struct mk *mk)
{
	static const char *const folders[] = {
		"Program Files", "Users/Public", "Windows/INF", "Windows/System32/drivers",
		"Windows/System32/DriverStore/FileRepository", "Windows/Minidump",
		"Windows/System32/CatRoot", "Windows/Temp",
	};
	static const char *const programs[] = { "ntoskrnl.exe", "cmd.exe", "winload.exe",
						"winload.efi", "kernel32.dll" };
	uint8_t *log = xcalloc(65536, 1);

	for (size_t i = 0; i < COUNT(folders); i++)
		volume_mkdir(mk->vol, folders[i]);
	for (size_t i = 0; i < COUNT(programs); i++) {
		struct bytes b = mk_pe(mk->pe, mk->gen->major, mk->gen->minor, programs[i]);
		char *path = xasprintf("Windows/System32/%s", programs[i]);

		volume_write(mk->vol, path, b.data, b.len);
		bytes_free(&b);
		free(path);
	}
	memcpy(log, "ElfFile", 8);
	volume_write(mk->vol, "Windows/System32/winevt/Logs/System.evtx", log, 65536);
	free(log);
	bootstat(mk);
	hiberfil(mk);
	registry_files(mk);
}
