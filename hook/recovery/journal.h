/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal.h - all writes of one patch: collected, made durable, replayed
 *
 * A journal holds, for every run of changed pages, the old and the new content. This order
 * makes a patch complete or absent after any crash:
 *
 *	journal_new, journal_add ...	in memory
 *	journal_read_old		reads the present content of the disk
 *	journal_store			durable on the host; the image is unchanged
 *					until this call returns
 *	journal_apply			writes the new content to the image, flushed
 *	journal_remove			durable too
 *
 * While a journal is stored, the image may be anything between old and new. Before using the
 * image, call journal_find(), journal_load() and journal_redo(), while qemu-nbd holds the lock
 * of the image.
 *
 * File: 64 bytes of header, path, list of runs, then old and new content of each run; one CRC
 * over all. It is written under a temporary name and renamed, so an incomplete file never has
 * the final name.
 */
#ifndef BUSFLIP_JOURNAL_H
#define BUSFLIP_JOURNAL_H

#include "helper/shared/nbdclient.h"

/* The image that a journal belongs to. The path finds it after a reboot, when device numbers
 * may differ; device and inode find it after a rename. A block device is found by its number
 * only until the next reboot. */
struct journal_image {
	char path[4096];	/* canonical; for a block device: as given */
	uint64_t dev, ino;	/* for a block device: st_rdev and 0 */
	uint64_t boot;		/* the host's boot; 0 for a file */
	uint64_t size;		/* size of the virtual disk, bytes */
};

struct journal;

int journal_new(const struct journal_image *image, struct journal **journal,
		struct error *err);
void journal_free(struct journal *journal);	/* NULL is allowed */

/* journal_add() - add @len new bytes for @off; ascending, not overlapping, all on the disk:
 * EPROTO otherwise. The bytes are copied. */
int journal_add(struct journal *journal, uint64_t off, const void *data,
		uint32_t len, struct error *err);

/* journal_read_old() - Return 1 if anything differs, 0 if the disk already has the new
 * content, -1. */
int journal_read_old(struct journal *journal, struct nbd_client *disk,
		     struct error *err);

/* journal_store() - make it durable in folder @dir, which is created if needed. No space is
 * REFUSE_HOST_SPACE. */
int journal_store(const struct journal *journal, const char *dir,
		  struct error *err);

/* journal_apply() - write the new content, and flush. */
int journal_apply(const struct journal *journal, struct nbd_client *disk,
		  struct error *err);

/* journal_find() - is one stored for @image (path, or device and inode; its size does not
 * matter)? Return 1 with @name, the path of its file, 0, or -1. */
int journal_find(const char *dir, const struct journal_image *image,
		 char *name, size_t size, struct error *err);

/* journal_load() - read and check a stored journal: REFUSE_JOURNAL if it is damaged. The
 * message speaks of "it": the caller adds the name. */
int journal_load(const char *name, struct journal **journal,
		 struct error *err);

/*
 * journal_redo() - finish an interrupted patch
 *
 * Every sector must be old or new; any other content, or a disk of another size, is
 * REFUSE_JOURNAL, and nothing is written. Return how many sectors were still old, or -1.
 */
int journal_redo(const struct journal *journal, struct nbd_client *disk,
		 struct error *err);

/* journal_remove() - remove it, durably. */
int journal_remove(const char *name, struct error *err);

/* journal_name() - the path that journal_store() uses. */
int journal_name(const char *dir, const struct journal_image *image,
		 char *name, size_t size, struct error *err);

/* journal_sweep() - remove unfinished files for @image that a killed journal_store() left.
 * Only while the lock of the image is held. */
void journal_sweep(const char *dir, const struct journal_image *image);

/* For tests and fuzzers: a journal from its bytes. */
int journal_parse(const uint8_t *data, size_t len, struct journal **journal,
		  struct error *err);

#endif
