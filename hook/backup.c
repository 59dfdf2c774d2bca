// SPDX-License-Identifier: GPL-2.0-or-later
/* backup.c - the hives as they were before each patch, kept on the host */

#include "hook/backup.h"

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

#include "helper/refusal.h"

#define INFO "patch.info"
#define INFO_LIMIT 16384
/* Far above any SYSTEM hive; a helper gone bad shall not fill the host. */
#define HIVE_SIZE_LIMIT (512u << 20)

static const struct {
	const char *name;
	enum job_section section;
} files[] = {
	{ "SYSTEM", JOB_SECTION_COUNT },	/* has a file of its own */
	{ "SYSTEM.LOG1", JOB_SECTION_LOG1 },
	{ "SYSTEM.LOG2", JOB_SECTION_LOG2 },
	{ "edits", JOB_SECTION_RECORD },
};

int backup_folder(const char *state, const char *key, const char *image,
		  char *out, size_t size, struct error *err)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (const char *p = image; *p; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3u;
	if (key ? !str_printf(out, size, "%s/%s", state, key)
		: !str_printf(out, size, "%s/image-%016llx", state,
			      (unsigned long long)h))
		return fail(err, ENAMETOOLONG, "%s: name too long", state);
	return 0;
}

static int no_room(struct error *err)
{
	if (err && (err->code == ENOSPC || err->code == EDQUOT))
		err->code = REFUSE_HOST_SPACE;
	return error_prefix(err, "backup of the hive");
}

/* Begin writing to the disk, without waiting: what is synced together later takes
 * little longer than one file. */
static void start_writing(int fd)
{
	sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

/* All of the file @from from @at on, but not more than @len. */
static int copy_out(int from, off_t at, size_t len, int folder, const char *name,
		    struct error *err)
{
	AUTO_FD int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL |
				O_CLOEXEC, 0600);

	if (fd < 0)
		return fail_errno(err, "%s", name);
	while (len) {
		ssize_t n = sendfile(fd, from, &at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail_errno(err, "%s: cannot write", name);
		len -= (size_t)n;
	}
	start_writing(fd);
	return 0;
}

static int sync_file(int folder, const char *name, struct error *err)
{
	AUTO_FD int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fdatasync(fd) < 0)
		return fail_errno(err, "%s: cannot make it durable", name);
	return 0;
}

static void *sync_hive(void *context)
{
	struct backup_work *work = context;

	work->sync_error = fdatasync(work->hive) < 0 ? errno : 0;
	return NULL;
}

/* The helper has work for longer than this takes. */
static void begin_sync(struct backup_work *work, int folder)
{
	work->sync_error = 0;
	work->hive = openat(folder, "SYSTEM", O_RDONLY | O_CLOEXEC);
	if (work->hive < 0) {
		work->sync_error = errno;
		return;
	}
	work->syncing = pthread_create(&work->syncer, NULL, sync_hive, work) == 0;
	if (!work->syncing)
		sync_hive(work);
}

static int end_sync(struct backup_work *work)
{
	if (work->syncing)
		pthread_join(work->syncer, NULL);
	work->syncing = false;
	if (work->hive >= 0)
		cleanup_close(&work->hive);
	errno = work->sync_error;
	return work->sync_error ? -1 : 0;
}

static int store_info(int folder, const struct backup_source *s,
		      struct error *err)
{
	AUTO_FD int fd = openat(folder, INFO, O_WRONLY | O_CREAT | O_EXCL |
				O_CLOEXEC, 0600);
	const struct job_hive_mark *mark = &s->reply->patched;
	char text[INFO_LIMIT];

	if (fd < 0)
		return fail_errno(err, INFO);
	/* The image comes last: a path may hold anything but NUL. */
	if (!str_printf(text, sizeof(text),
			"kept=%llu\nsize=%llu\ncrc=%u\nsequence=%u\n"
			"partition=%u\nhive=%s\nimage=%s\n",
			(unsigned long long)s->reply->kept,
			(unsigned long long)mark->size,
			mark->crc, mark->sequence, s->reply->partition,
			s->reply->hive_path, s->image))
		return fail(err, ENAMETOOLONG, INFO);
	if (write_all(fd, text, strlen(text), err) < 0)
		return error_prefix(err, INFO);
	start_writing(fd);
	return 0;
}

static int sync_all(int folder, struct backup_work *work, struct error *err)
{
	if (end_sync(work) < 0)
		return fail_errno(err, "SYSTEM: cannot make it durable");
	for (size_t i = 1; i < ARRAY_SIZE(files); i++)
		if (sync_file(folder, files[i].name, err) < 0)
			return -1;
	if (sync_file(folder, INFO, err) < 0)
		return -1;
	return fsync(folder) < 0 ? fail_errno(err, "cannot make its folder durable") : 0;
}

