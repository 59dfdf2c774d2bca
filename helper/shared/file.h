/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file.h - whole files and folders: read, written, replaced, made durable
 */
#ifndef BUSFLIP_FILE_H
#define BUSFLIP_FILE_H

#include <dirent.h>
#include <string.h>

#include "helper/shared/base.h"

/*
 * read_all() - read everything from @fd to its end, into one allocation followed by a NUL. More
 * than @limit bytes is EFBIG. The caller frees *data.
 */
int read_all(int fd, size_t limit, char **data, size_t *len, struct error *err);

/* write_all() - write all @len bytes, continuing after EINTR and short writes. */
int write_all(int fd, const void *data, size_t len, struct error *err);

/*
 * file_replace() - make @path contain the @len bytes of @data, or leave it as it was: writes a
 * temporary file beside it, fdatasync, rename, fsync of the folder.
 */
int file_replace(const char *path, const void *data, size_t len, mode_t mode,
		 struct error *err);

/* folder_sync() - make the names in @folder durable. */
int folder_sync(const char *folder, struct error *err);

/* folder_make() - create it unless it exists, and make its name in its parent durable. */
int folder_make(const char *folder, mode_t mode, struct error *err);

/*
 * file_replace_sweep() - remove from @folder the files that a killed file_replace() left
 * behind: those whose names end with a dot and six characters, and that no process has locked
 * to write them.
 */
void file_replace_sweep(const char *folder);

/* The folder with the journals of unfinished patches (hook/recovery/journal.h). */
#define JOURNAL_FOLDER BUSFLIP_STATEDIR "/journal"
#define JOURNAL_SUFFIX ".journal"

/*
 * any_journal() - true if there is one. Ignores temporary files that were never complete:
 * HASH.journal.XXXXXX. Inline, because hook/front.c is linked with libc only.
 */
static inline bool any_journal(void)
{
	DIR *folder = opendir(JOURNAL_FOLDER);
	const struct dirent *entry = NULL;

	while (folder && (entry = readdir(folder)) &&
	       strcmp(strchrnul(entry->d_name, '.'), JOURNAL_SUFFIX) != 0)
		;
	if (folder)
		closedir(folder);
	return entry;
}

#endif
