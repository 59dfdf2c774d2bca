/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file.h - whole files and folders: read, written, replaced, made durable
 */
#ifndef BUSFLIP_FILE_H
#define BUSFLIP_FILE_H

#include "helper/shared/base.h"

/*
 * read_all() - everything from @fd to its end, into one allocation with a NUL
 * behind it. More than @limit bytes is EFBIG. *data is the caller's to free.
 */
int read_all(int fd, size_t limit, char **data, size_t *len, struct error *err);

/* write_all() - all @len bytes, going on after EINTR and short writes. */
int write_all(int fd, const void *data, size_t len, struct error *err);

/*
 * file_replace() - make @path hold @len bytes of @data or leave it as it was:
 * writes a temporary file beside it, fdatasync, rename, fsync of the folder.
 */
int file_replace(const char *path, const void *data, size_t len, mode_t mode,
		 struct error *err);

/* folder_sync() - make durable which names are in @folder. */
int folder_sync(const char *folder, struct error *err);

/* folder_make() - unless it exists, make it, and its name in its parent durable. */
int folder_make(const char *folder, mode_t mode, struct error *err);

/*
 * file_replace_sweep() - remove from @folder what file_replace() leaves behind when
 * it is killed in the middle: files with a dot and six characters at the end of their
 * names, once they are ten minutes old, so that nobody is still writing them.
 */
void file_replace_sweep(const char *folder);

#endif