static int store_rest(int folder, const struct backup_source *s,
		      struct error *err)
{
	for (size_t i = 1; i < ARRAY_SIZE(files); i++) {
		struct job_bytes bytes = s->reply->section[files[i].section];

		if (bytes.data &&
		    copy_out(s->fd, bytes.data - s->base, bytes.len, folder,
			     files[i].name, err) < 0)
			return -1;
	}
	return store_info(folder, s, err);
}

static void remove_backup(const char *folder, const char *name)
{
	char path[4096 + 300], file[sizeof(path) + 32], old[sizeof(path)];

	if (!str_printf(path, sizeof(path), "%s/%s", folder, name))
		return;
	/* Out of sight in one step: undo would stumble over half of one. */
	memcpy(old, path, sizeof(old));
	if (*name != '.' &&
	    (!str_printf(path, sizeof(path), "%s/.new-%s", folder, name) ||
	     rename(old, path) < 0))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (str_printf(file, sizeof(file), "%s/%s", path,
			       files[i].name))
			unlink(file);
	if (str_printf(file, sizeof(file), "%s/" INFO, path))
		unlink(file);
	rmdir(path);
}

/* Names of finished backups begin with a digit, of unfinished ones with a dot:
 * those are of a process that was killed, since the image's lock is ours. */
static int is_backup(const struct dirent *e)
{
	return e->d_name[0] >= '0' && e->d_name[0] <= '9';
}

static int is_unfinished(const struct dirent *e)
{
	return !strncmp(e->d_name, ".new-", 5);
}

static void prune(const char *folder, int (*which)(const struct dirent *),
		  unsigned int keep)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, which, alphasort);

	for (int i = 0; i < n; i++) {
		if (n - i > (int)keep)
			remove_backup(folder, list[i]->d_name);
		free(list[i]);
	}
	free(list);
}

/* Sorts by time, also within a second. */
static int name_now(const char *folder, char *out, size_t size,
		    struct error *err)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	if (!str_printf(out, size, "%s/%04d%02d%02dT%02d%02d%02d.%06ldZ",
			folder, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000))
		return fail(err, ENAMETOOLONG, "%s: name too long", folder);
	return 0;
}

int backup_begin(const char *folder, int hive, struct backup_work *work,
		 struct error *err)
{
	AUTO_FD int fd = -1;
	struct stat st;

	work->finished[0] = '\0';
	work->kept = 0;
	work->hive = -1;
	if (folder_make(folder, 0700, err) < 0)
		return no_room(err);
	prune(folder, is_unfinished, 0);
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
	} else if (st.st_size > (off_t)HIVE_SIZE_LIMIT) {
		fail(err, EFBIG, "more than %u MiB", HIVE_SIZE_LIMIT >> 20);
	} else if (copy_out(hive, 0, (size_t)st.st_size, fd, files[0].name,
			    err) == 0) {
		work->kept = (uint64_t)st.st_size;
		begin_sync(work, fd);
		return 0;
	}
	backup_abandon(folder, work);
	return no_room(err);
}

void backup_abandon(const char *folder, struct backup_work *work)
{
	if (work->path[0]) {
		end_sync(work);
		prune(folder, is_unfinished, 0);
	}
	work->path[0] = '\0';
}

