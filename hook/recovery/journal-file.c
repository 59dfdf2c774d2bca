// SPDX-License-Identifier: GPL-2.0-or-later
/* journal-file.c - the journal as a file on the host */

#include "hook/recovery/journal-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/shared/crc32.h"
#include "helper/shared/file.h"
#include "helper/shared/job.h"
#include "helper/shared/refusal.h"
#include "hook/recovery/sha256.h"

/* Offsets in the file. The header of version 1 ends before AT_BORN. */
enum {
	AT_MAGIC = 0, AT_VERSION = 8, AT_CRC = 12, AT_LENGTH = 16, AT_DEV = 24,
	AT_INO = 32, AT_SIZE = 40, AT_RUNS = 48, AT_PATH_LEN = 52, AT_BOOT = 56,
	HEADER_1 = 64,
	AT_BORN = 64, AT_SEQUENCE = 72, AT_BYTES = 80, AT_ID_LEN = 88, AT_HEADER_CRC = 92,
	HEADER = 96,
	RUN = 16,
};

#define JOURNAL_VERSION 2u
#define FILE_LIMIT (2ull * IMAGE_DIRTY_LIMIT + 16 * JOURNAL_RUN_LIMIT + 8192)

static const char magic[8] = "BFLPJNL";

/* No two images share a name, not even two of one path. The header decides. */
int journal_name(const char *dir, const struct image_identity *image, char *name,
		 size_t size, struct error *err)
{
	char text[sizeof(image->path) + IDENTITY_ID + 128], sum[SHA256_TEXT];

	snprintf(text, sizeof(text), "%llx %llx %llx %llx %llx %s\n%s",
		 (unsigned long long)image->dev, (unsigned long long)image->ino,
		 (unsigned long long)image->born, (unsigned long long)image->sequence,
		 (unsigned long long)image->bytes, image->id, image->path);
	sha256_text(text, strlen(text), sum);
	if (!str_printf(name, size, "%s/%s" JOURNAL_SUFFIX, dir, sum))
		return fail(err, ENAMETOOLONG, "%s: name too long", dir);
	return 0;
}

/* Of all that says whose it is: header, path and identifier. */
static uint32_t header_crc(const uint8_t *data, size_t names)
{
	return crc32_update(crc32_update(0, data + AT_DEV, AT_HEADER_CRC - AT_DEV),
			    data + HEADER, names);
}

static void fill_file(const struct journal *j, uint8_t *data, size_t len)
{
	size_t path_len = strlen(j->image.path), id_len = strlen(j->image.id);
	uint8_t *run = data + HEADER + path_len + id_len;
	uint8_t *p = run + j->count * RUN;

	memset(data, 0, HEADER);
	memcpy(data + AT_MAGIC, magic, 8);
	put_le32(data + AT_VERSION, JOURNAL_VERSION);
	put_le64(data + AT_LENGTH, len);
	put_le64(data + AT_DEV, j->image.dev);
	put_le64(data + AT_INO, j->image.ino);
	put_le64(data + AT_SIZE, j->image.size);
	put_le64(data + AT_BOOT, j->image.boot);
	put_le64(data + AT_BORN, j->image.born);
	put_le64(data + AT_SEQUENCE, j->image.sequence);
	put_le64(data + AT_BYTES, j->image.bytes);
	put_le32(data + AT_RUNS, (uint32_t)j->count);
	put_le32(data + AT_PATH_LEN, (uint32_t)path_len);
	put_le32(data + AT_ID_LEN, (uint32_t)id_len);
	memcpy(data + HEADER, j->image.path, path_len);
	memcpy(data + HEADER + path_len, j->image.id, id_len);
	put_le32(data + AT_HEADER_CRC, header_crc(data, path_len + id_len));
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
	size_t len = HEADER + strlen(j->image.path) + strlen(j->image.id) + j->count * RUN +
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
			struct image_identity *image, size_t *runs,
			size_t *body, struct error *err)
{
	const bool old = len >= HEADER_1 && get_le32(data + AT_VERSION) == 1;
	const size_t header = old ? HEADER_1 : HEADER;
	uint32_t path_len, id_len;

	if (len < header || memcmp(data, magic, 8) != 0 ||
	    (!old && get_le32(data + AT_VERSION) != JOURNAL_VERSION))
		return damaged(err, "no header of this version");
	path_len = get_le32(data + AT_PATH_LEN);
	id_len = old ? 0 : get_le32(data + AT_ID_LEN);
	if (path_len >= sizeof(image->path) || id_len >= sizeof(image->id) ||
	    !range_ok(header, path_len + id_len, len))
		return damaged(err, "path");
	if (!old && header_crc(data, path_len + id_len) != get_le32(data + AT_HEADER_CRC))
		return damaged(err, "checksum of its header");
	memset(image, 0, sizeof(*image));
	image->old = old;
	memcpy(image->path, data + header, path_len);
	memcpy(image->id, data + header + path_len, id_len);
	image->dev = get_le64(data + AT_DEV);
	image->ino = get_le64(data + AT_INO);
	image->size = get_le64(data + AT_SIZE);
	image->boot = get_le64(data + AT_BOOT);
	image->born = old ? 0 : get_le64(data + AT_BORN);
	image->sequence = old ? 0 : get_le64(data + AT_SEQUENCE);
	image->bytes = old ? 0 : get_le64(data + AT_BYTES);
	*runs = get_le32(data + AT_RUNS);
	*body = header + path_len + id_len;
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
	struct image_identity image = { .path = "" };
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

static int is_journal(const struct dirent *e)
{
	size_t n = strlen(e->d_name), m = strlen(JOURNAL_SUFFIX);

	return n > m && !strcmp(e->d_name + n - m, JOURNAL_SUFFIX);
}

/* False if the header can't be read: it is not known which image the file belongs to. */
static bool read_header(const char *name, struct image_identity *image)
{
	AUTO_FD int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t head[HEADER + sizeof(image->path) + sizeof(image->id)];
	size_t runs = 0, body = 0;
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

	return n >= 0 && parse_header(head, (size_t)n, image, &runs, &body, NULL) == 0;
}

int journal_each(const char *dir,
		 int (*each)(void *context, const char *name,
			     const struct image_identity *image),
		 void *context, struct error *err)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_journal, alphasort), r = 0;
	struct image_identity image;
	char name[4096];

	if (n < 0)
		return errno == ENOENT ? 0 : fail_errno(err, "%s", dir);
	for (int i = 0; i < n; i++) {
		if (r)
			;
		else if (!str_printf(name, sizeof(name), "%s/%s", dir, list[i]->d_name))
			r = fail(err, ENAMETOOLONG, "%s: name too long", dir);
		else
			r = each(context, name, read_header(name, &image) ? &image : NULL);
		free(list[i]);
	}
	free(list);
	return r;
}

struct search {
	const struct image_identity *image;
	const char *own;	/* the name that @image gives it */
	char *name;
	size_t size;
};

static int is_the_one(void *context, const char *name, const struct image_identity *image)
{
	struct search *search = context;

	if (image ? identity_match(image, search->image) != IDENTITY_SAME
		  : strcmp(name, search->own) != 0)
		return 0;
	return str_fits(search->name, search->size, name);
}

int journal_find(const char *dir, const struct image_identity *image,
		 char *name, size_t size, struct error *err)
{
	char own[4096];
	struct search search = { image, own, name, size };

	return journal_name(dir, image, own, sizeof(own), err) < 0 ? -1 :
		journal_each(dir, is_the_one, &search, err);
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

void journal_sweep(const char *dir, const struct image_identity *image)
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
