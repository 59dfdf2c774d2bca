// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * backing.c - the files that an image needs, so that qemu-nbd may open only those
 *
 * qcow2: the header names the backing file; extensions name its format and an external data
 * file (docs/interop/qcow2.txt of QEMU). vmdk: a text descriptor lists the extents, which may
 * be separate files.
 */

#include "hook/image/backing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/shared/refusal.h"
#include "helper/shared/text.h"
#include "hook/image/datafile.h"

#define HEAD_SIZE 65536u

#define EXT_END 0x00000000u
#define EXT_BACKING_FORMAT 0xE2792ACAu
#define EXT_DATA_FILE 0x44415441u

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static uint64_t get_be64(const uint8_t *p)
{
	return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

static bool copy_name(char *dst, size_t size, const uint8_t *p, size_t len)
{
	if (len >= size || memchr(p, 0, len))
		return false;
	memcpy(dst, p, len);
	dst[len] = '\0';
	return true;
}

static int parse_extensions(const uint8_t *head, size_t len, size_t at,
			    struct qcow2_names *names, struct error *err)
{
	while (range_ok(at, 8, len)) {
		uint32_t kind = get_be32(head + at);
		uint32_t n = get_be32(head + at + 4);
		bool ok = true;

		at += 8;
		if (kind == EXT_END)
			return 0;
		if (!range_ok(at, n, len))
			break;
		if (kind == EXT_BACKING_FORMAT)
			ok = copy_name(names->format, sizeof(names->format),
				       head + at, n);
		else if (kind == EXT_DATA_FILE)
			ok = copy_name(names->data, sizeof(names->data),
				       head + at, n);
		if (!ok)
			break;
		at += ((size_t)n + 7) / 8 * 8;
	}
	return fail(err, REFUSE_FORMAT, "damaged qcow2 header extensions (see qemu-img check)");
}

int backing_parse_qcow2(const uint8_t *head, size_t len,
			struct qcow2_names *names, struct error *err)
{
	uint32_t version, name_len, size = 72;
	uint64_t name_at;

	memset(names, 0, sizeof(*names));
	if (len < 104 || memcmp(head, "QFI\xfb", 4) != 0)
		return fail(err, REFUSE_FORMAT, "not a qcow2 image: is that its format (see "
			    "qemu-img info)?");
	version = get_be32(head + 4);
	name_at = get_be64(head + 8);
	name_len = get_be32(head + 16);
	if (version != 2 && version != 3)
		return fail(err, REFUSE_FORMAT, "version %u of qcow2 is not known: is that its "
			    "format (see qemu-img info)?", version);
	if (version == 3)
		size = get_be32(head + 100);
	if (size < 72 || size > len)
		return fail(err, REFUSE_FORMAT, "damaged qcow2 header (see qemu-img check)");
	if (name_at && name_len &&
	    (!range_ok(name_at, name_len, len) ||
	     !copy_name(names->backing, sizeof(names->backing), head + name_at,
			name_len)))
		return fail(err, REFUSE_FORMAT, "damaged qcow2 backing name (see qemu-img check)");
	return parse_extensions(head, len, size, names, err);
}

static int read_head(const char *path, uint8_t *head, size_t *len,
		     struct error *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return fail_errno(err, "cannot open %s", path);
	n = pread(fd, head, HEAD_SIZE, 0);
	if (n < 0)
		return fail_errno(err, "cannot read %s", path);
	*len = (size_t)n;
	return 0;
}

/* Resolve @name as @image means it: relative to the image's own folder; @way: before links are
 * followed. QEMU takes anything with a colon before the first slash as a protocol ("json:",
 * "nbd://"). */
static char *resolve(const char *image, const char *name, char **way, struct error *err)
{
	AUTO_FREE char *copy = strdup(image);
	const char *colon = strchr(name, ':'), *slash = strchr(name, '/');
	char joined[PATH_MAX], *real;
	struct stat st;

	if (colon && (!slash || colon < slash)) {
		fail(err, REFUSE_FORMAT, "%s: refers to \"%s\", which is not a file: merge all "
		     "into one image with qemu-img convert", image, name);
		return NULL;
	}
	if (!copy || !str_printf(joined, sizeof(joined), "%s%s%s",
				 *name == '/' ? "" : dirname(copy),
				 *name == '/' ? "" : "/", name)) {
		fail(err, ENAMETOOLONG, "%s: name too long", image);
		return NULL;
	}
	real = realpath(joined, NULL);
	if (!real || stat(real, &st) < 0) {
		fail_errno(err, "%s: refers to %s", image, joined);
		error_suffix(err, "restore it, or correct the name with qemu-img rebase -u");
	} else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		fail(err, REFUSE_FORMAT, "%s: refers to %s, which is neither a file nor a block "
		     "device", image, joined);
	} else if (way && !(*way = strdup(joined))) {
		fail(err, ENOMEM, "out of memory");
	} else {
		return real;
	}
	free(real);
	return NULL;
}

