// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hivediff.c - what differs between two states of a hive
 *
 * Children are paired by their position in the hive first, which an editor that only appends
 * preserves, and by name if that fails. So the order does not matter, and no upper-case table
 * is needed.
 */

#include "helper/hive/hivecheck.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 4096

/* The keys from the root to the current one. */
struct frame {
	const struct frame *up;
	const struct hive_key *key;
};

struct diff {
	const struct hive *before, *after;
	hive_change_fn *each;
	void *opaque;
	const uint8_t *clean;	/* struct hive_marks, or NULL */
	struct hive_stats stats;
};

/* NOLINTNEXTLINE(misc-no-recursion): HIVE_DEPTH_LIMIT */
static int frame_path(const struct frame *f, char *path, size_t *used,
		      struct error *err)
{
	char name[HIVE_NAME_UTF8];
	size_t len;

	if (!f->up)	/* the root key's own name is not part of a path */
		return 0;
	if (frame_path(f->up, path, used, err) < 0)
		return -1;
	hive_name_utf8(f->key->name, f->key->name_len, f->key->wide, name);
	len = strlen(name);
	if (!range_ok(*used, len + 2, PATH_SIZE))
		return fail(err, REFUSE_WINDOWS_UNKNOWN, "path of a key too long");
	if (*used)
		path[(*used)++] = '\\';
	memcpy(path + *used, name, len + 1);
	*used += len;
	return 0;
}

static int report(struct diff *d, enum hive_change_kind kind,
		  const struct frame *f, const struct hive_value *value,
		  struct error *err)
{
	struct hive_change change = { .kind = kind, .value = value };
	char path[PATH_SIZE] = "", name[HIVE_NAME_UTF8];
	size_t used = 0;

	if (frame_path(f, path, &used, err) < 0)
		return -1;
	change.path = path;
	if (value) {
		hive_name_utf8(value->name, value->name_len, value->wide, name);
		change.name = name;
	}
	return d->each(d->opaque, &change, err) ? -1 : 0;
}

static bool same_name(const uint8_t *a, uint16_t a_len, bool a_wide,
		      const uint8_t *b, uint16_t b_len, bool b_wide)
{
	return a_len == b_len && a_wide == b_wide && memcmp(a, b, a_len) == 0;
}

/* ---- added and deleted trees --------------------------------------------- */

/* NOLINTNEXTLINE(misc-no-recursion): HIVE_DEPTH_LIMIT */
static int report_tree(struct diff *d, const struct hive *h, bool added,
		       const struct frame *f, unsigned int depth,
		       struct error *err)
{
	AUTO_FREE uint32_t *values = NULL;
	AUTO_FREE uint32_t *keys = NULL;
	ssize_t n_values = hive_values(h, f->key, &values, err);
	ssize_t n_keys = n_values < 0 ? -1
				      : hive_subkeys(h, f->key, &keys, err);
	struct hive_value v;

