/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backup.h - backups of the hives from before each patch, on the host
 *
 * <state>/<key>/<time>/ holds SYSTEM, SYSTEM.LOG1, SYSTEM.LOG2 and patch.info (image, and
 * state of the hive after the patch). A later one has a name that sorts after those of all
 * earlier ones: the time, or a microsecond after the newest if the clock was set back. <key> is
 * the domain's UUID, or the SHA-256 of the path of an image given by itself: with a weaker hash,
 * another path could be made that gets the backups of somebody else's disk.
 */
#ifndef BUSFLIP_BACKUP_H
#define BUSFLIP_BACKUP_H


#include "helper/shared/job.h"

/* The source of a backup: the reply's memory file and the offsets of its parts, so that it
 * need not be mapped to be copied. */
struct backup_source {
	int fd;
	const uint8_t *base;		/* where the sections' pointers begin */
	const struct job_reply *reply;
	const char *image;		/* canonical path */
};

/* backup_folder() - "<state>/<key>"; @key NULL: derived from @image. */
int backup_folder(const char *state, const char *key, const char *image,
		  char *out, size_t size, struct error *err);

/*
 * backup_rename_old() - rename the folder of @image, given by itself, that an older busflip
 * named by a shorter hash of its path; not if any backup in it is of another image
 */
void backup_rename_old(const char *state, const char *image);

/* A backup being made. */
struct backup_work {
	char path[4096];		/* its folder; "" if none */
	char finished[4096];		/* its final name, set by backup_finish(); "" if none */
	uint64_t kept;			/* bytes of SYSTEM written to it */
	int64_t deadline;		/* monotonic_ms() */
};

/*
 * backup_begin() - copy the hive in the memory file @hive into a new backup
 *
 * No space is REFUSE_HOST_SPACE; a passed @deadline is ETIMEDOUT, also in backup_finish():
 * everything is written in pieces, and no piece is begun after it. Call it while the helper
 * still works, so that the disk writes in parallel.
 */
int backup_begin(const char *folder, int hive, int64_t deadline, struct backup_work *work,
		 struct error *err);

/* backup_finish() - write the rest; durable when it returns 0. */
int backup_finish(const char *folder, struct backup_work *work,
		  const struct backup_source *source, struct error *err);

/*
 * backup_prune() - remove all backups of @image but the @keep newest
 *
 * Backups of images that are gone count as @image's; all others stay: a domain has several
 * disks, and its UUID may have been another domain's. Call it only when the patch of the newest
 * is done, or is certain to be.
 */
void backup_prune(const char *folder, const char *image, unsigned int keep);

/* backup_abandon() - remove an unfinished backup, if there is one. */
void backup_abandon(const char *folder, struct backup_work *work);

/* The newest backup, opened. */
struct backup {
	char path[4096];		/* its folder */
	int files[3];			/* SYSTEM, LOG1, LOG2; -1 if none */
	struct job_hive_mark patched;
	uint64_t kept_size;		/* of SYSTEM, bytes */
	char hive_path[512];
	uint32_t partition;
	char image[4096];		/* path of the image at that time */
};

/*
 * backup_open_newest() - open the newest backup of @image: in @folder, or @everywhere in
 * @state; then its folder is stored in @folder
 *
 * A disk that the hook has patched is stored under its domain, and may be undone by its path,
 * or the other way round; and a domain that was defined again may have another UUID. If no
 * backup has that image's name, the newest in @folder is used: a domain has one folder for all
 * its disks, but an image may have been moved. REFUSE_NO_BACKUP if there is none.
 */
int backup_open_newest(const char *state, bool everywhere, char folder[4096],
		       const char *image, struct backup *backup, struct error *err);
void backup_close(struct backup *backup);

/* backup_discard() - remove the one at @path: it was restored, or its patch was not done. */
void backup_discard(const char *path);

/*
 * backup_image() - the image of the backups in @folder: one that exists, if any, otherwise that
 * of the newest backup, which does not exist
 *
 * Return 1 it exists, 0 none exists (@image is "" without backups), -1 unknown.
 */
int backup_image(const char *folder, char image[4096], struct error *err);

/* backup_remove() - remove @folder and everything in it; -1 if something remains. */
int backup_remove(const char *folder, struct error *err);

#endif
