// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * winvolume.c - Windows on a volume: its hives, with their logs, and its files
 *
 * The thin layer between the pure parts and ntfs.h. Hives are opened lazily; the logs of a
 * dirty one are overlaid on what is read. Logs are read only for a dirty hive, or if SYSTEM is
 * about to be edited and needs a newer sequence number than any of their entries.
 */

#include "helper/windows/windows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One hive on the volume. */
struct hive_source {
	struct volume *vol;
	char path[FACT_TEXT];
	uint64_t size;
	uint8_t *log_data[2];
	struct hivelog_file logs[2];
};

struct owned {
	struct hive_source system, software;
};

static int source_pread(void *opaque, uint64_t off, uint8_t *buf, size_t len,
			struct error *err)
{
	const struct hive_source *s = opaque;

	return volume_pread(s->vol, s->path, off, buf, len, err);
}

static int read_log(struct hive_source *s, unsigned int i, struct error *err)
{
	char path[FACT_TEXT + 8];
	struct file_info info;
	int found;

	str_printf(path, sizeof(path), "%s.LOG%u", s->path, i + 1);
	found = volume_stat(s->vol, path, &info, err);
	if (found <= 0 || info.kind != FILE_REGULAR || !info.size)
		return found < 0 ? -1 : 0;
	if (volume_read(s->vol, path, HIVELOG_LIMIT, &s->log_data[i],
			&s->logs[i].len, err) < 0)
		return -1;
	s->logs[i].data = s->log_data[i];
	return 0;
}

static int read_logs(struct hive_source *s, struct error *err)
{
	for (unsigned int i = 0; i < 2; i++)
		if (read_log(s, i, err) < 0)
			return -1;
	return 0;
}

static bool base_dirty(const uint8_t *base)
{
	struct hive_base b;
	const char *why;

	return !hive_base_read(base, &b, &why) || b.seq1 != b.seq2;
}

/* 1: open, 0: does not exist. */
static int open_hive(struct hive_source *s, struct hive *hive,
		     struct hive_status *status, struct error *err)
{
	uint8_t base[HIVE_BASE_SIZE];
	struct file_info info;
	int found = volume_stat(s->vol, s->path, &info, err);

	if (found <= 0)
		return found;
	if (info.encrypted)
		return fail(err, REFUSE_FILE_ENCRYPTED, "encrypted");
	if (info.size < sizeof(base))
		return fail(err, REFUSE_HIVE_DAMAGED, "only %llu bytes",
			    (unsigned long long)info.size);
	s->size = info.size;
	if (volume_pread(s->vol, s->path, 0, base, sizeof(base), err) < 0)
		return -1;
	if (base_dirty(base) && read_logs(s, err) < 0)
		return -1;
	if (hivelog_read(base, s->size, s->logs, &status->log, err) < 0 ||
	    hive_open_lazy(hive, s->size, source_pread, s, &status->log,
			   err) < 0)
		return -1;
	status->there = true;
	status->size = status->log.size;
	status->minor = get_le32(status->log.base + 24);
	return 1;
}

/* An estimate that costs a few reads and saves reading the whole hive. Its errors are ignored:
 * whoever edits then has the hive read. */
static bool boots(const struct hive *h, const char *service)
{
	struct hive_key root, key;
	char path[FACT_FROM];
	uint32_t number;

	return *service && hive_root(h, &root, NULL) == 0 &&
	       hive_find(h, &root, "Select", &key, NULL) == 1 &&
	       hive_get_dword(h, &key, "Current", &number, NULL) == 1 &&
	       str_printf(path, sizeof(path), "ControlSet%03u\\Services\\%s", number, service) &&
	       hive_find(h, &root, path, &key, NULL) == 1 &&
	       hive_get_dword(h, &key, "Start", &number, NULL) == 1 && number == 0;
}

/* Functions that read files name them in their errors; functions that parse them do not. */
static int name_once(const char *path, struct error *err)
{
	return err && strstr(err->msg, path) ? -1 : error_prefix(err, "%s", path);
}

