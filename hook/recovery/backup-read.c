// SPDX-License-Identifier: GPL-2.0-or-later
/* backup-read.c - find and read the backups of a disk, for undo */

#include "hook/recovery/backup-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/refusal.h"

/* The same types as in struct backup. */
static const char *const names[] = { "SYSTEM", "SYSTEM.LOG1", "SYSTEM.LOG2" };

int backup_is_finished(const struct dirent *e)
{
	return e->d_name[0] >= '0' && e->d_name[0] <= '9';
}

#define MEMBER(member) RECORD_MEMBER(struct backup, member)
const struct record_field backup_fields[BACKUP_FIELDS] = {
	{ "kept", RECORD_UINT, MEMBER(kept_size), NULL },
	{ "size", RECORD_UINT, MEMBER(patched.size), NULL },
	{ "crc", RECORD_UINT, MEMBER(patched.crc), NULL },
	{ "sequence", RECORD_UINT, MEMBER(patched.sequence), NULL },
	{ "partition", RECORD_UINT, MEMBER(partition), NULL },
	{ "hive", RECORD_BYTES, MEMBER(hive_path), NULL },
};

struct info {
	struct backup *backup;
	bool bad;
};

static void read_line(void *context, const char *key, const char *value)
{
	struct info *info = context;

	info->bad |= record_set(backup_fields, BACKUP_FIELDS, info->backup, key, value) < 0;
}

/* The owner of a damaged backup is unknown, so no older one is used instead. */
static int damaged(struct error *err, const struct backup *b, const char *name,
		   const char *what)
{
	return fail(err, REFUSE_NO_BACKUP, "%s is damaged (%s: %s): move that folder away; undo "
		    "then uses an older one, if there is one", b->path, name, what);
}

static int read_info(struct backup *b, int folder, struct error *err)
{
	AUTO_FD int fd = openat(folder, BACKUP_INFO, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	struct info info = { .backup = b };
	char *image;
	size_t len;

	if (fd < 0)
		return fail_errno(err, "%s/" BACKUP_INFO, b->path);
	if (read_all(fd, BACKUP_INFO_LIMIT, &text, &len, err) < 0)
		return -1;
	if ((image = strstr(text, "\nimage=")) && text[len - 1] == '\n') {
		text[len - 1] = '\0';
		*image = '\0';
		if (!str_fits(b->image, sizeof(b->image), image + 7))
			return damaged(err, b, BACKUP_INFO, "name too long");
	}
	record_each(text, '=', read_line, &info);
	if (info.bad)
		return damaged(err, b, BACKUP_INFO, "bad value");
	if (!b->hive_path[0] || !b->patched.size)
		return damaged(err, b, BACKUP_INFO, "not complete");
	return 0;
}

static int check_size(const struct backup *b, struct error *err)
{
	struct stat st;

	if (fstat(b->files[0], &st) < 0)
		return fail_errno(err, "%s/SYSTEM", b->path);
	if ((uint64_t)st.st_size != b->kept_size)
		return damaged(err, b, "SYSTEM", "incomplete");
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
		b->files[i] = openat(fd, names[i], O_RDONLY | O_CLOEXEC);
		if (b->files[i] < 0 && (errno != ENOENT || i == 0))
			return fail_errno(err, "%s/%s", b->path,
					  names[i]);
	}
	return read_info(b, fd, err);
}

bool backup_read_image(const char *folder, const char *name, char image[4096])
{
	struct backup b = { 0 };
	bool read = open_one(folder, name, &b, NULL) == 0;

	backup_close(&b);
	return read && str_fits(image, sizeof(b.image), b.image);
}

/* In pending/ and its like are files with the names of UUIDs. */
static int is_finished_folder(const struct dirent *e)
{
	return backup_is_finished(e) && e->d_type != DT_REG;
}

void backup_newest_name(const char *state, char newest[BACKUP_NAME])
{
	struct dirent **list = NULL, **kept;
	char folder[4096];
	int n = scandir(state, &list, NULL, NULL), count;

	for (int i = 0; i < n; i++) {
		kept = NULL;
		count = *list[i]->d_name == '.' || list[i]->d_type == DT_REG ||
			!str_printf(folder, sizeof(folder), "%s/%s", state, list[i]->d_name) ?
			0 : scandir(folder, &kept, is_finished_folder, NULL);
		for (int k = 0; k < count; k++) {
			if (strcmp(kept[k]->d_name, newest) > 0)
				str_fits(newest, BACKUP_NAME, kept[k]->d_name);
			free(kept[k]);
		}
		free(kept);
		free(list[i]);
	}
	free(list);
}

/* Is there a backup of @image in @folder that is newer than @newest? Its name is stored there. */
static bool has_newer(const char *folder, const char *image, char newest[BACKUP_NAME])
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, backup_is_finished, alphasort);
	char its[4096];
	bool found = false;

	for (int i = n - 1; i >= 0 && !found && strcmp(list[i]->d_name, newest) > 0; i--) {
		found = backup_read_image(folder, list[i]->d_name, its) &&
			strcmp(its, image) == 0;
		if (found)
			str_fits(newest, BACKUP_NAME, list[i]->d_name);
	}
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return found;
}

/* The same in every folder; the one that has it is stored in @folder. */
static void look_elsewhere(const char *state, const char *image, char folder[4096],
			   char newest[BACKUP_NAME])
{
	struct dirent **list = NULL;
	char other[4096];
	int n = scandir(state, &list, NULL, NULL);

	for (int i = 0; i < n; i++) {
		if (*list[i]->d_name != '.' &&
		    str_printf(other, sizeof(other), "%s/%s", state, list[i]->d_name) &&
		    has_newer(other, image, newest))
			str_fits(folder, sizeof(other), other);
		free(list[i]);
	}
	free(list);
}

/* Of any image. Return 1 if there is none. */
static int open_newest(const char *folder, struct backup *b, struct error *err)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, backup_is_finished, alphasort);
	int r = n > 0 ? open_one(folder, list[n - 1]->d_name, b, err) : 1;

	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return r;
}

int backup_open_newest(const char *state, bool everywhere, char folder[4096],
		       const char *image, struct backup *b, struct error *err)
{
	char newest[BACKUP_NAME] = "";
	int r = open_newest(folder, b, err);

	if (r < 0)
		return -1;
	has_newer(folder, image, newest);
	if (everywhere)
		look_elsewhere(state, image, folder, newest);
	if (newest[0]) {
		backup_close(b);
		r = open_one(folder, newest, b, err);
	}
	if (r > 0)
		return fail(err, REFUSE_NO_BACKUP, "there is no backup of this disk in %s: it was "
			    "not patched on this host, or under another name (its domain's, its "
			    "path); there is nothing to undo",
			    folder);
	return r < 0 ? -1 : check_size(b, err);
}

void backup_close(struct backup *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(b->files); i++)
		cleanup_close(&b->files[i]);
}

int backup_image(const char *folder, char image[4096], struct error *err)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, backup_is_finished, alphasort), r = 0;

	if (n < 0 && errno != ENOENT)
		r = fail_errno(err, "%s", folder);
	*image = '\0';
	for (int i = 0; i < n && r == 0; i++) {
		struct backup b = { 0 };

		r = open_one(folder, list[i]->d_name, &b, err);
		if (r == 0) {
			str_fits(image, sizeof(b.image), b.image);
			if (access(image, F_OK) == 0)
				r = 1;
			else if (errno != ENOENT && errno != ENOTDIR)
				r = fail_errno(err, "%s", image);
		}
		backup_close(&b);
	}
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return r;
}
