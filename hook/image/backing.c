// SPDX-License-Identifier: GPL-2.0-or-later
/* backing.c - the files that an image needs, so that qemu-nbd may open only those */

#include "hook/image/backing.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "helper/shared/refusal.h"
#include "helper/shared/text.h"
#include "hook/image/claims.h"
#include "hook/image/datafile.h"
#include "hook/image/header.h"

/* Resolve @name as @image means it; @way: before links are followed. */
static char *resolve(const char *image, const char *name, char **way, struct error *err)
{
	char joined[PATH_MAX], *real;
	struct stat st;

	if (!header_path(image, name, joined, sizeof(joined))) {
		fail(err, REFUSE_FORMAT, "%s: refers to \"%s\", which is not a file: merge all "
		     "into one image with qemu-img convert", image, name);
		return NULL;
	}
	real = realpath(joined, NULL);
	if (!real || stat(real, &st) < 0) {
		fail_errno(err, "%s: refers to %s", image, joined);
		error_suffix(err, "restore it, or correct the name with qemu-img rebase -u");
	} else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		fail(err, REFUSE_FORMAT, "%s: refers to %s, which is neither a file nor a block "
		     "device", image, joined);
	} else if (!(*way = strdup(joined))) {
		fail(err, ENOMEM, "out of memory");
	} else {
		return real;
	}
	free(real);
	return NULL;
}

/* One image of the chain, while the files that its header names are added. */
struct visit {
	struct backing *b;
	const char *image;
	bool top;		/* not a backing file, so QEMU writes to it */
	size_t data;		/* number of its data files and extents */
	const char *next;	/* format of the backing file; NULL: none */
	struct error *err;
};

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

static int add(const struct header_name *name, void *context)
{
	struct visit *v = context;
	struct backing *b = v->b;
	AUTO_FREE char *way = NULL, *real = NULL;

	if (name->format && !name->format[0])
		return no_format(v->image, name->name, v->err);
	real = resolve(v->image, name->name, &way, v->err);
	if (!real)
		return -1;
	/* A monolithic vmdk names itself, unless it was renamed. */
	if (!name->format && strcmp(real, v->image) == 0)
		return 0;
	if (b->count == BACKING_LIMIT)
		return fail(v->err, REFUSE_FORMAT, "%s: more than %d files: reduce their number "
			    "with qemu-img commit or convert", v->image, BACKING_LIMIT);
	if (name->format &&
	    !str_fits(b->formats[b->count], sizeof(b->formats[0]), name->format))
		return fail(v->err, REFUSE_FORMAT, "%s: format name too long", v->image);
	b->paths[b->count] = steal(&real);
	b->names[b->count] = steal(&way);
	if (name->format) {
		v->next = b->formats[b->count++];
		return 0;
	}
	b->writable[b->count] = v->top && name->written;
	v->data++;
	b->count++;
	return datafile_check(v->image, b->paths[b->count - 1], b->writable[b->count - 1],
			      b->qemu, v->err);
}

int backing_find(const char *path, const char *format, const struct access_user *qemu,
		 int64_t deadline, struct backing *out, struct error *err)
{
	struct visit v = { .b = out, .image = path, .top = true, .next = format, .err = err };

	memset(out, 0, sizeof(*out));
	out->qemu = qemu;
	if (strlen(format) >= sizeof(out->formats[0]))
		return fail(err, EINVAL, "busflip does not support the format \"%s\" (raw, qcow2, "
			    "vmdk, vhdx, ...)", format);
	while (v.next) {
		size_t first = out->count;
		const char *now = v.next;
		bool compressed;

		v.next = NULL;
		v.data = 0;
		if (header_names(v.image, now, HEADER_OWN, add, &v, &compressed, err) < 0)
			return -1;
		if (v.top && compressed) {
			out->read_only_kind = true;
			out->why = "streamOptimized vmdk images can't be written in "
				   "place: convert it with \"qemu-img convert\"";
		}
		if (v.data && deadline != BACKING_OF_JOURNAL &&
		    claims_check(v.image, out->paths + first, v.data, deadline, err) < 0)
			return -1;
		v.top = false;
		if (v.next)
			v.image = out->paths[out->count - 1];
	}
	return 0;
}

void backing_free(struct backing *b)
{
	for (size_t i = 0; i < b->count; i++) {
		free(b->paths[i]);
		free(b->names[i]);
	}
	b->count = 0;
}
