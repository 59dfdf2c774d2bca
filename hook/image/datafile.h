/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * datafile.h - a file in which an image keeps its data: is it that image's own?
 *
 * Whoever made the image chose the name in it, and busflip is root: the disk of another
 * guest in the same folder must be neither written to nor read as that image's data. What
 * counts is backing.h's to say.
 */
#ifndef BUSFLIP_DATAFILE_H
#define BUSFLIP_DATAFILE_H

#include <sys/stat.h>

#include "hook/host/access.h"

/*
 * datafile_check() - is @file, which @image names for its data, its own, by its place, name,
 * owner and mode? Both are canonical. Who else has it, claims.h finds out.
 *
 * @write: QEMU writes to it. @qemu: as whom; NULL: not known, so it may do nothing.
 * -1: REFUSE_FORMAT, with both names, the reason, and what to do.
 */
int datafile_check(const char *image, const char *file, bool write,
		   const struct access_user *qemu, struct error *err);

/* datafile_is_called_after() - the base name of @image without its suffix, then a sign that
 * is neither letter nor digit, then anything: win-flat.vmdk and win.raw for win.qcow2. */
bool datafile_is_called_after(const char *image, const char *file);

/* datafile_stem() - length of that: the base name of @path without its suffix. */
int datafile_stem(const char *path);

/* datafile_is_as_open() - by owner, group and mode: could whoever may write @image have
 * written to @file as well? */
bool datafile_is_as_open(const struct stat *image, const struct stat *file);

#endif
