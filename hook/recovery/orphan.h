/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * orphan.h - where the images of interrupted patches are
 *
 * The journal of an image that is gone is useless. "busflip clean" removes it if the image is
 * certainly gone: its file system is mounted, and no file in its folder is this image under
 * another name. A device counts as gone only if another one has its path and no device of the
 * host has its identifier.
 */
#ifndef BUSFLIP_ORPHAN_H
#define BUSFLIP_ORPHAN_H

#include "helper/shared/base.h"

enum image_place {
	IMAGE_HERE,		/* where it was, or in that folder by another name */
	IMAGE_REPLACED,		/* gone, and another one is at its path */
	IMAGE_GONE,
	IMAGE_AWAY,		/* missing, perhaps with its storage */
	IMAGE_UNKNOWN,		/* the journal is damaged */
};

struct interrupted {
	char journal[4096];	/* path of its file */
	char image[4096];	/* where the image was; "": IMAGE_UNKNOWN */
	char since[24];		/* when the journal was written, UTC */
	enum image_place place;
};

/* interrupted_each() - every unfinished patch in the folder @dir, until @each returns
 * non-zero. Return 0, what @each returned, or -1. */
int interrupted_each(const char *dir,
		     int (*each)(void *context, const struct interrupted *patch),
		     void *context, struct error *err);

/* interrupted_is_orphan() - its image is not where the start of a guest would find it. */
bool interrupted_is_orphan(const struct interrupted *patch);

/* interrupted_is_over() - its image is gone for good. */
bool interrupted_is_over(const struct interrupted *patch);

/* interrupted_say() - one line: which image, since when, what is wrong. interrupted_cure() -
 * what to do about it. */
void interrupted_say(const struct interrupted *patch, char *out, size_t size);
void interrupted_cure(const struct interrupted *patch, char *out, size_t size);

#endif
