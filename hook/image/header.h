/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * header.h - the files that the header of an image names
 *
 * qcow2: the header names the backing file, extensions its format and an external data
 * file (docs/interop/qcow2.txt of QEMU). vmdk: a descriptor in text lists the extents,
 * which may be files of their own. These are what busflip follows for an image of its own.
 * The parent of a vmdk, and the backing files of qed and qcow (docs/interop/qed_spec.rst,
 * block/qcow.c), are read too where it is looked for who else has a file. QEMU can have no
 * file below an image of another format.
 */
#ifndef BUSFLIP_HEADER_H
#define BUSFLIP_HEADER_H

#include "helper/shared/base.h"

struct header_name {
	const char *name;	/* as the header has it */
	const char *format;	/* of a backing file, "" where the header has none; of data NULL */
	bool written;		/* data that QEMU writes to, where it writes to the image */
};

enum header_follow {
	HEADER_OWN,	/* of qcow2 and vmdk, without the parent of that */
	HEADER_ALL,	/* also in other formats; "" for the format that is not read */
};

/*
 * header_names() - call @each for the data files or extents, then for the backing file,
 * that the header of @path names; @format as QEMU names it. Reads at most 64 KiB.
 *
 * @compressed: set to whether the image is a streamOptimized vmdk, which can't be written;
 * may be NULL. Return 0, what @each has returned if that is not 0, -1 with @err, which
 * names @path.
 */
int header_names(const char *path, const char *format, enum header_follow which,
		 int (*each)(const struct header_name *name, void *context), void *context,
		 bool *compressed, struct error *err);

/*
 * header_format() - "qcow2", "vmdk", "qed" or "qcow", by the first bytes of @path; else "". For
 * files of which nothing says what they are: never for a disk to be written to.
 */
const char *header_format(const char *path);

/* header_path() - where a @name in the header of @image leads to: relative to its folder.
 * False: it is no name of a file ("json:", "nbd://"), or too long. */
bool header_path(const char *image, const char *name, char *path, size_t size);

#endif
