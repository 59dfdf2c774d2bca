/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guestdisk.h - look into a guest's disk, patch it, or put things back
 *
 * busflip owns qemu-nbd, the lock that qemu-nbd holds, and the journal. The
 * helper parses, in its sandbox, and hands back changed pages; they are checked
 * here, made durable in the journal, and then written. After a crash at any
 * point the next call on that image finds the journal and finishes.
 */
#ifndef BUSFLIP_GUESTDISK_H
#define BUSFLIP_GUESTDISK_H

#include "helper/shared/job.h"
#include "hook/host/access.h"

struct guestdisk {
	const char *path;	/* of the image or block device */
	const char *format;	/* "raw", "qcow2", ...: never guessed */
	const char *key;	/* of its backups: the domain's UUID, or NULL */
	const struct access_user *qemu;	/* as whom QEMU has it open; NULL: not known */
};

struct guestdisk_options {
	const char *state;	/* folder of journal and backups */
	const char *helper;	/* path of busflip-helper */
	const char *qemu_nbd;	/* path of qemu-nbd */
	const char *virtio_win;	/* directory or ISO, or NULL */
	unsigned int keep;	/* backups of a disk */
	int timeout_ms;		/* for all of it until something is written, and
				 * as much again for the writing */
	int64_t deadline;	/* monotonic_ms() of the end of timeout_ms;
				 * 0: counted from each call */
	bool sandbox_require;
	bool by_hand;		/* somebody has asked for it: see lease_take() */
};

/* guestdisk_defaults() - as installed. */
struct guestdisk_options guestdisk_defaults(void);

struct guestdisk_result {
	bool changed;		/* something was (dry run: would be) written */
	bool redone;		/* an interrupted patch was finished first */
	uint64_t bytes;		/* how much was written */
	uint32_t partition;	/* where Windows is, 0: none */
	char *text, *json, *reg;	/* reports, each with a NUL; or NULL */
	uint8_t *evidence;	/* for the phase table, or NULL */
	size_t evidence_len;
};

/* What busflip itself adds to the object in .json (hook/command/inspect.c). The helper's has no
 * members of these names: guestdisk_run() fails where it has. */
#define GUESTDISK_OWN_MEMBERS "domain", "conditions", "next", "error"

/*
 * guestdisk_run() - do @job on @disk, within @options->timeout_ms
 *
 * @job: what is wanted; fields that depend on the host (drivers, the kept hive)
 * are filled in here. Return 0, or -1 with @err, whose code may be an enum
 * refusal: then nothing was written, or all of it is in the journal and the next
 * call finishes it, which @err says. @result is freed by
 * guestdisk_result_free() in any case.
 */
int guestdisk_run(const struct guestdisk *disk,
		  const struct guestdisk_options *options,
		  const struct job *job, struct guestdisk_result *result,
		  struct error *err);
void guestdisk_result_free(struct guestdisk_result *result);

/*
 * guestdisk_recover() - finish an interrupted patch, before a guest starts
 *
 * Cheap when there is none: one look into a folder. Return 1 finished, 0 there
 * was none, -1: the image must not be used as it is.
 */
int guestdisk_recover(const struct guestdisk *disk,
		      const struct guestdisk_options *options,
		      struct error *err);

/* guestdisk_is_half_patched() - 1: there is a journal for it; 0; -1. Nothing is written. */
int guestdisk_is_half_patched(const struct guestdisk *disk,
			      const struct guestdisk_options *options, struct error *err);

#endif
