// SPDX-License-Identifier: GPL-2.0-or-later
/* backup.c - backups of the hives from before each patch, on the host */

#include "hook/recovery/backup-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/refusal.h"
#include "hook/recovery/sha256.h"

/* Bytes written at a time. The helper may send a lot, and the host's disk may be slow; before
 * each piece the remaining time is checked. */
#define PIECE ((off_t)4 << 20)

static const struct {
	const char *name;
	enum job_section section;
} files[] = {
	{ "SYSTEM", JOB_SECTION_COUNT },	/* stored in a file of its own */
	{ "SYSTEM.LOG1", JOB_SECTION_LOG1 },
	{ "SYSTEM.LOG2", JOB_SECTION_LOG2 },
};

int backup_folder(const char *state, const char *key, const char *image,
		  char *out, size_t size, struct error *err)
{
	char sum[SHA256_TEXT];

	sha256_text(image, strlen(image), sum);
	if (key ? !str_printf(out, size, "%s/%s", state, key)
		: !str_printf(out, size, "%s/image-%s", state, sum))
		return fail(err, ENAMETOOLONG, "%s: name too long", state);
	return 0;
}

/* All that is finished, and at least one. */
static bool is_all_of(const char *folder, const char *image)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, backup_is_finished, alphasort);
	char its[4096];
	bool all = n > 0;

	for (int i = 0; i < n; i++) {
		all = all && backup_read_image(folder, list[i]->d_name, its) &&
		      strcmp(its, image) == 0;
		free(list[i]);
	}
	free(list);
	return all;
}

void backup_rename_old(const char *state, const char *image)
{
	char old[4096], new[4096];

	if (!str_printf(old, sizeof(old), "%s/image-%016llx", state,
			(unsigned long long)str_hash(image)) ||
	    backup_folder(state, NULL, image, new, sizeof(new), NULL) < 0 ||
	    !is_all_of(old, image))
		return;
	if (renameat2(AT_FDCWD, old, AT_FDCWD, new, RENAME_NOREPLACE) == 0)
		folder_sync(state, NULL);
}

static int no_room(struct error *err)
{
	if (err && (err->code == ENOSPC || err->code == EDQUOT))
		err->code = REFUSE_HOST_SPACE;
	return error_prefix(err, "backup of the hive");
}

/* Begin to write back without waiting: syncing it later together with the rest then takes
 * little longer than one file. */
static void start_writing(int fd)
{
	sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

/* In the form of errno. */
static bool in_time(const struct backup_work *work)
{
	if (monotonic_ms() < work->deadline)
		return true;
	errno = ETIMEDOUT;
	return false;
}

/* Copy @len bytes of the file @from, beginning at @at. The helper can shorten the file
 * meanwhile. */
static int send_bytes(int fd, int from, off_t at, off_t len, const struct backup_work *work)
{
	while (len) {
		ssize_t n = in_time(work) ? sendfile(fd, from, &at, (size_t)(len < PIECE ?
						     len : PIECE)) : -1;

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENODATA;
		if (n <= 0)
			return -1;
		len -= n;
	}
	return 0;
}

static int copy_out(int from, off_t at, off_t len, int folder, const char *name,
		    const struct backup_work *work, struct error *err)
{
	AUTO_FD int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL |
				O_CLOEXEC, 0600);

	if (fd < 0)
		return fail_errno(err, "%s", name);
	if (send_bytes(fd, from, at, len, work) < 0)
		return fail_errno(err, "%s: cannot write", name);
	start_writing(fd);
	return 0;
}

/* Like fdatasync(), which can't be interrupted once begun, and which ends the last piece. */
static int make_durable(int fd, const struct backup_work *work)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	for (off_t at = 0; st.st_size - at > PIECE; at += PIECE) {
		if (!in_time(work))
			return -1;
		/* Some file systems have no such call: the result of fdatasync() counts. */
		sync_file_range(fd, at, PIECE, SYNC_FILE_RANGE_WAIT_BEFORE |
				SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
	}
	return in_time(work) ? fdatasync(fd) : -1;
}

static int sync_file(int folder, const char *name, const struct backup_work *work,
		     struct error *err)
{
	AUTO_FD int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || make_durable(fd, work) < 0)
		return fail_errno(err, "%s: cannot make it durable", name);
	return 0;
}

