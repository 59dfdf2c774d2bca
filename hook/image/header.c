// SPDX-License-Identifier: GPL-2.0-or-later
/* header.c - the files that the header of an image names */

#include "hook/image/header.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/refusal.h"

#define HEAD_SIZE 65536u

struct qcow2_names {
	char backing[1024], format[64], data[1024];
};

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

static int parse_qcow2(const uint8_t *head, size_t len, struct qcow2_names *names,
		       struct error *err)
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

static int read_head(const char *path, uint8_t *head, size_t size, size_t *len,
		     struct error *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n;

	if (fd < 0 && errno == EWOULDBLOCK)
		return fail(err, REFUSE_IN_USE, "%s: another process has a lease on it: stop that "
			    "process (/proc/locks shows its number)", path);
	if (fd < 0)
		return fail_errno(err, "cannot open %s", path);
	n = pread(fd, head, size, 0);
	if (n < 0)
		return fail_errno(err, "cannot read %s", path);
	*len = (size_t)n;
	return 0;
}

static bool is_sparse(const uint8_t *head, size_t len)
{
	return len >= 512 && memcmp(head, "KDMV", 4) == 0;
}

static int names_of_qcow2(const char *path, const uint8_t *head, size_t len,
			  int (*each)(const struct header_name *name, void *context),
			  void *context, struct error *err)
{
	struct qcow2_names names = { .backing = "" };
	const struct header_name data = { .name = names.data, .written = true };
	const struct header_name backing = { .name = names.backing, .format = names.format };
	int r = 0;

	if (parse_qcow2(head, len, &names, err) < 0)
		return error_prefix(err, "%s", path);
	if (names.data[0])
		r = each(&data, context);
	return r || !names.backing[0] ? r : each(&backing, context);
}

/* `RW 4192256 FLAT "disk-flat.vmdk" 0`, line by line. */
static int names_of_descriptor(char *text,
			       int (*each)(const struct header_name *name, void *context),
			       void *context)
{
	char *save = NULL;
	int r = 0;

	for (char *line = strtok_r(text, "\n", &save); line && r == 0;
	     line = strtok_r(NULL, "\n", &save)) {
		char access[16], kind[16], name[512];
		struct header_name extent = { .name = name };

		if (sscanf(line, "%15s %*u %15s \"%511[^\"]\"", access, kind, name) != 3)
			continue;
		extent.written = strcmp(access, "RW") == 0;
		if (extent.written || strcmp(access, "RDONLY") == 0)
			r = each(&extent, context);
	}
	return r;
}

/* Bit 16 of the flags of a sparse extent says that grains are compressed. */
static bool is_compressed(const uint8_t *head, size_t len)
{
	return is_sparse(head, len) ? get_le32(head + 8) & 1u << 16 :
	       strstr((const char *)head, "createType=\"streamOptimized\"") != NULL;
}

/* ---- names that only HEADER_ALL follows --------------------------------------- */

/* A sparse vmdk contains its descriptor, at the sector that its header says. */
static int parent_of_vmdk(const uint8_t *head, size_t len,
			  int (*each)(const struct header_name *name, void *context),
			  void *context)
{
	uint64_t sector = is_sparse(head, len) ? get_le64(head + 28) : 0;
	char name[1024];
	const struct header_name parent = { .name = name, .format = "vmdk" };
	const char *hint = sector < len / 512 ?
			   strstr((const char *)head + sector * 512, "parentFileNameHint") : NULL;

	if (!hint || sscanf(hint, "parentFileNameHint = \"%1023[^\"\n]\"", name) != 1)
		return 0;
	return each(&parent, context);
}

static int backing_of_others(const uint8_t *head, size_t len, bool qed,
			     int (*each)(const struct header_name *name, void *context),
			     void *context)
{
	char name[1024];
	const struct header_name backing = { .name = name, .format = "" };
	uint64_t at = qed ? get_le32(head + 56) : get_be64(head + 8);
	uint32_t n = qed ? get_le32(head + 60) : get_be32(head + 16);

	if (memcmp(head, qed ? "QED\0" : "QFI\xfb", 4) != 0 || !at || !n ||
	    !range_ok(at, n, len) || !copy_name(name, sizeof(name), head + at, n))
		return 0;
	return each(&backing, context);
}

int header_names(const char *path, const char *format, enum header_follow which,
		 int (*each)(const struct header_name *name, void *context), void *context,
		 bool *compressed, struct error *err)
{
	const bool qcow2 = str_eq(format, "qcow2"), vmdk = str_eq(format, "vmdk");
	const bool qed = str_eq(format, "qed"), qcow = str_eq(format, "qcow");
	AUTO_FREE uint8_t *head = NULL;
	size_t len = 0;
	int r;

	if (compressed)
		*compressed = false;
	if (!qcow2 && !vmdk && (which == HEADER_OWN || (!qed && !qcow)))
		return 0;
	head = calloc(1, HEAD_SIZE + 1);
	if (!head)
		return fail(err, ENOMEM, "out of memory");
	if (read_head(path, head, HEAD_SIZE, &len, err) < 0)
		return -1;
	if (qcow2)
		return names_of_qcow2(path, head, len, each, context, err);
	if (!vmdk)
		return backing_of_others(head, len, qed, each, context);
	if (compressed)
		*compressed = is_compressed(head, len);
	r = which == HEADER_ALL ? parent_of_vmdk(head, len, each, context) : 0;
	return r || is_sparse(head, len) ? r : names_of_descriptor((char *)head, each, context);
}

const char *header_format(const char *path)
{
	static const char descriptor[] = "# Disk DescriptorFile";
	uint8_t head[64] = { 0 };
	size_t len;

	if (read_head(path, head, sizeof(head) - 1, &len, NULL) < 0)
		return "";
	if (memcmp(head, "QFI\xfb", 4) == 0)
		return head[7] == 1 ? "qcow" : "qcow2";
	if (memcmp(head, "QED\0", 4) == 0)
		return "qed";
	return memcmp(head, "KDMV", 4) == 0 || strstr((char *)head, descriptor) ? "vmdk" : "";
}

/* Feature bits of version 3: of incompatible ones "was not closed" (lazy_refcounts); the
 * autoclear ones of which QEMU clears what it does not know, or uses for bitmaps. */
#define AT_INCOMPATIBLE 72
#define AT_AUTOCLEAR 88
#define QCOW2_DIRTY 1u

bool header_opens_unchanged(const char *path, const char *format)
{
	static const char *const always[] = { "raw", "vmdk", "vdi", "vpc" };
	uint8_t head[104];
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (str_eq(format, always[i]))
			return true;
	if (!str_eq(format, "qcow2") || read_head(path, head, sizeof(head), &len, NULL) < 0 ||
	    len < sizeof(head))
		return false;
	return get_be32(head + 4) < 3 || (!(get_be64(head + AT_INCOMPATIBLE) & QCOW2_DIRTY) &&
					  !get_be64(head + AT_AUTOCLEAR));
}

/* Anything with a colon before the first slash is a protocol to QEMU. */
bool header_path(const char *image, const char *name, char *path, size_t size)
{
	const char *colon = strchr(name, ':'), *slash = strchr(name, '/');
	const char *base = strrchr(image, '/');

	if (colon && (!slash || colon < slash))
		return false;
	return *name == '/' || !base ? str_fits(path, size, name) :
	       str_printf(path, size, "%.*s/%s", (int)(base - image), image, name);
}
