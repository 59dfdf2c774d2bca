// SPDX-License-Identifier: GPL-2.0-or-later
/* orphan.c - where the images of interrupted patches are */

#include "hook/recovery/orphan.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "hook/recovery/journal.h"

/* ---- files -------------------------------------------------------------------- */

/* The nearest folder above the image that exists. */
static bool find_folder(const char *path, char folder[4096], struct stat *st)
{
	char *slash;

	if (!str_fits(folder, 4096, path))
		return false;
	do {
		slash = strrchr(folder, '/');
		if (!slash)
			return false;
		slash[slash == folder] = '\0';
		if (stat(folder, st) == 0)
			return true;
	} while (slash != folder && (errno == ENOENT || errno == ENOTDIR));
	return false;
}

/* The number of a file system without a device is valid for one mount only. */
static bool is_its_file_system(const struct image_identity *image, const struct stat *st)
{
	return st->st_dev == image->dev &&
	       (major(image->dev) || image->boot == identity_boot());
}

static bool is_in_folder(const struct image_identity *image, const char *folder)
{
	DIR *d = opendir(folder);
	struct image_identity now;
	char path[4096 + 300];
	struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d)))
		found = str_printf(path, sizeof(path), "%s/%s", folder, e->d_name) &&
			identity_find(path, &now, NULL) == 0 && now.dev == image->dev &&
			now.ino == image->ino && now.born == image->born;
	if (d)
		closedir(d);
	return found;
}

static enum image_place place_of_file(const struct image_identity *image, bool replaced)
{
	char folder[4096];
	struct stat st;

	if (!find_folder(image->path, folder, &st) || !is_its_file_system(image, &st))
		return IMAGE_AWAY;
	if (is_in_folder(image, folder))
		return IMAGE_HERE;
	return replaced ? IMAGE_REPLACED : IMAGE_GONE;
}

/* ---- where one is ------------------------------------------------------------- */

static enum image_place place_of(const struct image_identity *image)
{
	struct image_identity now;
	struct error err = { 0 };
	bool there = identity_find(image->path, &now, &err) == 0;

	if (there && identity_match(image, &now) == IDENTITY_SAME)
		return IMAGE_HERE;
	if (!there && err.code != ENOENT && err.code != ENOTDIR && err.code != EINVAL)
		return IMAGE_AWAY;
	if (!identity_is_device(image))
		return place_of_file(image, there || err.code == EINVAL);
	if (identity_device_exists(image))
		return IMAGE_HERE;
	return there && image->id[0] && now.id[0] ? IMAGE_REPLACED : IMAGE_AWAY;
}

struct walk {
	int (*each)(void *context, const struct interrupted *patch);
	void *context;
};

static int take(void *context, const char *name, const struct image_identity *image)
{
	const struct walk *walk = context;
	struct interrupted patch = { .place = IMAGE_UNKNOWN };
	struct stat st;
	struct tm tm;

	str_fits(patch.journal, sizeof(patch.journal), name);
	if (stat(name, &st) < 0)
		return 0;	/* finished meanwhile */
	if (gmtime_r(&st.st_mtime, &tm))
		strftime(patch.since, sizeof(patch.since), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (image) {
		str_fits(patch.image, sizeof(patch.image), image->path);
		patch.place = place_of(image);
	}
	return walk->each(walk->context, &patch);
}

int interrupted_each(const char *dir,
		     int (*each)(void *context, const struct interrupted *patch),
		     void *context, struct error *err)
{
	struct walk walk = { each, context };

	return journal_each(dir, take, &walk, err);
}

bool interrupted_is_orphan(const struct interrupted *patch)
{
	return patch->place != IMAGE_HERE;
}

bool interrupted_is_over(const struct interrupted *patch)
{
	return patch->place == IMAGE_REPLACED || patch->place == IMAGE_GONE;
}

/* ---- in words ----------------------------------------------------------------- */

void interrupted_say(const struct interrupted *patch, char *out, size_t size)
{
	static const char *const what[] = {
		[IMAGE_HERE] = "it is finished before the image is used again",
		[IMAGE_REPLACED] = "the image is gone, and another one is at its path",
		[IMAGE_GONE] = "the image is gone",
		[IMAGE_AWAY] = "the image is not there now",
	};

	if (patch->place == IMAGE_UNKNOWN)
		snprintf(out, size, "%s, of %s, is damaged: it is not known which image it belongs "
			 "to", patch->journal, patch->since);
	else
		snprintf(out, size, "a patch of %s was interrupted, %s: %s", patch->image,
			 patch->since, what[patch->place]);
}

void interrupted_cure(const struct interrupted *patch, char *out, size_t size)
{
	if (interrupted_is_over(patch))
		str_fits(out, size, "busflip clean");
	else if (patch->place == IMAGE_AWAY)
		snprintf(out, size, "make its storage available and start its guest; if it is gone "
			 "for good, rm %s", patch->journal);
	else
		snprintf(out, size, "restore the image that was being patched at that time from a "
			 "backup, and rm %s", patch->journal);
}