static int store_info(int folder, const struct backup_source *s,
		      struct error *err)
{
	AUTO_FD int fd = openat(folder, BACKUP_INFO, O_WRONLY | O_CREAT | O_EXCL |
				O_CLOEXEC, 0600);
	struct backup info = { .patched = s->reply->patched, .kept_size = s->reply->kept,
			       .partition = s->reply->partition };
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	FILE *out;

	if (fd < 0)
		return fail_errno(err, BACKUP_INFO);
	out = open_memstream(&text, &len);
	if (!out)
		return fail_errno(err, BACKUP_INFO);
	str_fits(info.hive_path, sizeof(info.hive_path), s->reply->hive_path);
	record_format(backup_fields, BACKUP_FIELDS, &info, '=', out);
	fprintf(out, "image=%s\n", s->image);
	if (fclose(out) != 0)
		return fail_errno(err, BACKUP_INFO);
	if (len >= BACKUP_INFO_LIMIT)
		return fail(err, ENAMETOOLONG, BACKUP_INFO ": %s: name too long", s->image);
	if (write_all(fd, text, len, err) < 0)
		return error_prefix(err, BACKUP_INFO);
	start_writing(fd);
	return 0;
}

static int sync_all(int folder, struct backup_work *work, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (sync_file(folder, files[i].name, work, err) < 0)
			return -1;
	if (sync_file(folder, BACKUP_INFO, work, err) < 0)
		return -1;
	return in_time(work) && fsync(folder) == 0 ? 0 :
		fail_errno(err, "cannot make its folder durable");
}

static int store_rest(int folder, const struct backup_source *s,
		      const struct backup_work *work, struct error *err)
{
	for (size_t i = 1; i < ARRAY_SIZE(files); i++) {
		struct job_bytes bytes = s->reply->section[files[i].section];

		if (bytes.data &&
		    copy_out(s->fd, bytes.data - s->base, (off_t)bytes.len, folder,
			     files[i].name, work, err) < 0)
			return -1;
	}
	return store_info(folder, s, err);
}

static void remove_backup(const char *folder, const char *name)
{
	char path[4096 + 300], file[sizeof(path) + 32], old[sizeof(path)];

	if (!str_printf(path, sizeof(path), "%s/%s", folder, name))
		return;
	/* Make it invisible in one step: undo would fail on half a backup. */
	memcpy(old, path, sizeof(old));
	if (*name != '.' &&
	    (!str_printf(path, sizeof(path), "%s/.new-%s", folder, name) ||
	     rename(old, path) < 0))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (str_printf(file, sizeof(file), "%s/%s", path,
			       files[i].name))
			unlink(file);
	if (str_printf(file, sizeof(file), "%s/" BACKUP_INFO, path))
		unlink(file);
	/* Of a former busflip. */
	if (str_printf(file, sizeof(file), "%s/edits", path))
		unlink(file);
	rmdir(path);
}

/* Left by a process that was killed, since this one holds the image's lock. */
static int is_unfinished(const struct dirent *e)
{
	return !strncmp(e->d_name, ".new-", 5);
}

static void remove_those(const char *folder, int (*which)(const struct dirent *))
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, which, alphasort);

	for (int i = 0; i < n; i++) {
		remove_backup(folder, list[i]->d_name);
		free(list[i]);
	}
	free(list);
}

/* The time, so that names sort by it, also within a second. */
static void name_now(char name[BACKUP_NAME])
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	snprintf(name, BACKUP_NAME, "%04d%02d%02dT%02d%02d%02d.%06ldZ", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000);
}

/* Count it up, as one number with signs between its digits. False: there is no higher one. */
static bool count_up(char *name)
{
	for (char *p = name + strlen(name); p-- > name; ) {
		if (*p >= '0' && *p < '9') {
			++*p;
			return true;
		}
		if (*p == '9')
			*p = '0';
	}
	return false;
}

/*
 * Undo and prune go by the order of names, and the clock may have been set back: then the name
 * is the one after the newest of all disks, since an image has backups in several folders.
 */