/* Add one more file, which @image names. */
static int add(struct backing *b, const char *image, const char *name, struct error *err)
{
	if (b->count == BACKING_LIMIT)
		return fail(err, REFUSE_FORMAT, "%s: more than %d files: reduce their number with "
			    "qemu-img commit or convert", image, BACKING_LIMIT);
	b->paths[b->count] = resolve(image, name, &b->names[b->count], err);
	if (!b->paths[b->count])
		return -1;
	b->count++;
	return 0;
}

/* @top: @image is not a backing file itself, so QEMU writes to it. */
static int add_data(struct backing *b, const char *image, const char *name, bool top,
		    struct error *err)
{
	if (add(b, image, name, err) < 0)
		return -1;
	b->writable[b->count - 1] = top;
	return datafile_check(image, b->paths[b->count - 1], top, b->qemu, err);
}

/* Whoever made the image chose the name in it: it must not become a part of a command that a
 * message recommends without being quoted. */
static int no_format(const char *path, const char *backing, struct error *err)
{
	char word[4400], backing_word[1100];

	return fail(err, REFUSE_FORMAT, "%s: refers to a backing file without its format: "
		    "\"qemu-img rebase -u -b %s -F FORMAT %s\" adds it", path,
		    shell_word(backing, backing_word, sizeof(backing_word)),
		    shell_word(path, word, sizeof(word)));
}

static int find_qcow2(const char *path, bool top, struct backing *b,
		      char *next_format, size_t size, struct error *err)
{
	AUTO_FREE uint8_t *head = malloc(HEAD_SIZE);
	struct qcow2_names names = { .backing = "" };
	size_t len = 0;

	if (!head)
		return fail(err, ENOMEM, "out of memory");
	if (read_head(path, head, &len, err) < 0)
		return -1;
	if (backing_parse_qcow2(head, len, &names, err) < 0)
		return error_prefix(err, "%s", path);
	if (names.data[0] && add_data(b, path, names.data, top, err) < 0)
		return -1;
	if (!names.backing[0])
		return 0;
	if (!names.format[0])
		return no_format(path, names.backing, err);
	if (!str_fits(next_format, size, names.format))
		return fail(err, REFUSE_FORMAT, "%s: format name too long",
			    path);
	if (add(b, path, names.backing, err) < 0)
		return -1;
	memcpy(b->formats[b->count - 1], next_format, strlen(next_format) + 1);
	return 0;
}

/* `RW 4192256 FLAT "disk-flat.vmdk" 0`, line by line. */
static int find_extents(const char *path, bool top, char *text, struct backing *b,
			struct error *err)
{
	char *save = NULL;

	if (strstr(text, "createType=\"streamOptimized\"")) {
		b->read_only_kind = true;
		b->why = "streamOptimized vmdk images can't be written in "
			 "place: convert it with \"qemu-img convert\"";
	}
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char access[16], kind[16], name[512];
		AUTO_FREE char *real = NULL;

		if (sscanf(line, "%15s %*u %15s \"%511[^\"]\"", access, kind,
			   name) != 3)
			continue;
		if (strcmp(access, "RW") != 0 && strcmp(access, "RDONLY") != 0)
			continue;
		real = resolve(path, name, NULL, err);
		if (!real)
			return -1;
		/* A monolithic image names itself, unless it was renamed. */
		if (strcmp(real, path) != 0 &&
		    add_data(b, path, name, top && !strcmp(access, "RW"), err) < 0)
			return -1;
	}
	return 0;
}

static int find_vmdk(const char *path, bool top, struct backing *b, struct error *err)
{
	AUTO_FREE uint8_t *head = calloc(1, HEAD_SIZE + 1);
	size_t len = 0;

	if (!head)
		return fail(err, ENOMEM, "out of memory");
	if (read_head(path, head, &len, err) < 0)
		return -1;
	if (len < 512 || memcmp(head, "KDMV", 4) != 0)
		return find_extents(path, top, (char *)head, b, err);
	/* Sparse: bit 16 of the flags means that grains are compressed. */
	if (get_le32(head + 8) & 1u << 16) {
		b->read_only_kind = true;
		b->why = "streamOptimized vmdk images can't be written in "
			 "place: convert it with \"qemu-img convert\"";
	}
	return 0;
}

int backing_find(const char *path, const char *format, const struct access_user *qemu,
		 struct backing *out, struct error *err)
{
	char now[64], next[64];

	memset(out, 0, sizeof(*out));
	out->qemu = qemu;
	if (!str_fits(now, sizeof(now), format))
		return fail(err, EINVAL, "busflip does not support the format \"%s\" (raw, qcow2, "
			    "vmdk, vhdx, ...)", format);
	for (const char *image = path;;) {
		size_t before = out->count;

		next[0] = '\0';
		if (!strcmp(now, "vmdk"))
			return find_vmdk(image, image == path, out, err);
		if (strcmp(now, "qcow2") != 0)
			return 0;
		if (find_qcow2(image, image == path, out, next, sizeof(next),
			       err) < 0)
			return -1;
		if (!next[0] || out->count == before)
			return 0;
		image = out->paths[out->count - 1];
		memcpy(now, next, sizeof(now));
	}
}

void backing_free(struct backing *b)
{
	for (size_t i = 0; i < b->count; i++) {
		free(b->paths[i]);
		free(b->names[i]);
	}
	b->count = 0;
}