	if (n_keys < 0 || depth > HIVE_DEPTH_LIMIT)
		return n_keys < 0 ? -1 : fail(err, REFUSE_HIVE_DAMAGED,
					      "damaged: too deep");
	if (report(d, added ? HIVE_KEY_ADDED : HIVE_KEY_DELETED, f, NULL,
		   err) < 0)
		return -1;
	for (ssize_t i = 0; i < n_values; i++)
		if (hive_value_read(h, values[i], &v, err) < 0 ||
		    report(d, added ? HIVE_VALUE_ADDED : HIVE_VALUE_DELETED, f,
			   &v, err) < 0)
			return -1;
	for (ssize_t i = 0; i < n_keys; i++) {
		struct hive_key child;
		struct frame below = { f, &child };

		if (hive_key_read(h, keys[i], &child, err) < 0 ||
		    report_tree(d, h, added, &below, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- values -------------------------------------------------------------- */

/* 1: same, 0: not, -1: error. */
static int same_data(struct diff *d, const struct hive_value *a,
		     const struct hive_value *b, struct error *err)
{
	AUTO_FREE uint8_t *copy_a = NULL;
	AUTO_FREE uint8_t *copy_b = NULL;

	if (a->type != b->type || a->len != b->len)
		return 0;
	if (a->data && b->data)
		return memcmp(a->data, b->data, a->len) == 0;
	if (a->data || b->data)		/* stored in another way: counts as changed */
		return 0;
	if (hive_value_copy(d->before, a, &copy_a, err) < 0 ||
	    hive_value_copy(d->after, b, &copy_b, err) < 0)
		return -1;
	return memcmp(copy_a, copy_b, a->len) == 0;
}

static int diff_value(struct diff *d, uint32_t before, uint32_t after,
		      const struct frame *f, struct error *err)
{
	struct hive_value a, b;
	int same;

	if (hive_value_read(d->before, before, &a, err) < 0 ||
	    hive_value_read(d->after, after, &b, err) < 0)
		return -1;
	if (!same_name(a.name, a.name_len, a.wide, b.name, b.name_len, b.wide))
		return report(d, HIVE_VALUE_DELETED, f, &a, err) < 0 ||
		       report(d, HIVE_VALUE_ADDED, f, &b, err) < 0 ? -1 : 0;
	same = same_data(d, &a, &b, err);
	if (same < 0)
		return -1;
	d->stats.values += same > 0;
	return same ? 0 : report(d, HIVE_VALUE_CHANGED, f, &b, err);
}

static int value_name_in(const struct hive *h, const uint32_t *cells, ssize_t n,
			 const struct hive_value *wanted, struct error *err)
{
	struct hive_value v;

	for (ssize_t i = 0; i < n; i++) {
		if (hive_value_read(h, cells[i], &v, err) < 0)
			return -2;
		if (same_name(v.name, v.name_len, v.wide, wanted->name,
			      wanted->name_len, wanted->wide))
			return (int)i;
	}
	return -1;
}

/* Lists that do not match position by position: pair the values by name. */
static int diff_values_by_name(struct diff *d, const uint32_t *a, ssize_t n_a,
			       const uint32_t *b, ssize_t n_b,
			       const struct frame *f, struct error *err)
{
	struct hive_value v;
	int at;

	for (ssize_t i = 0; i < n_a; i++) {
		if (hive_value_read(d->before, a[i], &v, err) < 0 ||
		    (at = value_name_in(d->after, b, n_b, &v, err)) < -1)
			return -1;
		if (at < 0 ? report(d, HIVE_VALUE_DELETED, f, &v, err) < 0
			   : diff_value(d, a[i], b[at], f, err) < 0)
			return -1;
	}
	for (ssize_t i = 0; i < n_b; i++) {
		if (hive_value_read(d->after, b[i], &v, err) < 0 ||
		    (at = value_name_in(d->before, a, n_a, &v, err)) < -1)
			return -1;
		if (at < 0 && report(d, HIVE_VALUE_ADDED, f, &v, err) < 0)
			return -1;
	}
	return 0;
}

static int diff_values(struct diff *d, const struct hive_key *before,
		       const struct frame *f, struct error *err)
{
	AUTO_FREE uint32_t *a = NULL;
	AUTO_FREE uint32_t *b = NULL;
	ssize_t n_a = hive_values(d->before, before, &a, err);
	ssize_t n_b = n_a < 0 ? -1 : hive_values(d->after, f->key, &b, err);

	if (n_b < 0)
		return -1;
	if (n_a != n_b || (n_a && memcmp(a, b, (size_t)n_a * sizeof(*a))))
		return diff_values_by_name(d, a, n_a, b, n_b, f, err);
	for (ssize_t i = 0; i < n_a; i++)
		if (diff_value(d, a[i], b[i], f, err) < 0)
			return -1;
	return 0;
}

/* ---- keys ---------------------------------------------------------------- */

static int same_key(struct diff *d, const struct hive_key *a,
		    const struct hive_key *b, struct error *err)
{
	const uint8_t *class_a, *class_b;
	uint32_t len;

	if (a->time != b->time || a->flags != b->flags ||
	    a->class_len != b->class_len)
		return 0;
	if (a->class_len) {
		class_a = hive_cell(d->before, a->class_at, a->class_len, &len,
				    err);
		class_b = hive_cell(d->after, b->class_at, b->class_len, &len,
				    err);
		if (!class_a || !class_b)
			return -1;
		if (memcmp(class_a, class_b, a->class_len) != 0)
			return 0;
	}
	return hive_same_security(d->before, a->security, d->after,
				  b->security, err);
}

static int diff_key(struct diff *d, const struct hive_key *before,
		    const struct frame *f, unsigned int depth,
		    struct error *err);

/* NOLINTNEXTLINE(misc-no-recursion): HIVE_DEPTH_LIMIT */
static int diff_pair(struct diff *d, uint32_t before, uint32_t after,
		     const struct frame *f, unsigned int depth,
		     struct error *err)
{
	struct hive_key a, b;
	struct frame below = { f, &b };

	if (before == after && d->clean &&
	    d->clean[after / 64] & 1u << after / 8 % 8)
		return 0;
	if (hive_key_read(d->before, before, &a, err) < 0 ||
	    hive_key_read(d->after, after, &b, err) < 0)
		return -1;
	if (!same_name(a.name, a.name_len, a.wide, b.name, b.name_len, b.wide))
		return fail(err, REFUSE_HIVE_DAMAGED, "a key got another name");
	return diff_key(d, &a, &below, depth + 1, err);
}

/* Index of the child in @cells with the name of @wanted; -1: none. */
static ssize_t key_name_in(const struct hive *h, const uint32_t *cells,
			   ssize_t n, const struct hive_key *wanted,
			   struct error *err)
{
	struct hive_key k;

	for (ssize_t i = 0; i < n; i++) {
		if (hive_key_read(h, cells[i], &k, err) < 0)
			return -2;
		if (same_name(k.name, k.name_len, k.wide, wanted->name,
			      wanted->name_len, wanted->wide))
			return i;
	}
	return -1;
}

/* NOLINTNEXTLINE(misc-no-recursion): HIVE_DEPTH_LIMIT */
static int diff_children_by_name(struct diff *d, const uint32_t *a, ssize_t n_a,
				 const uint32_t *b, ssize_t n_b,
				 const struct frame *f, unsigned int depth,
				 struct error *err)
{
	struct hive_key k;
	struct frame below = { f, &k };
	ssize_t at, next = 0;

	for (ssize_t i = 0; i < n_a; i++) {
		while (next < n_b && b[next] != a[i])
			next++;
		at = next;
		if (next == n_b) {
			if (hive_key_read(d->before, a[i], &k, err) < 0 ||
			    (at = key_name_in(d->after, b, n_b, &k, err)) < -1)
				return -1;
			next = 0;
		}
		if (at < 0 ? report_tree(d, d->before, false, &below, depth,
					 err) < 0
			   : diff_pair(d, a[i], b[at], f, depth, err) < 0)
			return -1;
	}
	for (ssize_t i = 0, seen = 0; i < n_b; i++) {
		if (seen < n_a && a[seen] == b[i]) {
			seen++;
			continue;
		}
		if (hive_key_read(d->after, b[i], &k, err) < 0 ||
		    (at = key_name_in(d->before, a, n_a, &k, err)) < -1)
			return -1;
		if (at < 0 && report_tree(d, d->after, true, &below, depth,
					  err) < 0)
			return -1;
		if (at >= 0)
			seen = at + 1;
	}
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): HIVE_DEPTH_LIMIT */
static int diff_key(struct diff *d, const struct hive_key *before,
		    const struct frame *f, unsigned int depth,
		    struct error *err)
{
	AUTO_FREE uint32_t *a = NULL;
	AUTO_FREE uint32_t *b = NULL;
	ssize_t n_a, n_b;
	int same = same_key(d, before, f->key, err);

	if (depth > HIVE_DEPTH_LIMIT)
		return fail(err, REFUSE_HIVE_DAMAGED, "damaged: too deep");
	if (same < 0 || (!same && report(d, HIVE_KEY_CHANGED, f, NULL, err) < 0))
		return -1;
	d->stats.keys += same > 0;
	n_a = hive_subkeys(d->before, before, &a, err);
	n_b = n_a < 0 ? -1 : hive_subkeys(d->after, f->key, &b, err);
	if (n_b < 0 || diff_values(d, before, f, err) < 0)
		return -1;
	if (n_a != n_b || (n_a && memcmp(a, b, (size_t)n_a * sizeof(*a))))
		return diff_children_by_name(d, a, n_a, b, n_b, f, depth, err);
	for (ssize_t i = 0; i < n_a; i++)
		if (diff_pair(d, a[i], b[i], f, depth, err) < 0)
			return -1;
	return 0;
}

static int diff_roots(struct diff *d, struct error *err)
{
	struct hive_key a, b;
	struct frame top = { NULL, &b };

	if (hive_root(d->before, &a, err) < 0 ||
	    hive_root(d->after, &b, err) < 0)
		return -1;
	return diff_key(d, &a, &top, 0, err);
}

int hive_diff(const struct hive *before, const struct hive *after,
	      hive_change_fn *each, void *opaque, struct hive_stats *stats,
	      struct error *err)
{
	struct diff d = { .before = before, .after = after, .each = each,
			  .opaque = opaque };

	if (diff_roots(&d, err) < 0)
		return -1;
	if (stats)
		*stats = d.stats;
	return 0;
}

static bool page_changed(const struct hive *before, const struct hive *after,
			 uint64_t page)
{
	if (after->twin == before->data)
		return after->changed[page];
	return memcmp(before->data + page * HIVE_PAGE, after->data + page * HIVE_PAGE,
		      HIVE_PAGE) != 0;
}

/* One byte for each page of @after; a page that @before does not have is changed. */
static uint8_t *changed_pages(const struct hive *before,
			      const struct hive *after)
{
	uint64_t common = before->bins_size < after->bins_size
		? before->bins_size : after->bins_size;
	uint64_t pages = ((uint64_t)HIVE_BASE_SIZE + after->bins_size) / HIVE_PAGE;
	uint8_t *changed = calloc(pages + 1, 1);

	if (!changed)
		return NULL;
	for (uint64_t i = 1; i < pages; i++)
		changed[i] = i * HIVE_PAGE >= HIVE_BASE_SIZE + common ||
			     page_changed(before, after, i);
	changed[pages] = 1;
	return changed;
}

int hive_compare(const struct hive *before, const struct hive *after,
		 hive_change_fn *each, void *opaque, struct error *err)
{
	AUTO_FREE uint8_t *changed = changed_pages(before, after);
	AUTO_FREE uint8_t *clean = calloc(after->bins_size / 64 + 1, 1);
	struct hive_marks marks = { before, changed, clean };
	struct diff d = { .before = before, .after = after, .each = each,
			  .opaque = opaque, .clean = clean };

	if (!changed || !clean)
		return fail(err, ENOMEM, "out of memory");
	if (hive_check_against(after, &marks, NULL, err) < 0)
		return -1;
	return diff_roots(&d, err);
}
