// SPDX-License-Identifier: GPL-2.0-or-later
/* winfiles.c - facts about Windows from files other than hives */

#include "helper/shared/refusal.h"
#include "helper/windows/pe.h"
#include "helper/windows/windows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 4096u
#define DRIVER_LIMIT ((size_t)2 << 20)	/* VirtIO drivers have up to 300 KB */

static int root_path(const struct windows *win, const char *name,
		     char path[FACT_TEXT])
{
	return str_printf(path, FACT_TEXT, "%s/%s", win->root, name) ? 0 : -1;
}

/* 1 with the first bytes of a file; 0 if the guest has no such file or an unusual one, which
 * makes a fact unknown; -1 if the disk can't be read, which leaves everything unknown. */
static int read_head(const struct windows_files *files, const char *path, size_t want,
		     uint8_t *data, size_t *len, struct error *err)
{
	struct error why;

	if (!files->head)
		return 0;
	if (files->head(files->opaque, path, want, data, len, &why) == 0)
		return 1;
	if (why.code == ENOENT || is_refusal(why.code))
		return 0;
	if (err)
		*err = why;
	return -1;
}

static int read_kernel(struct windows *win, const struct windows_files *files,
		       struct error *err)
{
	struct fact_number *fact = &win->arch_machine;
	uint8_t head[HEAD];
	struct pe pe;
	size_t len;
	int found;

	if (root_path(win, "System32/ntoskrnl.exe", fact->from) < 0)
		return 0;
	found = read_head(files, fact->from, sizeof(head), head, &len, err);
	if (found <= 0)
		return found;
	fact->known = pe_read(head, len, false, &pe);
	fact->value = pe.machine;
	return 0;
}

/* RTL_BSD_DATA: LastBootSucceeded at 10, LastBootShutdown at 11. Its layout was not checked
 * against a real file, so the fact is never more than a hint. */
static int read_bootstat(struct windows *win, const struct windows_files *files,
			 struct error *err)
{
	struct fact_number *fact = &win->bootstat_clean;
	uint8_t head[64];
	size_t len;
	int found;

	if (root_path(win, "bootstat.dat", fact->from) < 0)
		return 0;
	found = read_head(files, fact->from, sizeof(head), head, &len, err);
	if (found <= 0 || len < 12)
		return found < 0 ? -1 : 0;
	fact->known = true;
	fact->value = head[10] == 1 && head[11] == 1;
	return 0;
}

static int read_time(const struct windows *win, const char *name,
		     const struct windows_files *files, struct fact_number *fact,
		     struct error *err)
{
	struct file_info info;
	int found;

	if (root_path(win, name, fact->from) < 0 || !files->stat)
		return 0;
	found = files->stat(files->opaque, fact->from, &info, err);
	fact->known = found == 1;
	if (found == 1)
		fact->value = info.mtime;
	return found < 0 ? -1 : 0;
}

/* ---- VirtIO drivers on board --------------------------------------------- */

static const char *const board_names[] = {
	"viostor.sys", "vioscsi.sys", "netkvm.sys", "balloon.sys", "vioser.sys",
	"viorng.sys", "viofs.sys", "vioinput.sys", "viogpudo.sys", "pvpanic.sys",
	"fwcfg.sys", "qxldod.sys",
};

static int read_board_file(struct windows *win, const char *path, uint64_t size,
			   const struct windows_files *files, struct error *err)
{
	struct board_driver *b = &win->board[win->board_count++];
	size_t want = size < DRIVER_LIMIT ? (size_t)size : DRIVER_LIMIT, len;
	AUTO_FREE uint8_t *data = malloc(want + 1);
	struct pe pe;
	int found;

	if (!data)
		return fail(err, ENOMEM, "out of memory");
	str_fits(b->path, sizeof(b->path), path);
	b->size = size;
	found = read_head(files, path, want, data, &len, err);
	if (found <= 0 || !pe_read(data, len, len == size, &pe))
		return found < 0 ? -1 : 0;
	b->machine = pe.machine;
	b->has_version = pe.has_version;
	memcpy(b->version, pe.version, sizeof(b->version));
	return 0;
}

static int read_board(struct windows *win, const struct windows_files *files,
		      struct error *err)
{
	_Static_assert(ARRAY_SIZE(board_names) <= WINDOWS_BOARD, "board");
	char path[FACT_TEXT];
	struct file_info info;

	for (size_t i = 0; files->stat && i < ARRAY_SIZE(board_names); i++) {
		int found;

		if (!str_printf(path, sizeof(path), "%s/System32/drivers/%s",
				win->root, board_names[i]))
			continue;
		found = files->stat(files->opaque, path, &info, err);
		if (found < 0)
			return -1;
		if (found && info.kind == FILE_REGULAR &&
		    read_board_file(win, path, info.size, files, err) < 0)
			return -1;
	}
	return 0;
}

int windows_read_files(struct windows *win, const struct windows_files *files,
		       struct error *err)
{
	if (read_kernel(win, files, err) < 0 || read_bootstat(win, files, err) < 0 ||
	    read_time(win, "MEMORY.DMP", files, &win->memory_dump, err) < 0 ||
	    read_time(win, "Minidump", files, &win->minidumps, err) < 0)
		return -1;
	return read_board(win, files, err);
}
