/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hive.h - change values and keys of a registry hive, and verify the result
 *
 * hive.c is the only user of hivex, and uses it only for writing. hivex accepts only paths, so
 * it gets memory files that it opens as /proc/self/fd/N: no path of the host's disk is needed,
 * and the sandbox allows none. It needs iconv, whose tables must be loaded before the sandbox:
 * hive_prepare().
 *
 *	hive_prepare()			before the sandbox
 *	hive_apply(&before, -1, edits, n, newest_seq, &after, err)
 *	hive_memory_free(&after)
 *
 * What hivex can't do correctly is refused (measured with hivex 1.3.23): keys that hold a value
 * of more than HIVE_PLAIN_LIMIT bytes (it would rewrite it in a form that Windows does not
 * accept), and names that are not ASCII (it computes a wrong hash for them).
 */
#ifndef BUSFLIP_HIVE_H
#define BUSFLIP_HIVE_H

#include "helper/hive/hivecheck.h"

#define HIVE_PLAIN_LIMIT 16344u
/* Limits of one set of edits; far above what our tables contain. */
#define HIVE_EDITS_LIMIT 512u
#define HIVE_PATH_LIMIT 512u

enum hive_edit_kind {
	HIVE_EDIT_SET,		/* set the value; create the key if missing */
	HIVE_EDIT_DELETE_VALUE,
	HIVE_EDIT_DELETE_KEY,	/* with everything below it */
};

/* One change; all pointers are borrowed. */
struct hive_edit {
	enum hive_edit_kind kind;
	const char *path;	/* path of the key, ASCII, '\' between names */
	const char *name;	/* name of the value, ASCII; "" default; NULL: key */
	uint32_t type;		/* SET: enum registry_type or any other number */
	const uint8_t *data;
	uint32_t len;		/* bytes */
};

/*
 * A whole hive in mapped memory: anonymous, or a memory file
 *
 * @changed: NULL, or one byte for each page (HIVE_PAGE), zero if the page is the same as in the
 * hive that this one was made from. Whoever has both copies equal pages from the old hive:
 * touching a page for the first time costs a page fault. Only a mapping of a file has it.
 */
struct hive_memory {
	uint8_t *data;
	size_t len;
	uint8_t *changed;
};

/* hive_prepare() - load what hivex will need from the file system, and create the memory files
 * of one hive_apply(), which the sandbox forbids. Kept for the life of the process. */
int hive_prepare(struct error *err);

/* hive_file() - an empty memory file for hivex: one of hive_prepare()'s, or a new one if they
 * are used up. The caller closes it. */
int hive_file(int *fd, struct error *err);

/* hive_memory_new() - @len bytes, filled from @data unless that is NULL. Freed by
 * hive_memory_free(), which accepts zeroed ones too. */
int hive_memory_new(struct hive_memory *memory, const uint8_t *data, size_t len,
		    struct error *err);
void hive_memory_free(struct hive_memory *memory);

/* hive_memory_store() - make the file @fd contain exactly these bytes; hive_memory_map() - a
 * new @memory that maps @fd without a copy, with the pages that differ from @before. */
int hive_memory_store(const struct hive_memory *memory, int fd,
		      struct error *err);
int hive_memory_map(struct hive_memory *memory, int fd,
		    const struct hive_memory *before, struct error *err);

/*
 * hive_apply() - @before with all of @edits applied, in *@after
 *
 * @fd: a memory file that holds @before, -1: none. Edits of one key must be adjacent; they
 * become one operation. A value that already is as wanted is left alone, and if there is
 * nothing to change @after stays empty (data NULL). The new hive has sequence numbers newer
 * than @newest_seq (struct hivelog) and its own, so that no log matches it.
 *
 * Before it is returned it is read again, except for the pages that a comparison of all bytes
 * found unchanged: it must be whole (hive_check()), every edit must be in it, and every other
 * key and value must be as before.
 */
int hive_apply(const struct hive_memory *before, int fd,
	       const struct hive_edit *edits, size_t n, uint32_t newest_seq,
	       struct hive_memory *after, struct error *err);

/* hive_value_is() - 1 if @name of @path has this type and data, otherwise 0. */
int hive_value_is(const struct hive *h, const struct hive_edit *edit,
		  struct error *err);

#endif
