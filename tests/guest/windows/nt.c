/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nt.c - from power-on to power-off, in order; and what is written to the disk when */

#include "nt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENT_LOG "Windows/System32/winevt/Logs/System.evtx"
#define EVENT_LOG_SIZE 65536u
#define POLL_MS_8 30000u	/* of the boot partition, when the registry is silent */

/* ---- options ---- */

const char *option(const struct options *o, const char *name, const char *otherwise)
{
	size_t len = strlen(name);

	for (size_t i = o->n; i-- > 0;)
		if (!strncmp(o->word[i], name, len) && o->word[i][len] == '=')
			return o->word[i] + len + 1;
	return otherwise;
}

unsigned option_number(const struct options *o, const char *name, unsigned otherwise)
{
	const char *s = option(o, name, NULL);

	return s ? (unsigned)strtoul(s, NULL, 10) : otherwise;
}

bool option_is(const struct options *o, const char *name, const char *value)
{
	return !strcmp(option(o, name, ""), value);
}

/* ---- the registry on disk ---- */

static void registry_read(struct nt *nt)
{
	nt->files.primary = volume_read(nt->vol, CONFIG "SYSTEM");
	nt->files.log1 = volume_read(nt->vol, CONFIG "SYSTEM.LOG1");
	nt->files.log2 = volume_read(nt->vol, CONFIG "SYSTEM.LOG2");
}

static bool registry_open(struct nt *nt)
{
	bool dirty = nt->files.primary.len < 512 || hivelog_dirty(&nt->files.primary);
	int replayed = hivelog_replay(&nt->files);

	fact("hive state=%s replayed=%d", dirty ? "dirty" : "clean", replayed);
	if (replayed < 0 || (dirty && !replayed &&
			     !option_is(nt->options, "dirty", "taken")))
		return false;
	nt->sys = hive_open(&nt->files.primary);
	if (!nt->sys)
		return false;
	nt->seq = hivelog_seq2(&nt->files.primary);
	if (get32(nt->files.primary.data + 4) > nt->seq)
		nt->seq = get32(nt->files.primary.data + 4);
	nt->shown = bytes_copy(nt->files.primary.data, nt->files.primary.len);
	return true;
}

static void registry_whole(struct nt *nt, struct bytes *now)
{
	nt->seq++;
	hivelog_stamp(now, nt->seq, nt->seq, filetime_now());
	volume_write(nt->vol, CONFIG "SYSTEM", now->data, now->len);
	bytes_free(&nt->files.primary);
	nt->files.primary = bytes_copy(now->data, now->len);
	bytes_free(&nt->files.log1);
}

/* 8.1 and later: changes go to the log; the primary stays as it was, but for a
 * header that says so. */
static void registry_log(struct nt *nt, const struct bytes *now)
{
	struct bytes *primary = &nt->files.primary;

	if (!hivelog_dirty(primary)) {
		bytes_free(&nt->files.log1);
		hivelog_stamp(primary, nt->seq + 1, nt->seq, filetime_now());
		volume_write(nt->vol, CONFIG "SYSTEM", primary->data, primary->len);
	}
	hivelog_append(&nt->files.log1, &nt->shown, now, ++nt->seq);
	volume_write(nt->vol, CONFIG "SYSTEM.LOG1", nt->files.log1.data,
		     nt->files.log1.len);
}

/* Before that: caught between the log and the primary. */
static void registry_old_log(struct nt *nt, const struct bytes *now)
{
	struct bytes *primary = &nt->files.primary;
	uint64_t when = filetime_now();
	uint32_t seq = hivelog_seq2(primary);

	bytes_free(&nt->files.log1);
	nt->files.log1 = hivelog_old(primary, now, seq + 1, when);
	hivelog_stamp(primary, seq + 1, seq, when);
	volume_write(nt->vol, CONFIG "SYSTEM", primary->data, primary->len);
	volume_write(nt->vol, CONFIG "SYSTEM.LOG1", nt->files.log1.data,
		     nt->files.log1.len);
	nt->seq = seq + 1;
}

static void registry_write(struct nt *nt, bool running)
{
	const char *how = option(nt->options, "hive",
				 nt->win.new_logs ? "logged" : "flushed");
	struct bytes now = hive_save(nt->sys);

	if (!running || !strcmp(how, "flushed"))
		registry_whole(nt, &now);
	else if (nt->win.new_logs)
		registry_log(nt, &now);
	else
		registry_old_log(nt, &now);
	bytes_free(&nt->shown);
	nt->shown = now;
}

