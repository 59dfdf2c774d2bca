// SPDX-License-Identifier: GPL-2.0-or-later
/* file.c - whole files and folders: read, written, replaced, made durable */

#include "helper/shared/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int read_all(int fd, size_t limit, char **data, size_t *len, struct error *err)
{
	AUTO_FREE char *buf = NULL;
	size_t size = 0, used = 0;

	for (;;) {
		ssize_t n;

		if (size - used < 2) {
			size_t want = size ? size * 2 : 65536;
			char *bigger = realloc(buf, want);

			if (!bigger)
				return fail(err, ENOMEM, "out of memory");
			buf = bigger;
			size = want;
		}
		n = read(fd, buf + used, size - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(err, "cannot read");
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > limit)
			return fail(err, EFBIG, "more than %zu bytes", limit);
	}
	buf[used] = '\0';
	*data = steal(&buf);
	*len = used;
	return 0;
}

int write_all(int fd, const void *data, size_t len, struct error *err)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(err, "cannot write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int folder_sync(const char *folder, struct error *err)
{
	AUTO_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return fail_errno(err, "cannot make %s durable", folder);
	return 0;
}

static int sync_folder_of(const char *path, struct error *err)
{
	AUTO_FREE char *copy = strdup(path);

	if (!copy)
		return fail(err, ENOMEM, "out of memory");
	return folder_sync(dirname(copy), err);
}

int folder_make(const char *folder, mode_t mode, struct error *err)
{
	if (mkdir(folder, mode) == 0 && chmod(folder, mode) == 0)
		return sync_folder_of(folder, err);
	return errno == EEXIST ? 0 : fail_errno(err, "cannot create %s", folder);
}

/* It is locked while it is written, so that file_replace_sweep() leaves it. Where the file
 * system has no locks, that removes none. */
static int open_temporary(const char *path, char temporary[4096], struct error *err)
{
	struct stat st = { 0 };

	do {
		AUTO_FD int fd = -1;

		if (!str_printf(temporary, 4096, "%s.XXXXXX", path))
			return fail(err, ENAMETOOLONG, "%s: name too long", path);
		fd = mkostemp(temporary, O_CLOEXEC);
		if (fd < 0)
			return fail_errno(err, "cannot create %s", temporary);
		(void)flock(fd, LOCK_EX);
		/* Else it was swept before it was locked. */
		if (fstat(fd, &st) < 0 || st.st_nlink)
			return steal_fd(&fd);
	} while (true);
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode,
		 struct error *err)
{
	char temporary[4096];
	AUTO_FD int fd = open_temporary(path, temporary, err);

	if (fd < 0)
		return -1;
	if (fchmod(fd, mode) < 0) {
		fail_errno(err, "cannot set the mode of %s", temporary);
		goto out;
	}
	if (write_all(fd, data, len, err) < 0) {
		error_prefix(err, "%s", temporary);
		goto out;
	}
	if (fdatasync(fd) < 0) {
		fail_errno(err, "cannot sync %s", temporary);
		goto out;
	}
	if (rename(temporary, path) < 0) {
		fail_errno(err, "cannot rename %s to %s", temporary, path);
		goto out;
	}
	return sync_folder_of(path, err);
out:
	unlink(temporary);
	return -1;
}

static bool is_temporary(const char *name)
{
	size_t n = strlen(name);

	if (n < 8 || name[n - 7] != '.')
		return false;
	for (size_t i = n - 6; i < n; i++)
		if (!isalnum((unsigned char)name[i]))
			return false;
	return true;
}

/* Unless a process is still writing it. */
static void remove_temporary(int folder, const char *name)
{
	AUTO_FD int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(folder, name, 0);
}

void file_replace_sweep(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (is_temporary(entry->d_name))
			remove_temporary(dirfd(dir), entry->d_name);
	closedir(dir);
}
