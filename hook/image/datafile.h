/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * datafile.h - does a data file belong to the image that names it?
 *
 * Whoever made the image chose the name in it, and busflip runs as root: the disk of another
 * guest in the same folder must be neither read nor written as that image's data. The rules are
 * in backing.h.
 */
#ifndef BUSFLIP_DATAFILE_H
#define BUSFLIP_DATAFILE_H

#include <sys/stat.h>

#include "hook/host/access.h"

/*
 * datafile_check() - check that @file, which @image names for its data, belongs to it by its
 * folder, name, owner and mode. Both are canonical. claims.h checks that nobody else has it.
 *
 * @write: QEMU writes to it. @qemu: the user of QEMU; NULL: unknown, so assume that it may do
 * nothing. -1: REFUSE_FORMAT, with both names, the reason, and what to do.
 */
int datafile_check(const char *image, const char *file, bool write,
		   const struct access_user *qemu, struct error *err);

/* datafile_is_called_after() - true if the name is the base name of @image without its suffix,
 * then a sign that is neither letter nor digit, then anything: win-flat.vmdk and win.raw for
 * win.qcow2. */
bool datafile_is_called_after(const char *image, const char *file);

/* datafile_stem() - length of the base name of @path without its suffix. */
int datafile_stem(const char *path);

/* datafile_is_as_open() - by owner, group and mode: true if everybody who may write @image
 * could write @file as well. */
bool datafile_is_as_open(const struct stat *image, const struct stat *file);

#endif
