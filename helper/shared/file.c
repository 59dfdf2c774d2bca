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
#include <sys/stat.h>
#include <time.h>
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

int file_replace(const char *path, const void *data, size_t len, mode_t mode,
		 struct error *err)
{
	char temporary[4096];
	AUTO_FD int fd = -1;

	if (!str_printf(temporary, sizeof(temporary), "%s.XXXXXX", path))
		return fail(err, ENAMETOOLONG, "%s: name too long", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "cannot create %s", temporary);
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

/* Seconds: no write of such a file takes that long. */
#define SWEEP_AGE 600

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

void file_replace_sweep(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	struct stat st;
	int fd;

	if (!dir)
		return;
	fd = dirfd(dir);
	while (fd >= 0 && (entry = readdir(dir)))
		if (is_temporary(entry->d_name) &&
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > SWEEP_AGE)
			unlinkat(fd, entry->d_name, 0);
	closedir(dir);
}
