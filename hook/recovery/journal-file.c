// SPDX-License-Identifier: GPL-2.0-or-later
/* journal-file.c - the journal as a file on the host */

#include "hook/recovery/journal-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/shared/crc32.h"
#include "helper/shared/file.h"
#include "helper/shared/job.h"
#include "helper/shared/refusal.h"

/* Offsets in the file. */
enum {
	AT_MAGIC = 0, AT_VERSION = 8, AT_CRC = 12, AT_LENGTH = 16, AT_DEV = 24,
	AT_INO = 32, AT_SIZE = 40, AT_RUNS = 48, AT_PATH_LEN = 52, AT_BOOT = 56,
	HEADER = 64,
	RUN = 16,
};

#define JOURNAL_VERSION 1u
#define FILE_LIMIT (2ull * IMAGE_DIRTY_LIMIT + 16 * JOURNAL_RUN_LIMIT + 8192)

static const char magic[8] = "BFLPJNL";

/* The name is derived from the path, so that two images do not share one by accident; the
 * header decides. */
int journal_name(const char *dir, const struct journal_image *image, char *name,
		 size_t size, struct error *err)
{
	if (!str_printf(name, size, "%s/%016llx" JOURNAL_SUFFIX, dir,
			(unsigned long long)str_hash(image->path)))
		return fail(err, ENAMETOOLONG, "%s: name too long", dir);
	return 0;
}

static void fill_file(const struct journal *j, uint8_t *data, size_t len)
{
	size_t path_len = strlen(j->image.path);
	uint8_t *run = data + HEADER + path_len;
	uint8_t *p = run + j->count * RUN;

	memset(data, 0, HEADER);
	memcpy(data + AT_MAGIC, magic, 8);
	put_le32(data + AT_VERSION, JOURNAL_VERSION);
	put_le64(data + AT_LENGTH, len);
	put_le64(data + AT_DEV, j->image.dev);
	put_le64(data + AT_INO, j->image.ino);
	put_le64(data + AT_SIZE, j->image.size);
	put_le64(data + AT_BOOT, j->image.boot);
	put_le32(data + AT_RUNS, (uint32_t)j->count);
	put_le32(data + AT_PATH_LEN, (uint32_t)path_len);
	memcpy(data + HEADER, j->image.path, path_len);
	for (size_t i = 0; i < j->count; i++, run += RUN) {
		const struct journal_run *r = &j->runs[i];

		put_le64(run, r->off);
		put_le32(run + 8, r->len);
		put_le32(run + 12, 0);
		memcpy(p, r->old, r->len);
		memcpy(p + r->len, r->new, r->len);
		p += 2 * (size_t)r->len;
	}
	put_le32(data + AT_CRC, crc32_update(0, data, len));
}

int journal_store(const struct journal *j, const char *dir, struct error *err)
{
	size_t len = HEADER + strlen(j->image.path) + j->count * RUN +
		     2 * (size_t)j->bytes;
	AUTO_FREE uint8_t *data = malloc(len);
	char name[4096];

	if (!data)
		return fail(err, ENOMEM, "out of memory");
	if (folder_make(dir, 0700, err) < 0 ||
	    journal_name(dir, &j->image, name, sizeof(name), err) < 0)
		return -1;
	fill_file(j, data, len);
	if (file_replace(name, data, len, 0600, err) == 0)
		return 0;
	if (err && (err->code == ENOSPC || err->code == EDQUOT))
		err->code = REFUSE_HOST_SPACE;
	return error_prefix(err, "journal");
}

static int damaged(struct error *err, const char *what)
{
	return fail(err, REFUSE_JOURNAL, "it is damaged (%s)", what);
}

static int parse_header(const uint8_t *data, size_t len,
			struct journal_image *image, size_t *runs,
			size_t *body, struct error *err)
{
	uint32_t path_len;

	if (len < HEADER || memcmp(data, magic, 8) != 0 ||
	    get_le32(data + AT_VERSION) != JOURNAL_VERSION)
		return damaged(err, "no header of this version");
	path_len = get_le32(data + AT_PATH_LEN);
	if (path_len >= sizeof(image->path) ||
	    !range_ok(HEADER, path_len, len))
		return damaged(err, "path");
	memset(image, 0, sizeof(*image));
	memcpy(image->path, data + HEADER, path_len);
	image->dev = get_le64(data + AT_DEV);
	image->ino = get_le64(data + AT_INO);
	image->size = get_le64(data + AT_SIZE);
	image->boot = get_le64(data + AT_BOOT);
	*runs = get_le32(data + AT_RUNS);
	*body = HEADER + path_len;
	return *runs <= JOURNAL_RUN_LIMIT ? 0 : damaged(err, "runs");
}

