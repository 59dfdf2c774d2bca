/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backing.h - which files an image needs, so that qemu-nbd may open just those
 *
 * Only image headers are read, which QEMU on the host wrote; the guest can't
 * reach them, and an image that is given as raw is never looked into. Follows
 * what QEMU and libvirt would open when the guest starts, under their rule that
 * a backing file counts only with its format written down. Images come from
 * elsewhere, too: what is written to lies in the folder of the image, and nothing
 * but files and block devices is even opened.
 */
#ifndef BUSFLIP_BACKING_H
#define BUSFLIP_BACKING_H

#include "helper/base.h"

#define BACKING_LIMIT 64

struct backing {
	size_t count;			/* without the image itself */
	char *paths[BACKING_LIMIT];	/* canonical, owned */
	char *names[BACKING_LIMIT];	/* as the image has it, in its folder; owned */
	char formats[BACKING_LIMIT][64];	/* of backing files; others: "" */
	bool writable[BACKING_LIMIT];	/* data files and extents of the image */
	bool read_only_kind;		/* the format can't be written, ... */
	const char *why;		/* ... because */
};

/* backing_find() - @path is canonical, @format as QEMU names it. @out is freed
 * by backing_free() in any case. */
int backing_find(const char *path, const char *format, struct backing *out,
		 struct error *err);
void backing_free(struct backing *backing);

/* For tests and fuzzers: the backing file that a qcow2 header names. */
struct qcow2_names {
	char backing[1024], format[64], data[1024];
};
int backing_parse_qcow2(const uint8_t *head, size_t len,
			struct qcow2_names *names, struct error *err);

#endif