int backup_finish(const char *folder, struct backup_work *work,
		  const struct backup_source *source, struct error *err)
{
	AUTO_FD int fd = -1;
	char final[4096];

	if (!work->path[0] || work->kept != source->reply->kept)
		return fail(err, EPROTO, "the helper did not hand over the hive "
			    "that is to be kept");
	fd = open(work->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fail_errno(err, "%s", folder);
	} else if (store_rest(fd, source, err) == 0 && sync_all(fd, work, err) == 0 &&
		   name_now(folder, final, sizeof(final), err) == 0) {
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

static bool transition_path(const char *folder, char *path, size_t size)
{
	return str_printf(path, size, "%s/transition", folder);
}

int backup_transition(const char *folder, struct job_bytes record,
		      struct error *err)
{
	char path[4096];

	if (!record.data || !transition_path(folder, path, sizeof(path)) ||
	    access(path, F_OK) == 0)
		return 0;
	if (file_replace(path, record.data, record.len, 0600, err) < 0)
		return no_room(err);
	return 0;
}

int backup_open_transition(const char *folder, struct error *err)
{
	char path[4096];
	int fd = -1;

	if (transition_path(folder, path, sizeof(path)))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail_errno(err, "%s", path);
	return fd;
}

void backup_end_transition(const char *folder)
{
	char path[4096];

	if (transition_path(folder, path, sizeof(path)))
		unlink(path);
}

void backup_prune(const char *folder, unsigned int keep)
{
	prune(folder, is_backup, keep ? keep : 1);
}

static bool take_info(struct backup *b, const char *key, const char *value)
{
	struct {
		const char *key;
		uint64_t limit;
		uint64_t value;
	} numbers[] = {
		{ "size", UINT64_MAX, 0 }, { "crc", UINT32_MAX, 0 },
		{ "sequence", UINT32_MAX, 0 }, { "partition", UINT32_MAX, 0 },
		{ "kept", UINT64_MAX, 0 },
	};

	if (!strcmp(key, "hive"))
		return str_fits(b->hive_path, sizeof(b->hive_path), value);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		char *end;

		if (strcmp(key, numbers[i].key) != 0)
			continue;
		errno = 0;
		numbers[i].value = strtoull(value, &end, 10);
		if (errno || end == value || *end ||
		    numbers[i].value > numbers[i].limit)
			return false;
		if (i == 0)
			b->patched.size = numbers[i].value;
		else if (i == 1)
			b->patched.crc = (uint32_t)numbers[i].value;
		else if (i == 2)
			b->patched.sequence = (uint32_t)numbers[i].value;
		else if (i == 4)
			b->kept_size = numbers[i].value;
		else
			b->partition = (uint32_t)numbers[i].value;
	}
	return true;
}

static int read_info(struct backup *b, int folder, struct error *err)
{
	AUTO_FD int fd = openat(folder, INFO, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	char *save = NULL, *image;
	size_t len;

	if (fd < 0)
		return fail_errno(err, "%s/" INFO, b->path);
	if (read_all(fd, INFO_LIMIT, &text, &len, err) < 0)
		return -1;
	if ((image = strstr(text, "\nimage=")) && text[len - 1] == '\n') {
		text[len - 1] = '\0';
		*image = '\0';
		if (!str_fits(b->image, sizeof(b->image), image + 7))
			return fail(err, EINVAL, "%s/" INFO ": name too long", b->path);
	}
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = '\0';
		if (!take_info(b, line, value))
			return fail(err, EINVAL, "%s/" INFO ": bad value of %s",
				    b->path, line);
	}
	if (!b->hive_path[0] || !b->patched.size)
		return fail(err, EINVAL, "%s/" INFO ": not complete", b->path);
	return 0;
}

static bool newest_name(const char *folder, char *out, size_t size)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, is_backup, alphasort);
	bool ok = n > 0 && str_printf(out, size, "%s/%s", folder,
				      list[n - 1]->d_name);

	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return ok;
}

static int check_size(const struct backup *b, struct error *err)
{
	struct stat st;

	if (fstat(b->files[0], &st) < 0)
		return fail_errno(err, "%s/SYSTEM", b->path);
	if ((uint64_t)st.st_size != b->kept_size)
		return fail(err, REFUSE_NO_BACKUP, "%s/SYSTEM is not whole: "
			    "it has %lld bytes of %llu", b->path,
			    (long long)st.st_size,
			    (unsigned long long)b->kept_size);
	return 0;
}

static int open_one(const char *folder, const char *name, struct backup *b,
		    struct error *err)
{
	AUTO_FD int fd = -1;

	memset(b, 0, sizeof(*b));
	for (size_t i = 0; i < ARRAY_SIZE(b->files); i++)
		b->files[i] = -1;
	if (!str_printf(b->path, sizeof(b->path), "%s/%s", folder, name))
		return fail(err, ENAMETOOLONG, "%s: name too long", folder);
	fd = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "%s", b->path);
	for (size_t i = 0; i < ARRAY_SIZE(b->files); i++) {
		b->files[i] = openat(fd, files[i].name, O_RDONLY | O_CLOEXEC);
		if (b->files[i] < 0 && (errno != ENOENT || i == 0))
			return fail_errno(err, "%s/%s", b->path,
					  files[i].name);
	}
	return read_info(b, fd, err);
}

int backup_open_newest(const char *folder, const char *image, struct backup *b,
		       struct error *err)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, is_backup, alphasort);
	int r = fail(err, REFUSE_NO_BACKUP,
		     "nothing is kept for this disk in %s: it was not patched on this "
		     "host, or with another --state-dir; there is nothing to undo", folder);

	for (int i = n - 1; i >= 0; i--) {
		r = open_one(folder, list[i]->d_name, b, err);
		/* Whose a damaged one is can't be told: no older one instead. */
		if (r < 0 ? i == n - 1 : strcmp(b->image, image) == 0)
			break;
		backup_close(b);
		if (i == 0)
			r = open_one(folder, list[n - 1]->d_name, b, err);
	}
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return r < 0 ? -1 : check_size(b, err);
}

void backup_close(struct backup *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(b->files); i++)
		cleanup_close(&b->files[i]);
}

void backup_discard(const char *path)
{
	char folder[4096], name[4096], *slash;

	if (!str_fits(folder, sizeof(folder), path) ||
	    !(slash = strrchr(folder, '/')))
		return;
	*slash = '\0';
	remove_backup(folder, slash + 1);
	/* The first patch of all was taken back, or never was. */
	if (!newest_name(folder, name, sizeof(name)))
		backup_end_transition(folder);
}