static int name_next(const char *folder, char *out, size_t size, struct error *err)
{
	char state[4096], name[BACKUP_NAME], newest[BACKUP_NAME] = "", *slash;

	if (!str_fits(state, sizeof(state), folder) || !(slash = strrchr(state, '/')))
		return fail(err, ENAMETOOLONG, "%s: name too long", folder);
	*slash = '\0';
	name_now(name);
	backup_newest_name(state, newest);
	if (strcmp(newest, name) >= 0) {
		memcpy(name, newest, sizeof(name));
		if (!count_up(name))
			return fail(err, EOVERFLOW, "no name sorts after %s, which a folder in %s "
				    "has: move that folder away", newest, state);
	}
	if (!str_printf(out, size, "%s/%s", folder, name))
		return fail(err, ENAMETOOLONG, "%s: name too long", folder);
	return 0;
}

int backup_begin(const char *folder, int hive, int64_t deadline, struct backup_work *work,
		 struct error *err)
{
	AUTO_FD int fd = -1;
	struct stat st;

	work->finished[0] = '\0';
	work->kept = 0;
	work->deadline = deadline;
	if (folder_make(folder, 0700, err) < 0)
		return no_room(err);
	remove_those(folder, is_unfinished);
	if (!str_printf(work->path, sizeof(work->path), "%s/.new-XXXXXX",
			folder))
		return fail(err, ENAMETOOLONG, "%s: name too long", folder);
	if (!mkdtemp(work->path)) {
		work->path[0] = '\0';
		fail_errno(err, "cannot create a folder in %s", folder);
		return no_room(err);
	}
	fd = open(work->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(hive, &st) < 0) {
		fail_errno(err, "%s", work->path);
	} else if (st.st_size > (off_t)JOB_HIVE_LIMIT) {
		fail(err, EFBIG, "more than %u MiB", JOB_HIVE_LIMIT >> 20);
	} else if (copy_out(hive, 0, st.st_size, fd, files[0].name, work, err) == 0) {
		work->kept = (uint64_t)st.st_size;
		return 0;
	}
	backup_abandon(folder, work);
	return no_room(err);
}

void backup_abandon(const char *folder, struct backup_work *work)
{
	if (work->path[0])
		remove_those(folder, is_unfinished);
	work->path[0] = '\0';
}

int backup_finish(const char *folder, struct backup_work *work,
		  const struct backup_source *source, struct error *err)
{
	AUTO_FD int fd = -1;
	char final[4096];

	if (!work->path[0] || work->kept != source->reply->kept)
		return fail(err, EPROTO, "the helper did not hand over the hive to back up");
	fd = open(work->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fail_errno(err, "%s", folder);
	} else if (store_rest(fd, source, work, err) == 0 && sync_all(fd, work, err) == 0 &&
		   name_next(folder, final, sizeof(final), err) == 0) {
		if (rename(work->path, final) == 0) {
			work->path[0] = '\0';
			memcpy(work->finished, final, sizeof(final));
			if (folder_sync(folder, err) == 0)
				return 0;
			backup_discard(final);
			work->finished[0] = '\0';
			return no_room(err);
		}
		fail_errno(err, "cannot rename %s", work->path);
	}
	backup_abandon(folder, work);
	return no_room(err);
}

/* Of the image, or of one that is gone, since that is what it was called before. */
static bool counts(const char *folder, const char *name, const char *image)
{
	char its[4096];

	return backup_read_image(folder, name, its) &&
	       (strcmp(its, image) == 0 || (access(its, F_OK) < 0 && errno == ENOENT));
}

void backup_prune(const char *folder, const char *image, unsigned int keep)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, backup_is_finished, alphasort);
	unsigned int seen = 0;

	for (int i = n - 1; i >= 0; i--) {
		if (counts(folder, list[i]->d_name, image) && ++seen > (keep ? keep : 1))
			remove_backup(folder, list[i]->d_name);
		free(list[i]);
	}
	free(list);
}

int backup_remove(const char *folder, struct error *err)
{
	char old[4096];

	remove_those(folder, is_unfinished);
	remove_those(folder, backup_is_finished);
	if (str_printf(old, sizeof(old), "%s/transition", folder))
		unlink(old);	/* an older busflip left it */
	return rmdir(folder) == 0 || errno == ENOENT ? 0 : fail_errno(err, "%s", folder);
}

void backup_discard(const char *path)
{
	char folder[4096], *slash;

	if (!str_fits(folder, sizeof(folder), path) ||
	    !(slash = strrchr(folder, '/')))
		return;
	*slash = '\0';
	remove_backup(folder, slash + 1);
}
