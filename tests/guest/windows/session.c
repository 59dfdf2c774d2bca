/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session.c - what a session records about itself: which machine booted when, and how the
 * session ended
 */

#include "nt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOOTSTAT "Windows/bootstat.dat"
#define BOOTSTAT_SIZE 67584
#define BOOTSTAT_SUCCEEDED 0x0a
#define BOOTSTAT_SHUTDOWN 0x0b
#define BOOTSTAT_ATTEMPTS 0x30
#define BOOTSTAT_BOOT_ID 0x34
#define BOOTSTAT_GOOD_ID 0x38
#define BOOTSTAT_SEAL (BOOTSTAT_SIZE - 8)	/* the model's own */

static struct bytes bootstat_read(struct nt *nt)
{
	struct bytes b = volume_read(nt->vol, BOOTSTAT);

	if (b.len < 64) {
		bytes_free(&b);
		b = (struct bytes){ xcalloc(BOOTSTAT_SIZE, 1), BOOTSTAT_SIZE };
		put32(b.data, 4);
		b.data[BOOTSTAT_SUCCEEDED] = b.data[BOOTSTAT_SHUTDOWN] = 1;
	}
	return b;
}

/*
 * The seal. NTFS redoes at the next mount what is in a log that was not closed,
 * over whatever somebody has changed meanwhile. The model has no such log;
 * it keeps a sum of the registry's files while a session is open, and where
 * they are others at the next boot the edit counts as torn.
 */
static uint64_t seal_of(struct volume *vol)
{
	static const char *const names[] = { CONFIG "SYSTEM", CONFIG "SYSTEM.LOG1" };
	uint64_t sum = 1;

	for (size_t i = 0; i < COUNT(names); i++) {
		struct bytes b = volume_read(vol, names[i]);

		for (size_t at = 0; at + 8 <= b.len; at += 8)
			sum = (sum ^ get64(b.data + at)) * 0x100000001b3ULL + 1;
		bytes_free(&b);
	}
	return sum ? sum : 1;
}

void session_seal(struct volume *vol, bool open)
{
	struct bytes b = volume_read(vol, BOOTSTAT);

	if (b.len == BOOTSTAT_SIZE) {
		put64(b.data + BOOTSTAT_SEAL, open ? seal_of(vol) : 0);
		volume_write(vol, BOOTSTAT, b.data, b.len);
	}
	bytes_free(&b);
}

bool session_seal_good(struct volume *vol)
{
	struct bytes b = volume_read(vol, BOOTSTAT);
	uint64_t seal = b.len == BOOTSTAT_SIZE ? get64(b.data + BOOTSTAT_SEAL) : 0;

	bytes_free(&b);
	return !seal || seal == seal_of(vol);
}

static void hardware_config(struct nt *nt)
{
	hkey all = hive_make(nt->sys, hive_root(nt->sys), "HardwareConfig"), key;
	char name[48];

	snprintf(name, sizeof(name), "{%s}", nt->machine.uuid);
	key = hive_make(nt->sys, all, name);
	hive_set_u32(nt->sys, key, "Id", nt->hardware);
	hive_set_u64(nt->sys, key, "LastUse", REG_BINARY, nt->boot_time);
	hive_set_text(nt->sys, key, "SystemManufacturer", REG_SZ, nt->machine.vendor);
	hive_set_text(nt->sys, key, "SystemProductName", REG_SZ, nt->machine.product);
	hive_set_text(nt->sys, key, "SystemBiosVersion", REG_SZ, nt->machine.bios);
	hive_set_text(nt->sys, all, "LastConfig", REG_SZ, name);
	hive_set_u32(nt->sys, all, "LastId", nt->hardware);
}

/* The registry's own flags tell of the session before: from bootstat.dat. */
static void last_boot(struct nt *nt)
{
	struct bytes stat = bootstat_read(nt);
	hkey control = hive_make(nt->sys, nt->set, "Control");
	bool clean = stat.data[BOOTSTAT_SHUTDOWN] == 1;

	hive_set_u32(nt->sys, control, "LastBootSucceeded",
		     stat.data[BOOTSTAT_SUCCEEDED]);
	hive_set_u32(nt->sys, control, "LastBootShutdown", clean);
	if (!clean)
		hive_set_u32(nt->sys, control, "DirtyShutdownCount",
			     hive_u32(nt->sys, control, "DirtyShutdownCount", 0) + 1);
	stat.data[BOOTSTAT_SUCCEEDED] = 1;
	stat.data[BOOTSTAT_SHUTDOWN] = 0;
	stat.data[BOOTSTAT_ATTEMPTS] = 0;
	put32(stat.data + BOOTSTAT_BOOT_ID, nt->boot_id);
	volume_write(nt->vol, BOOTSTAT, stat.data, stat.len);
	bytes_free(&stat);
	fact("last-session clean=%s", clean ? "yes" : "no");
}

void session_begin(struct nt *nt)
{
	hkey select = hive_make(nt->sys, hive_root(nt->sys), "Select");
	hkey prefetch = hive_make(nt->sys, nt->set, "Control\\Session Manager\\"
				  "Memory Management\\PrefetchParameters");

	nt->boot_id = hive_u32(nt->sys, prefetch, "BootId", 0) + 1;
	hive_set_u32(nt->sys, prefetch, "BootId", nt->boot_id);
	hive_set_u32(nt->sys, select, "Current",
		     hive_u32(nt->sys, select, "Default", 1));
	if (nt->win.modern)
		hardware_config(nt);
	for (size_t i = 0; i < nt->drivers.n; i++)
		if (nt->drivers.d[i].load == LOAD_YES)
			hive_touch(nt->sys, nt->drivers.d[i].key, nt->boot_time);
	last_boot(nt);
	fact("session boot-id=%u time=%llu", nt->boot_id,
	     (unsigned long long)nt->boot_time);
}

void session_end(struct nt *nt, bool hybrid)
{
	hkey key = hive_make(nt->sys, nt->set, "Control\\Windows");
	uint64_t now = filetime_now();
	struct bytes stat;

	/* Not known for a hybrid one; it is written, which is the harder case. */
	if (!hybrid || !option_is(nt->options, "hybrid_time", "no"))
		hive_set_u64(nt->sys, key, "ShutdownTime", REG_BINARY, now);
	stat = bootstat_read(nt);
	stat.data[BOOTSTAT_SHUTDOWN] = 1;
	put32(stat.data + BOOTSTAT_GOOD_ID, nt->boot_id);
	volume_write(nt->vol, BOOTSTAT, stat.data, stat.len);
	bytes_free(&stat);
	fact("shutdown kind=%s time=%llu", hybrid ? "hybrid" : "full",
	     (unsigned long long)now);
}
