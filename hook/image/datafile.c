// SPDX-License-Identifier: GPL-2.0-or-later
/* datafile.c - does a data file belong to the image that names it? */

#include "hook/image/datafile.h"

#include <string.h>

#include "helper/shared/refusal.h"
#include "helper/shared/text.h"

#define CONVERT "merge both into one image with qemu-img convert"

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The length of a name without its suffix; a leading dot does not begin one. */
static int stem_length(const char *name)
{
	const char *dot = strrchr(name, '.');

	return (int)(dot && dot != name ? (size_t)(dot - name) : strlen(name));
}

int datafile_stem(const char *path)
{
	return stem_length(base_of(path));
}

/* Bytes from 0x80 on belong to letters. */
static bool is_sign(char c)
{
	return c > ' ' && c < 127 && !(c >= '0' && c <= '9') &&
	       !((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool datafile_is_called_after(const char *image, const char *file)
{
	const char *name = base_of(image), *other = base_of(file);
	size_t n = (size_t)stem_length(name);

	return n && strncmp(name, other, n) == 0 && is_sign(other[n]);
}

bool datafile_is_as_open(const struct stat *image, const struct stat *file)
{
	mode_t who = image->st_mode & (S_IWGRP | S_IWOTH);

	return file->st_uid == image->st_uid && (file->st_mode & who) == who &&
	       (!(who & S_IWGRP) || file->st_gid == image->st_gid);
}

static int wrong_place(const char *image, const char *file, struct error *err)
{
	return fail(err, REFUSE_FORMAT, "%s: keeps its data in %s, which is not a file in its "
		    "own folder: move it there", image, file);
}

static int check_place(const char *image, const char *file, const struct stat *st,
		       struct error *err)
{
	size_t n = (size_t)(base_of(image) - image);

	return n && strncmp(file, image, n) == 0 && !strchr(file + n, '/') &&
	       S_ISREG(st->st_mode) ? 0 : wrong_place(image, file, err);
}

static int check_name(const char *image, const char *file, struct error *err)
{
	const char *name = base_of(image);

	if (datafile_is_called_after(image, file))
		return 0;
	return fail(err, REFUSE_FORMAT, "%s: keeps its data in %s, which by its name may be "
		    "another disk: " CONVERT ", or rename one of them so that the name of the data "
		    "file begins with \"%.*s.\" or \"%.*s-\"", image, file,
		    stem_length(name), name, stem_length(name), name);
}

static int check_access(const char *image, const char *file, bool write,
			const struct access_user *qemu, const struct stat *st,
			struct error *err)
{
	char word[2][4400];
	struct access_result result;
	struct stat own;

	if (stat(image, &own) == 0 && datafile_is_as_open(&own, st))
		return 0;
	if (qemu)
		access_ask(qemu, file, write, &result);
	if (qemu && result.answer == ACCESS_OK)
		return 0;
	shell_word(image, word[0], sizeof(word[0]));
	shell_word(file, word[1], sizeof(word[1]));
	return fail(err, REFUSE_FORMAT, "%s: keeps its data in %s, which neither QEMU's user nor "
		    "all users who may write the image may %s: if it belongs to the image, run "
		    "chown --reference=%s %s and chmod likewise", image, file,
		    write ? "write" : "read", word[0], word[1]);
}

int datafile_check(const char *image, const char *file, bool write,
		   const struct access_user *qemu, struct error *err)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return fail_errno(err, "%s: keeps its data in %s", image, file);
	if (check_place(image, file, &st, err) < 0 || check_name(image, file, err) < 0)
		return -1;
	return check_access(image, file, write, qemu, &st, err);
}