static int check_crc(const uint8_t *data, size_t len, struct error *err)
{
	static const uint8_t zero[4];
	uint32_t crc;

	if (get_le64(data + AT_LENGTH) != len)
		return damaged(err, "length");
	crc = crc32_update(0, data, AT_CRC);
	crc = crc32_update(crc, zero, 4);
	crc = crc32_update(crc, data + AT_CRC + 4, len - AT_CRC - 4);
	return crc == get_le32(data + AT_CRC) ? 0 : damaged(err, "checksum");
}

static int parse_runs(struct journal *j, const uint8_t *data, size_t len,
		      size_t at, size_t runs, struct error *err)
{
	size_t p = at + runs * RUN;

	if (!range_ok(at, runs * RUN, len))
		return damaged(err, "list");
	for (size_t i = 0; i < runs; i++, at += RUN) {
		uint32_t n = get_le32(data + at + 8);

		if (!range_ok(p, 2 * (uint64_t)n, len))
			return damaged(err, "content");
		if (journal_add(j, get_le64(data + at), data + p + n, n, err))
			return damaged(err, "run");
		memcpy(j->runs[i].old, data + p, n);
		p += 2 * (size_t)n;
	}
	return p == len ? 0 : damaged(err, "extra bytes after its end");
}

int journal_parse(const uint8_t *data, size_t len, struct journal **out,
		  struct error *err)
{
	struct journal_image image = { .path = "" };
	struct journal *j = NULL;
	size_t runs = 0, body = 0;

	if (parse_header(data, len, &image, &runs, &body, err) < 0 ||
	    check_crc(data, len, err) < 0 || journal_new(&image, &j, err) < 0)
		return -1;
	if (parse_runs(j, data, len, body, runs, err) < 0) {
		journal_free(j);
		return -1;
	}
	*out = j;
	return 0;
}

int journal_load(const char *name, struct journal **j, struct error *err)
{
	AUTO_FD int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	AUTO_FREE char *data = NULL;
	size_t len;

	if (fd < 0)
		return fail_errno(err, "it can't be opened");
	if (read_all(fd, FILE_LIMIT, &data, &len, err) < 0)
		return error_prefix(err, "it can't be read");
	return journal_parse((const uint8_t *)data, len, j, err);
}

/* A file whose header can't be read belongs to no image: report it if its name is that of this
 * image. */
static bool belongs_to(const char *name, const struct journal_image *image,
		       const char *own_name)
{
	AUTO_FD int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t head[HEADER + sizeof(image->path)];
	struct journal_image found = { .path = "" };
	size_t runs = 0, body = 0;
	ssize_t n;

	if (!strcmp(name, own_name))
		return true;
	if (fd < 0)
		return false;
	n = read(fd, head, sizeof(head));
	if (n < 0 || parse_header(head, (size_t)n, &found, &runs, &body, NULL))
		return false;
	return !strcmp(found.path, image->path) ||
	       (found.dev == image->dev && found.ino == image->ino &&
		found.boot == image->boot);
}

static bool has_suffix(const char *name)
{
	size_t n = strlen(name), m = strlen(JOURNAL_SUFFIX);

	return n > m && !strcmp(name + n - m, JOURNAL_SUFFIX);
}

int journal_find(const char *dir, const struct journal_image *image,
		 char *name, size_t size, struct error *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char own[4096];
	int found = 0;

	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return fail_errno(err, "%s", dir);
	if (journal_name(dir, image, own, sizeof(own), err) < 0)
		found = -1;
	while (!found && (e = readdir(d))) {
		if (!has_suffix(e->d_name))
			continue;
		if (!str_printf(name, size, "%s/%s", dir, e->d_name))
			found = fail(err, ENAMETOOLONG, "%s: name too long", dir);
		else if (belongs_to(name, image, own))
			found = 1;
	}
	closedir(d);
	return found;
}

int journal_remove(const char *name, struct error *err)
{
	char dir[4096], *slash;

	if (!str_fits(dir, sizeof(dir), name) || !(slash = strrchr(dir, '/')))
		return fail(err, EPROTO, "%s: no journal", name);
	*slash = '\0';
	if (unlink(name) < 0)
		return fail_errno(err, "cannot remove %s", name);
	return folder_sync(dir, err);
}

void journal_sweep(const char *dir, const struct journal_image *image)
{
	char own[4096], name[4096];
	const char *base;
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n;

	if (!d)
		return;
	if (journal_name(dir, image, own, sizeof(own), NULL) == 0) {
		base = strrchr(own, '/') + 1;
		n = strlen(base);
		while ((e = readdir(d)))
			/* file_replace() adds a dot and six characters. */
			if (!strncmp(e->d_name, base, n) &&
			    e->d_name[n] == '.' &&
			    str_printf(name, sizeof(name), "%s/%s", dir,
				       e->d_name))
				unlink(name);
	}
	closedir(d);
}
