/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guestdisk-run.h - what the guestdisk*.c files share */
#ifndef BUSFLIP_GUESTDISK_RUN_H
#define BUSFLIP_GUESTDISK_RUN_H

#include "hook/disk/guestdisk.h"
#include "hook/disk/nbdserver.h"
#include "hook/image/imagelock.h"
#include "hook/recovery/backup.h"
#include "hook/recovery/journal.h"

/* One run: everything that is open at the same time. */
struct run {
	const struct guestdisk *disk;
	const struct guestdisk_options *options;
	const struct job *job;
	int64_t deadline;		/* monotonic_ms() */
	struct image_identity image;	/* size when known */
	struct backing backing;
	struct imagelock lock;		/* of the image */
	struct nbdserver reader;	/* the helper's */
	struct nbdserver writer;	/* ours; not started: nothing will be written */
	struct nbd_client *nbd;		/* connection to the writer; NULL: none */
	pid_t helper;			/* 0: not running */
	bool reads_iso;			/* also that of virtio_win */
	int reply;			/* memory file */
	int log;			/* the helper's stderr */
	const uint8_t *map;		/* of the reply */
	size_t map_len;
	struct job_reply parsed;
	int keep;			/* memory file with the hive to keep */
	int kept;			/* pipe: readable when the helper has filled it */
	char backups[4096];		/* folder of this disk's */
	struct backup_work work;	/* the backup being made */
	struct backup backup;		/* undo: the backup to restore */
};

/*
 * guestdisk-run.c: session_begin() - identify the image; its backing files follow later.
 * session_close() - close all that is open, so that the run can begin anew.
 */
int session_begin(struct run *s, const struct guestdisk *disk,
		  const struct guestdisk_options *options, const struct job *job,
		  struct error *err);
void session_close(struct run *s);

/* guestdisk-recover.c: finish an interrupted patch. Return 1 if one was finished, 0 if there
 * was none, -1. */
int run_recover(struct run *s, struct error *err);

/* guestdisk-kept.c: run_will_write() - true if the run may write. run_find_kept() - find this
 * disk's backups, and for undo and settle the one to restore. */
bool run_will_write(const struct job *job);
int run_find_kept(struct run *s, struct error *err);

/* guestdisk-run.c: milliseconds until the deadline, 0 when it has passed. */
int run_left(const struct run *s);

/* guestdisk-run.c: -1 with @err when the deadline has passed: then nothing more is begun. */
int run_in_time(const struct run *s, struct error *err);

/*
 * guestdisk-servers.c: session_start_writer() - lock the image and start a qemu-nbd that may
 * write to it. session_start_reader() - start another one for the helper, which only reads.
 * @live: an image that others may be writing, without a lock. If there is a writer, call it
 * only after session_await_writer(), which waits until the writer has opened the image.
 * run_connect() - shake hands with the writer. session_stop_servers() - close all connections
 * and wait. @r: the result so far, which is returned; but the error of a server that failed is
 * preferred.
 */
int session_start_writer(struct run *s, struct error *err);
int session_start_reader(struct run *s, bool live, struct error *err);
int session_await_writer(struct run *s, struct error *err);
int run_connect(struct run *s, struct error *err);
int session_stop_servers(struct run *s, int r, struct error *err);

/* guestdisk-helper.c: start the helper on the reader's connection; wait for it; parse its
 * reply. */
int run_start_helper(struct run *s, struct error *err);
int run_wait_helper(struct run *s, struct error *err);
int run_parse_reply(struct run *s, struct error *err);

/* guestdisk-apply.c: apply the pages of the reply, from journal to flush. Return 1 written, 0
 * nothing to write, -1. */
int run_apply(struct run *s, uint64_t *bytes, struct error *err);

#endif
