/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * header.h - the files that the header of an image names
 *
 * qcow2: the header names the backing file, extensions its format and an external data
 * file (docs/interop/qcow2.txt of QEMU). vmdk: a descriptor in text lists the extents,
 * which may be separate files. busflip follows these for an image that it is given. The parent
 * of a vmdk, and the backing files of qed and qcow (docs/interop/qed_spec.rst, block/qcow.c of
 * QEMU), are read only to find out who else has a file. In other formats QEMU has no backing
 * files.
 */
#ifndef BUSFLIP_HEADER_H
#define BUSFLIP_HEADER_H

#include "helper/shared/base.h"

struct header_name {
	const char *name;	/* as the header has it */
	const char *format;	/* of a backing file, "" where the header has none; of data NULL */
	bool written;		/* data that QEMU writes to if it may write to the image */
};

enum header_follow {
	HEADER_OWN,	/* of qcow2 and vmdk, without the parent of a vmdk */
	HEADER_ALL,	/* also the others; the format of a backing file may be "" then */
};

/*
 * header_names() - call @each for the data files or extents, then for the backing file,
 * that the header of @path names; @format as QEMU names it. Reads at most 64 KiB.
 *
 * @compressed: set to true for a streamOptimized vmdk, which can't be written; may be NULL.
 * Return 0, the value of @each if that is not 0, or -1 with @err, which names @path.
 */
int header_names(const char *path, const char *format, enum header_follow which,
		 int (*each)(const struct header_name *name, void *context), void *context,
		 bool *compressed, struct error *err);

/*
 * header_format() - "qcow2", "vmdk", "qed" or "qcow", by the first bytes of @path; else "". For
 * files whose format nothing else says: never for a disk that is written to.
 */
const char *header_format(const char *path);

/*
 * header_opens_unchanged() - does QEMU leave @path as it is when it opens it for writing and
 * writes nothing? Not where it replays a log (vhdx), repairs an image that was not closed
 * (qcow2, qed), or marks bitmaps as being in use. False if that can't be known.
 */
bool header_opens_unchanged(const char *path, const char *format);

/* header_path() - the path of @name in the header of @image, relative to the folder of that.
 * False: @name is not a file ("json:", "nbd://"), or too long. */
bool header_path(const char *image, const char *name, char *path, size_t size);

#endif