/* ---- the volume ---- */

void nt_flush(struct nt *nt, enum flush how)
{
	static const enum logfile states[] = {
		[FLUSH_RUNNING] = LOGFILE_IN_USE, [FLUSH_CLOSED] = LOGFILE_CLEAN,
		[FLUSH_HIBERNATED] = LOGFILE_CACHED,
	};

	registry_write(nt, how == FLUSH_RUNNING);
	session_seal(nt->vol, how == FLUSH_RUNNING);
	volume_set_logfile(nt->vol, states[how]);
	/* Unmounting is what makes libntfs-3g write all that it holds; and
	 * mounting makes it forget $LogFile, so only while running. */
	volume_unmount(nt->vol);
	nt->vol = NULL;
	disk_commit(&nt->disk);
	if (how != FLUSH_RUNNING)
		return;
	nt->vol = volume_mount(&nt->disk, nt->part.start, nt->part.len, true);
	if (!nt->vol)
		die("nt: the volume can't be mounted again");
	volume_set_logfile(nt->vol, LOGFILE_IN_USE);
}

static void go_writable(struct nt *nt)
{
	volume_forget_logfile(nt->vol);
	volume_unmount(nt->vol);
	disk_make_writable(&nt->disk, nt->path);
	nt->vol = volume_mount(&nt->disk, nt->part.start, nt->part.len, true);
	if (!nt->vol)
		die("nt: the volume can't be mounted for writing");
	volume_set_logfile(nt->vol, LOGFILE_IN_USE);
}

/* ---- which Windows ---- */

static char *software_text(struct nt *nt, const char *name)
{
	struct bytes b = volume_read(nt->vol, CONFIG "SOFTWARE");
	struct hive *h = b.len ? hive_open(&b) : NULL;
	char *s = NULL;

	if (h)
		s = hive_text(h, hive_find(h, hive_root(h),
					   "Microsoft\\Windows NT\\CurrentVersion"),
			      name);
	hive_close(h);
	bytes_free(&b);
	return s;
}

static bool windows_look(struct nt *nt)
{
	struct bytes kernel = volume_read_head(nt->vol,
					       "Windows/System32/ntoskrnl.exe", 4096);
	char *kind = software_text(nt, "InstallationType");
	char *build = software_text(nt, "CurrentBuildNumber");
	unsigned version = 0;
	bool is_signed;

	nt->win.pe_machine = pe_machine(&kernel, &version, &is_signed);
	nt->win.major = version >> 8;
	nt->win.minor = version & 0xff;
	nt->win.modern = hive_find(nt->sys, hive_root(nt->sys), "DriverDatabase") != 0;
	nt->win.new_logs = version >= 0x603;
	nt->win.client = kind && same(kind, "Client");
	fact("windows version=%u.%u build=%s kind=%s machine=%04x database=%s",
	     nt->win.major, nt->win.minor, build ? build : "?", kind ? kind : "?",
	     nt->win.pe_machine, nt->win.modern ? "ddb" : "cdd");
	bytes_free(&kernel);
	free(kind);
	free(build);
	return nt->win.pe_machine != 0;
}

bool nt_open(struct nt *nt, const char *path)
{
	struct partition parts[16];
	size_t n;

	if (!nbd_client_open(&nt->disk, path))
		return false;
	nt->path = xstrdup(path);
	n = disk_partitions(&nt->disk, parts, COUNT(parts));
	for (size_t i = 0; i < n; i++) {
		if (strcmp(parts[i].kind, "ntfs") != 0)
			continue;
		nt->part = parts[i];
		nt->vol = volume_mount(&nt->disk, parts[i].start, parts[i].len, false);
		if (nt->vol && volume_exists(nt->vol, CONFIG "SYSTEM"))
			return true;
		volume_unmount(nt->vol);
		nt->vol = NULL;
	}
	nbd_client_close(&nt->disk);
	free(nt->path);
	nt->path = NULL;
	return false;
}

