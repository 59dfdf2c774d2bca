/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backup.h - the hives as they were before each patch, kept on the host
 *
 * <state>/<key>/<time>/ holds SYSTEM, SYSTEM.LOG1, SYSTEM.LOG2, edits (what was
 * changed, with the old values) and patch.info (which image, how the hive
 * looked after the patch). <key> is the domain's UUID, or made from the path of
 * an image that was given by itself.
 */
#ifndef BUSFLIP_BACKUP_H
#define BUSFLIP_BACKUP_H

#include <pthread.h>

#include "helper/shared/job.h"

/* What goes into one backup: the reply's memory file and what is where in it,
 * so that it needn't be mapped to be copied. */
struct backup_source {
	int fd;
	const uint8_t *base;		/* where the sections' pointers begin */
	const struct job_reply *reply;
	const char *image;		/* canonical path */
};

/* backup_folder() - "<state>/<key>"; @key NULL: from @image. */
int backup_folder(const char *state, const char *key, const char *image,
		  char *out, size_t size, struct error *err);

/* One that is being made. */
struct backup_work {
	char path[4096];		/* its folder; "": none */
	char finished[4096];		/* backup_finish(): its last name; "": none */
	uint64_t kept;			/* bytes of SYSTEM in it */
	pthread_t syncer;		/* makes SYSTEM durable, if @syncing */
	bool syncing;
	int hive;			/* SYSTEM's descriptor then */
	int sync_error;			/* 0, or the errno that it ended with */
	int64_t deadline;		/* monotonic_ms() */
};

/*
 * backup_begin() - put the hive in the memory file @hive into a new backup
 *
 * No room is REFUSE_HOST_SPACE; @deadline over is ETIMEDOUT, also of backup_finish(): all
 * is written in pieces, and none is begun then. To be done while the helper still works:
 * the disk is then busy with it meanwhile. @work must stay where it is until
 * backup_finish() or backup_abandon().
 */
int backup_begin(const char *folder, int hive, int64_t deadline, struct backup_work *work,
		 struct error *err);

/* backup_finish() - the rest of it; durable when it returns 0. */
int backup_finish(const char *folder, struct backup_work *work,
		  const struct backup_source *source, struct error *err);

/* backup_prune() - remove all but the @keep newest; not before the patch of the
 * newest is done, or is certain to be. */
void backup_prune(const char *folder, unsigned int keep);

/*
 * backup_transition() - keep @record, the edits of the first patch of a disk, until
 * those that were only for the way to VirtIO are taken back
 *
 * Does nothing when there is one: what was there at first is what counts.
 */
int backup_transition(const char *folder, struct job_bytes record,
		      struct error *err);

/* backup_adopt_transition() - where @folder has none, that of @other becomes its own: a
 * disk that was patched by its path, and goes on as a domain's. */
void backup_adopt_transition(const char *folder, const char *other);

/* backup_open_transition() - Return a descriptor; -1 with ENOENT: nothing is to be
 * taken back. backup_end_transition() - it is done. */
int backup_open_transition(const char *folder, struct error *err);
void backup_end_transition(const char *folder);

/* backup_abandon() - remove what was begun, if anything. */
void backup_abandon(const char *folder, struct backup_work *work);

/* The newest backup, opened. */
struct backup {
	char path[4096];		/* its folder */
	int files[3];			/* SYSTEM, LOG1, LOG2; -1: none */
	struct job_hive_mark patched;
	uint64_t kept_size;		/* of SYSTEM, bytes */
	char hive_path[512];
	uint32_t partition;
	char image[4096];		/* where it was then */
};

/*
 * backup_open_newest() - the newest of @image: in @folder, or @everywhere in @state, whose
 * folder is put into @folder then
 *
 * A disk that the hook has patched is kept by its domain, and may be undone by its path, or
 * the other way round; and a domain that was defined anew may have another UUID. Where none
 * is of an image of that name, it is the newest in @folder: a domain has one folder for all
 * its disks, but an image may have been moved. REFUSE_NO_BACKUP when there is none.
 */
int backup_open_newest(const char *state, bool everywhere, char folder[4096],
		       const char *image, struct backup *backup, struct error *err);
void backup_close(struct backup *backup);

/* backup_discard() - the one at @path was put back, or its patch was not done. */
void backup_discard(const char *path);

/*
 * backup_image() - the image of the backups in @folder: one that exists where there is
 * one, else the newest one's, which is gone
 *
 * Return 1 it exists, 0 all are gone (@image is "" without backups), -1 that can't be told.
 */
int backup_image(const char *folder, char image[4096], struct error *err);

/* backup_remove() - @folder and all that is kept in it; -1 when something is left. */
int backup_remove(const char *folder, struct error *err);

#endif
