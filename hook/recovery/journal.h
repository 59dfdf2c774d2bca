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
 * The header of a journal says which image it belongs to (identity.h), its name does not. The
 * journal of an image that is gone stays until "busflip clean": it is redone on no other image
 * and keeps no other guest from starting.
 *
 * If another image has the path, it may be a copy of the half patched one, restored from a
 * backup or moved to another file system. Or it belongs to another guest, and the journal to
 * whoever had the path before. So a journal is never redone on it: its content may have been
 * chosen to fit a disk with known content. But an image that is seen to be between old and new
 * (journal_is_half_done()) is not started: a Windows on half of a patch does more damage, while
 * a refused start is repaired by one command. A disk that is all old or all new is consistent,
 * and one with a sector that is neither is another disk.
 *
 * File: header, path, identifier, list of runs, then old and new content of each run; one CRC
 * over what identifies the image, and one over all. It is written under a temporary name and
 * renamed, so an incomplete file never has the final name.
 */
#ifndef BUSFLIP_JOURNAL_H
#define BUSFLIP_JOURNAL_H

#include "helper/shared/file.h"
#include "helper/shared/nbdclient.h"
#include "hook/recovery/identity.h"

struct journal;

int journal_new(const struct image_identity *image, struct journal **journal,
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

/* journal_find() - is one stored for @image? A journal with a damaged header counts as
 * @image's if it has the name that journal_name() gives. Return 1 with @name, the path of its
 * file, 0, or -1. */
int journal_find(const char *dir, const struct image_identity *image,
		 char *name, size_t size, struct error *err);

/* journal_each() - every journal in @dir, by name, until @each returns non-zero. @image: the
 * image it belongs to, NULL if its header is damaged. Return 0, what @each returned, or -1. */
int journal_each(const char *dir,
		 int (*each)(void *context, const char *name,
			     const struct image_identity *image),
		 void *context, struct error *err);

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

/* journal_is_half_done() - 1 if the disk is between old and new, 0 if not, -1. Writes
 * nothing. */
int journal_is_half_done(const struct journal *journal, struct nbd_client *disk,
			 struct error *err);

/* journal_remove() - remove it, durably. */
int journal_remove(const char *name, struct error *err);

/* journal_name() - the path that journal_store() uses. */
int journal_name(const char *dir, const struct image_identity *image,
		 char *name, size_t size, struct error *err);

/* journal_sweep() - remove unfinished files for @image that a killed journal_store() left.
 * Only while the lock of the image is held. */
void journal_sweep(const char *dir, const struct image_identity *image);

/* For tests and fuzzers: a journal from its bytes. */
int journal_parse(const uint8_t *data, size_t len, struct journal **journal,
		  struct error *err);

#endif