void nt_close(struct nt *nt)
{
	volume_unmount(nt->vol);
	hive_close(nt->sys);
	nbd_client_close(&nt->disk);
	bytes_free(&nt->files.primary);
	bytes_free(&nt->files.log1);
	bytes_free(&nt->files.log2);
	bytes_free(&nt->shown);
	free(nt->drivers.d);
	free(nt->path);
	*nt = (struct nt){ .disk.fd = -1 };
}

/* ---- boot ---- */

/* The clock as the kernel reads it before anything has set it. */
static uint64_t early_time(struct nt *nt)
{
	hkey zone = hive_find(nt->sys, nt->set, "Control\\TimeZoneInformation");
	int32_t bias = (int32_t)hive_u32(nt->sys, zone, "ActiveTimeBias", 0);

	if (hive_u32(nt->sys, zone, "RealTimeIsUniversal", 0))
		bias = 0;
	return filetime_now() + (uint64_t)((int64_t)bias * 60 * (int64_t)FILETIME_SECOND);
}

static void poll_boot_partition(struct nt *nt)
{
	unsigned divide = option_number(nt->options, "poll_div", 100);
	hkey key = hive_find(nt->sys, nt->set, "Control\\PnP");
	uint32_t ms = hive_u32(nt->sys, key, "PollBootPartitionTimeout",
			       nt->win.modern ? POLL_MS_8 : 0);

	fact("poll boot-partition ms=%u divided-by=%u", ms, divide);
	if (divide)
		usleep(ms / divide * 1000);
}

static enum outcome resume(struct nt *nt)
{
	if (!loader_choose_set(nt))
		die("nt: the image has no control set");
	loader_hardware(nt);
	loader_drivers(nt);
	nt->boot_time = filetime_now();
	nt->resumed = true;
	go_writable(nt);
	hiber_woken(nt);
	nt_flush(nt, FLUSH_RUNNING);
	fact("up resumed=yes");
	return NT_UP;
}

enum outcome nt_boot(struct nt *nt)
{
	bool crash;

	fact("volume start=%llu logfile=%s flags=%04x",
	     (unsigned long long)nt->part.start, logfile_name(volume_logfile(nt->vol)),
	     volume_flags(nt->vol));
	registry_read(nt);
	if (!session_seal_good(nt->vol)) {
		fact("loader-stop why=edited-under-an-open-log");
		return NT_LOADER;
	}
	if (!registry_open(nt) || !windows_look(nt)) {
		fact("loader-stop why=registry-or-kernel");
		return NT_LOADER;
	}
	if (hiber_resume(nt, &crash))
		return resume(nt);
	if (crash) {
		fact("stop code=0x9F what=resume");
		return NT_RESUME_CRASH;
	}
	if (!loader_run(nt))
		return NT_LOADER;
	if (!pnp_boot_ready(nt)) {
		poll_boot_partition(nt);
		return NT_BUGCHECK;
	}
	nt->boot_time = early_time(nt);
	go_writable(nt);
	session_begin(nt);
	enum_bind_all(nt);
	enum_disks(nt);
	sweep_run(nt);
	nt_flush(nt, FLUSH_RUNNING);
	fact("up resumed=no");
	return NT_UP;
}

void nt_user_mode(struct nt *nt)
{
	if (!nt->resumed && !option_is(nt->options, "pnp", "off"))
		install_packages(nt);
	fact("user-mode done");
	nt_flush(nt, FLUSH_RUNNING);
}

/* The event log: one small write, in place. */
void nt_tick(struct nt *nt)
{
	struct bytes log = volume_read(nt->vol, EVENT_LOG);

	if (log.len != EVENT_LOG_SIZE) {
		bytes_free(&log);
		log = (struct bytes){ xcalloc(EVENT_LOG_SIZE, 1), EVENT_LOG_SIZE };
		memcpy(log.data, "ElfFile", 8);
	}
	put64(log.data + 4096 + 16 * (nt->ticks++ % 3840), filetime_now());
	volume_write(nt->vol, EVENT_LOG, log.data, log.len);
	bytes_free(&log);
	disk_commit(&nt->disk);
}

void nt_shutdown(struct nt *nt, bool button)
{
	bool hybrid = button && hiber_wanted(nt);

	session_end(nt, hybrid);
	if (hybrid)
		hiber_write(nt);
	nt_flush(nt, hybrid ? FLUSH_HIBERNATED : FLUSH_CLOSED);
}
