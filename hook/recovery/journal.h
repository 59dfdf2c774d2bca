/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal.h - all writes of one patch: collected, made durable, replayed
 *
 * A journal holds, for every run of changed pages, what was there and what
 * shall be. The order that makes a patch whole or absent after any crash:
 *
 *	journal_new, journal_add ...	in memory
 *	journal_read_old		fills in what is on the disk now
 *	journal_store			on the host, durable; before this call
 *					returns the image is untouched
 *	journal_apply			new content to the image, flushed
 *	journal_remove			durable too
 *
 * While a journal is stored, the image may be anything between old and new.
 * Whoever wants to use it calls journal_find(), journal_load() and
 * journal_redo() first, while qemu-nbd holds the lock of the image.
 *
 * File: 64 bytes of header, path, list of runs, then old and new content of
 * each run; one CRC over all. Written beside and renamed, so a half written one
 * never has the name.
 */
#ifndef BUSFLIP_JOURNAL_H
#define BUSFLIP_JOURNAL_H

#include "helper/shared/nbdclient.h"

/* Which image a journal belongs to. The path finds it after a reboot, when
 * device numbers may differ; device and inode find it after a rename, and by its
 * number a block device is found only until then. */
struct journal_image {
	char path[4096];	/* canonical; of a block device: as given */
	uint64_t dev, ino;	/* of a block device: st_rdev and 0 */
	uint64_t boot;		/* which one of the host; 0 for a file */
	uint64_t size;		/* of the disk within, bytes */
};

struct journal;

int journal_new(const struct journal_image *image, struct journal **journal,
		struct error *err);
void journal_free(struct journal *journal);	/* NULL is fine */

/* journal_add() - @len new bytes for @off; ascending, not overlapping, all on
 * the disk: EPROTO otherwise. The bytes are copied. */
int journal_add(struct journal *journal, uint64_t off, const void *data,
		uint32_t len, struct error *err);

/* journal_read_old() - Return 1 when anything differs, 0 when the disk already
 * holds all that is new, -1. */
int journal_read_old(struct journal *journal, struct nbd_client *disk,
		     struct error *err);

/* journal_store() - make it durable in folder @dir, which is created when it is
 * missing. No room is REFUSE_HOST_SPACE. */
int journal_store(const struct journal *journal, const char *dir,
		  struct error *err);

/* journal_apply() - write what is new, and flush. */
int journal_apply(const struct journal *journal, struct nbd_client *disk,
		  struct error *err);

/* journal_find() - is one stored for @image (path, or device and inode; its size
 * doesn't matter)? Return 1 with @name, the path of its file, 0, or -1. */
int journal_find(const char *dir, const struct journal_image *image,
		 char *name, size_t size, struct error *err);

/* journal_load() - read and check a stored journal: REFUSE_JOURNAL when it is
 * damaged. What is wrong with it is said of "it": the caller has the name. */
int journal_load(const char *name, struct journal **journal,
		 struct error *err);

/*
 * journal_redo() - finish what a journal began
 *
 * Every sector must be as it was before or as it shall be; any other one, or a
 * disk of another size, is REFUSE_JOURNAL and nothing is written. Return how
 * many sectors were still old, or -1.
 */
int journal_redo(const struct journal *journal, struct nbd_client *disk,
		 struct error *err);

/* journal_remove() - and make that durable. */
int journal_remove(const char *name, struct error *err);

/* journal_name() - where journal_store() puts it. */
int journal_name(const char *dir, const struct journal_image *image,
		 char *name, size_t size, struct error *err);

/* journal_sweep() - remove files for @image that a killed journal_store() left
 * unfinished. Only while the lock of the image is held. */
void journal_sweep(const char *dir, const struct journal_image *image);

/* For tests and fuzzers: a journal from its bytes. */
int journal_parse(const uint8_t *data, size_t len, struct journal **journal,
		  struct error *err);

#endif
