/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hivecheck.h - is a hive whole, and what differs between two of them?
 *
 * Both functions walk every key and value. They verify, before one byte of an edited hive
 * reaches the disk, that it is a hive which Windows can load and that it contains only the
 * intended changes.
 */
#ifndef BUSFLIP_HIVECHECK_H
#define BUSFLIP_HIVECHECK_H

#include "helper/hive/hivetree.h"

struct hive_stats {
	uint32_t keys, values;
	uint32_t cells;		/* in use; hive_check() only */
	uint32_t lost;		/* in use but not referenced: harmless */
};

/*
 * hive_check() - walk all bins, all cells and the whole tree of @h
 *
 * Each part of the tree must be a cell of its own that is in use, no cell may be used twice,
 * subkeys must be sorted and their hashes right (for ASCII names; the others need Windows'
 * upper-case table), counts, parents and the reference counts of security descriptors must
 * agree. REFUSE_HIVE_DAMAGED says where they don't. @stats may be NULL.
 */
int hive_check(const struct hive *h, struct hive_stats *stats,
	       struct error *err);

/*
 * hive_check_against() - hive_check() of @h, which also finds what can't differ from @before
 *
 * @changed: one byte for each page of @h, non-zero if its bytes differ from those of @before.
 * @clean: one bit for each 8 bytes of the bins, all zero; set for each key that lies in
 * unchanged bytes together with everything below it.
 */
struct hive_marks {
	const struct hive *before;
	const uint8_t *changed;
	uint8_t *clean;
};
int hive_check_against(const struct hive *h, const struct hive_marks *marks,
		       struct hive_stats *stats, struct error *err);

enum hive_change_kind {
	HIVE_KEY_ADDED, HIVE_KEY_DELETED,
	HIVE_KEY_CHANGED,	/* time, flags, class or security descriptor */
	HIVE_VALUE_ADDED, HIVE_VALUE_DELETED, HIVE_VALUE_CHANGED,
};

struct hive_change {
	enum hive_change_kind kind;
	const char *path;	/* of the key, UTF-8, '\' between names */
	const char *name;	/* of the value, UTF-8; "" default; NULL: key */
	const struct hive_value *value;	/* the new one; the old one if deleted */
};

/* Called for each difference; non-zero stops, and hive_diff() returns -1 with the @err that
 * the function filled. */
typedef int hive_change_fn(void *opaque, const struct hive_change *change,
			   struct error *err);

/*
 * hive_diff() - call @each for every difference from @before to @after
 *
 * An added or deleted key is followed by everything below it. @stats (may be NULL) counts what
 * was compared and found equal.
 */
int hive_diff(const struct hive *before, const struct hive *after,
	      hive_change_fn *each, void *opaque, struct hive_stats *stats,
	      struct error *err);

/*
 * hive_compare() - hive_check() of @after and hive_diff() in one, in less than half the time
 *
 * Subtrees that lie in unchanged bytes as a whole are equal and not visited twice. Both hives
 * must be opened by hive_open_bytes().
 */
int hive_compare(const struct hive *before, const struct hive *after,
		 hive_change_fn *each, void *opaque, struct error *err);

/* hive_same_security() - 1 if two security cells hold the same descriptor (their neighbours
 * and numbers of users may differ), 0, or -1. */
int hive_same_security(const struct hive *before, uint32_t a,
		       const struct hive *after, uint32_t b, struct error *err);

#endif
