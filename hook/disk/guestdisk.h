/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guestdisk.h - read a guest's disk, patch it, or restore its registry
 *
 * busflip owns qemu-nbd, the lock that qemu-nbd holds, and the journal. The helper parses in
 * its sandbox and returns changed pages. They are checked here, made durable in the journal,
 * and then written. After a crash at any point the next call on that image finds the journal
 * and finishes the patch.
 */
#ifndef BUSFLIP_GUESTDISK_H
#define BUSFLIP_GUESTDISK_H

#include "helper/shared/job.h"
#include "hook/host/access.h"

struct guestdisk {
	const char *path;	/* of the image or block device */
	const char *format;	/* "raw", "qcow2", ...: never guessed */
	const char *key;	/* name of its backups: the domain's UUID, or NULL */
	const struct access_user *qemu;	/* as which QEMU opens it; NULL: unknown */
	bool not_given;		/* libvirt does not give that user access: busflip does no more
				 * with it than that user may */
};

struct guestdisk_options {
	const char *helper;	/* path of busflip-helper */
	const char *qemu_nbd;	/* path of qemu-nbd */
	const char *virtio_win;	/* directory or ISO, or NULL */
	unsigned int keep;	/* number of backups of a disk */
	int timeout_ms;		/* for everything until something is written, and as much again
				 * for writing */
	int64_t deadline;	/* monotonic_ms() of the end of timeout_ms; 0: counted from
				 * each call */
	bool sandbox_require;
	bool by_hand;		/* on request of a user: see lease_take() */
};

/* guestdisk_defaults() - the options as installed. */
struct guestdisk_options guestdisk_defaults(void);

struct guestdisk_result {
	bool changed;		/* something was (dry run: would be) written */
	bool redone;		/* an interrupted patch was finished first */
	uint64_t bytes;		/* how much was written */
	uint32_t partition;	/* partition of Windows, 0: none */
	char *text, *json, *reg;	/* the reports, each with a NUL; or NULL */
	uint8_t *evidence;	/* for the phase table, or NULL */
	size_t evidence_len;
};

/* The members that busflip itself adds to the object in .json (hook/command/inspect.c). The
 * helper must not use these names: guestdisk_run() fails if it does. */
#define GUESTDISK_OWN_MEMBERS "domain", "conditions", "next", "error"

/*
 * guestdisk_run() - do @job on @disk, within @options->timeout_ms
 *
 * @job: what to do; fields that depend on the host (drivers, the hive backup) are filled in
 * here. Return 0, or -1 with @err, whose code may be an enum refusal: then nothing was written,
 * or everything is in the journal and the next call finishes it, which @err says. In any case
 * guestdisk_result_free() frees @result.
 */
int guestdisk_run(const struct guestdisk *disk,
		  const struct guestdisk_options *options,
		  const struct job *job, struct guestdisk_result *result,
		  struct error *err);
void guestdisk_result_free(struct guestdisk_result *result);

/*
 * guestdisk_recover() - finish an interrupted patch, before a guest starts
 *
 * Cheap if there is none: one look into a folder. Return 1 finished, 0 there was none, -1: the
 * image must not be used as it is.
 */
int guestdisk_recover(const struct guestdisk *disk,
		      const struct guestdisk_options *options,
		      struct error *err);

/* guestdisk_is_half_patched() - 1: there is a journal for it; 0; -1. Writes nothing. */
int guestdisk_is_half_patched(const struct guestdisk *disk,
			      const struct guestdisk_options *options, struct error *err);

#endif