static int open_hives(struct windows *win, struct owned *owned, const char *editing,
		      struct error *err)
{
	struct hive_source *s = &owned->system;
	int found;

	str_printf(s->path, sizeof(s->path), "%s/System32/config/SYSTEM",
		   win->root);
	found = open_hive(s, &win->system, &win->system_status, err);
	if (found <= 0)
		return found < 0 ? name_once(s->path, err)
			: fail(err, REFUSE_NO_WINDOWS, "%s does not exist",
			       s->path);
	if (editing && !boots(&win->system, editing) && hive_load_all(&win->system, err) < 0)
		return name_once(s->path, err);
	s = &owned->software;
	str_printf(s->path, sizeof(s->path), "%s/System32/config/SOFTWARE",
		   win->root);
	if (open_hive(s, &win->software, &win->software_status, err) < 0)
		return name_once(s->path, err);
	return 0;
}

static int files_stat(void *opaque, const char *path, struct file_info *info,
		      struct error *err)
{
	return volume_stat(opaque, path, info, err);
}

static int files_head(void *opaque, const char *path, size_t want, uint8_t *data,
		      size_t *len, struct error *err)
{
	return volume_read_head(opaque, path, want, data, len, err);
}

int windows_inspect(struct volume *vol, const char *root, const char *editing,
		    struct windows **out, struct error *err)
{
	struct windows_files files = { files_stat, files_head, vol };
	struct windows *win = calloc(1, sizeof(*win));
	struct owned *owned = calloc(1, sizeof(*owned));

	if (!win || !owned || !str_fits(win->root, sizeof(win->root), root)) {
		free(win);
		free(owned);
		return fail(err, ENOMEM, "out of memory");
	}
	win->owned = owned;
	owned->system.vol = owned->software.vol = vol;
	if (open_hives(win, owned, editing, err) < 0 ||
	    windows_from_hives(win, &files, err) < 0) {
		windows_free(win);
		return -1;
	}
	*out = win;
	return 0;
}

static void free_source(struct hive_source *s)
{
	free(s->log_data[0]);
	free(s->log_data[1]);
}

void windows_free(struct windows *win)
{
	struct owned *owned = win ? win->owned : NULL;

	if (!win)
		return;
	hive_close(&win->system);
	hive_close(&win->software);
	hivelog_free(&win->system_status.log);
	hivelog_free(&win->software_status.log);
	if (owned) {
		free_source(&owned->system);
		free_source(&owned->software);
	}
	free(owned);
	free(win->services);
	free(win);
}

/* Only the newest sequence number is needed: a clean hive's logs are not replayed, whatever
 * they contain. */
static int read_newest(struct hive_source *s, struct hive_status *status,
		       struct error *err)
{
	struct hivelog log;

	if (status->log.dirty)	/* read already */
		return 0;
	if (read_logs(s, err) < 0 ||
	    hivelog_read(status->log.base, s->size, s->logs, &log, err) < 0)
		return -1;
	status->log.newest_seq = log.newest_seq;
	hivelog_free(&log);
	return 0;
}

int windows_load_system(struct windows *win, struct error *err)
{
	struct owned *owned = win->owned;
	struct hive_source *s = &owned->system;

	if (read_newest(s, &win->system_status, err) < 0 ||
	    hive_load_all(&win->system, err) < 0)
		return error_prefix(err, "%s", s->path);
	return 0;
}

int windows_read_system(const struct windows *win, struct hive_memory *memory,
			struct error *err)
{
	struct owned *owned = win->owned;
	struct hive_source *s = &owned->system;

	if (hive_memory_new(memory, NULL, (size_t)s->size, err) < 0)
		return -1;
	if (source_pread(s, 0, memory->data, memory->len, err) < 0) {
		hive_memory_free(memory);
		return error_prefix(err, "%s", s->path);
	}
	return 0;
}
