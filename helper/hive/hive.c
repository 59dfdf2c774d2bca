// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hive.c - change values and keys of a registry hive, and verify the result
 *
 * Per key: its values are read, merged with the edits and written with one
 * hivex_node_set_values(), because hivex rewrites all values of a key at each call and never
 * reuses the old space.
 */

#include "helper/hive/hive.h"

#include <errno.h>
#include <hivex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define VALUES_LIMIT 4096u	/* of one key; some in-box keys have 2000 */

/* ---- editing ------------------------------------------------------------- */

/* hivex works in memory: any failure other than lack of memory means that the hive is damaged. */
static int hivex_failed(struct error *err, const char *what, const char *path)
{
	fail_errno(err, "hivex cannot %s %s", what, path);
	if (err && err->code != ENOMEM && err->code != ENOSPC)
		err->code = REFUSE_HIVE_DAMAGED;
	return -1;
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

/* The key at @path, created if missing and @create. 0: does not exist. */
static hive_node_h get_key(hive_h *h, const char *path, bool create,
			   struct error *err)
{
	hive_node_h node = hivex_root(h), child;
	char name[256];

	while (node && *path) {
		size_t len = strcspn(path, "\\");

		if (len == 0 || len >= sizeof(name)) {
			fail(err, EPROTO, "invalid key name in %s", path);
			return 0;
		}
		memcpy(name, path, len);
		name[len] = '\0';
		errno = 0;
		child = hivex_node_get_child(h, node, name);
		if (!child && errno == 0 && create)
			child = hivex_node_add_child(h, node, name);
		if (!child && (errno || create))
			hivex_failed(err, "create key", path);
		node = child;
		path += len + (path[len] == '\\');
	}
	return node;
}

/* All values of a key, in hivex's form. */
struct values {
	hive_set_value *v;
	size_t n;
};

static void free_values(struct values *values)
{
	for (size_t i = 0; i < values->n; i++) {
		free(values->v[i].key);
		free(values->v[i].value);
	}
	free(values->v);
}

static int read_value(hive_h *h, hive_value_h from, hive_set_value *to,
		      const char *path, struct error *err)
{
	hive_type type;
	size_t len;

	if (hivex_value_type(h, from, &type, &len) < 0)
		return hivex_failed(err, "read", path);
	if (len > HIVE_PLAIN_LIMIT)
		return fail(err, REFUSE_BIG_VALUE,
			    "%s holds a value of %zu bytes, which can't be "
			    "kept when another one is changed", path, len);
	to->key = hivex_value_key(h, from);
	to->value = hivex_value_value(h, from, &to->t, &to->len);
	if (!to->key || !to->value)
		return hivex_failed(err, "read", path);
	if (!is_ascii(to->key))
		return fail(err, REFUSE_BIG_VALUE,
			    "%s holds a value whose name can't be kept", path);
	return 0;
}

static int read_values(hive_h *h, hive_node_h node, const char *path,
		       size_t spare, struct values *values, struct error *err)
{
	AUTO_FREE hive_value_h *list = hivex_node_values(h, node);
	size_t n = 0;

	if (!list)
		return hivex_failed(err, "read", path);
	while (list[n])
		n++;
	if (n > VALUES_LIMIT)
		return fail(err, REFUSE_HIVE_DAMAGED, "%s: too many values",
			    path);
	values->v = calloc(n + spare, sizeof(*values->v));
	if (!values->v)
		return fail(err, ENOMEM, "out of memory");
	for (; values->n < n; values->n++)
		if (read_value(h, list[values->n], &values->v[values->n], path,
			       err) < 0) {
			values->n++;
			return -1;
		}
	return 0;
}

static int merge_edit(struct values *values, const struct hive_edit *e,
		      struct error *err)
{
	hive_set_value *v = NULL;
	size_t i = 0;

	if (!values->v)
		return fail(err, EPROTO, "no room for values of %s", e->path);
	while (i < values->n && strcasecmp(values->v[i].key, e->name) != 0)
		i++;
	v = &values->v[i];
	if (e->kind == HIVE_EDIT_DELETE_VALUE) {
		if (i == values->n)
			return 0;
		free(v->key);
		free(v->value);
		*v = values->v[--values->n];
		return 0;
	}
	if (i == values->n) {
		values->n++;
		v->key = strdup(e->name);
	}
	free(v->value);
	v->value = malloc(e->len ? e->len : 1);
	if (!v->key || !v->value)
		return fail(err, ENOMEM, "out of memory");
	memcpy(v->value, e->data, e->len);
	v->t = (hive_type)e->type;
	v->len = e->len;
	return 0;
}

static int edit_values(hive_h *h, const struct hive_edit *edits, size_t n,
		       struct error *err)
{
	struct values values = { NULL, 0 };
	hive_node_h node;
	bool create = false;
	int ret = -1;

	for (size_t i = 0; i < n; i++)
		create |= edits[i].kind == HIVE_EDIT_SET;
	err->code = 0;
	node = get_key(h, edits[0].path, create, err);
	if (!node)
		return err->code ? -1 : 0;
	if (read_values(h, node, edits[0].path, n, &values, err) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		if (merge_edit(&values, &edits[i], err) < 0)
			goto out;
	if (hivex_node_set_values(h, node, values.n, values.v, 0) < 0)
		hivex_failed(err, "set values of", edits[0].path);
	else
		ret = 0;
out:
	free_values(&values);
	return ret;
}

static int edit_key(hive_h *h, const struct hive_edit *edits, size_t n,
		    struct error *err)
{
	hive_node_h node;

	if (edits[0].kind != HIVE_EDIT_DELETE_KEY)
		return edit_values(h, edits, n, err);
	err->code = 0;
	node = get_key(h, edits[0].path, false, err);
	if (!node)
		return err->code ? -1 : 0;
	return hivex_node_delete_child(h, node) < 0
		? hivex_failed(err, "delete key", edits[0].path) : 0;
}

/* How many of the @n edits belong to the first one's operation. */
static size_t same_operation(const struct hive_edit *edits, size_t n)
{
	size_t i = 1;

	while (i < n && edits[i].kind != HIVE_EDIT_DELETE_KEY &&
	       edits[0].kind != HIVE_EDIT_DELETE_KEY &&
	       strcasecmp(edits[i].path, edits[0].path) == 0)
		i++;
	return i;
}

static int run_hivex(int before, const struct hive_edit *edits, size_t n,
		     int after, struct error *err)
{
	char path[64];
	hive_h *h;
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", before);
	h = hivex_open(path, HIVEX_OPEN_WRITE);
	if (!h)
		return hivex_failed(err, "open", "the hive");
	for (size_t i = 0, step; i < n && ret == 0; i += step) {
		step = same_operation(edits + i, n - i);
		ret = edit_key(h, edits + i, step, err);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", after);
	if (ret == 0 && hivex_commit(h, path, 0) < 0)
		ret = fail_errno(err, "hivex cannot write the hive");
	hivex_close(h);
	return ret;
}

/* ---- what goes in and what came out -------------------------------------- */

static int check_edit(const struct hive_edit *e, struct error *err)
{
	if (!is_ascii(e->path) || (e->name && !is_ascii(e->name)) ||
	    strlen(e->path) >= HIVE_PATH_LIMIT ||
	    (e->name && strlen(e->name) > 255))
		return fail(err, EPROTO, "names must be short and ASCII: %s",
			    e->path);
	if (!e->name != (e->kind == HIVE_EDIT_DELETE_KEY) || !*e->path)
		return fail(err, EPROTO, "invalid edit of %s", e->path);
	if (e->kind == HIVE_EDIT_SET && e->len > HIVE_PLAIN_LIMIT)
		return fail(err, EPROTO, "%s: value too long", e->path);
	return 0;
}

int hive_value_is(const struct hive *h, const struct hive_edit *edit,
		  struct error *err)
{
	struct hive_key root, key;
	struct hive_value v = { .len = 0 };
	int found;

	if (hive_root(h, &root, err) < 0)
		return -1;
	found = hive_find(h, &root, edit->path, &key, err);
	if (found == 1)
		found = hive_get(h, &key, edit->name, &v, err);
	if (found <= 0)
		return found;
	return v.type == edit->type && v.len == edit->len && v.data &&
	       memcmp(v.data, edit->data, v.len) == 0;
}

/* 1: the hive is as the edit wants it. */
static int edit_holds(const struct hive *h, const struct hive_edit *e,
		      struct error *err)
{
	struct hive_key root, key;
	struct hive_value v = { .len = 0 };
	int found;

	if (e->kind == HIVE_EDIT_SET)
		return hive_value_is(h, e, err);
	if (hive_root(h, &root, err) < 0)
		return -1;
	found = hive_find(h, &root, e->path, &key, err);
	if (found == 1 && e->kind == HIVE_EDIT_DELETE_VALUE)
		found = hive_get(h, &key, e->name, &v, err);
	return found < 0 ? -1 : !found;
}

struct intended {
	const struct hive_edit *edits;
	size_t n;
};

/* True if @path is @above or below it (@below), or @above is below @path. */
static bool path_covers(const char *above, const char *path)
{
	size_t len = strlen(above);

	return strncasecmp(above, path, len) == 0 &&
	       (path[len] == '\\' || path[len] == '\0');
}

static bool change_intended(const struct hive_change *c,
			    const struct hive_edit *e)
{
	switch (c->kind) {
	case HIVE_KEY_ADDED:
		return e->kind == HIVE_EDIT_SET && path_covers(c->path, e->path);
	case HIVE_VALUE_ADDED:
	case HIVE_VALUE_CHANGED:
		return e->kind == HIVE_EDIT_SET &&
		       strcasecmp(c->path, e->path) == 0 &&
		       strcasecmp(c->name, e->name) == 0;
	case HIVE_VALUE_DELETED:
		if (e->kind == HIVE_EDIT_DELETE_VALUE)
			return strcasecmp(c->path, e->path) == 0 &&
			       strcasecmp(c->name, e->name) == 0;
		return e->kind == HIVE_EDIT_DELETE_KEY &&
		       path_covers(e->path, c->path);
	case HIVE_KEY_DELETED:
		return e->kind == HIVE_EDIT_DELETE_KEY &&
		       path_covers(e->path, c->path);
	case HIVE_KEY_CHANGED:
		break;
	}
	return false;
}

static int judge_change(void *opaque, const struct hive_change *change,
			struct error *err)
{
	const struct intended *in = opaque;

	for (size_t i = 0; i < in->n; i++)
		if (change_intended(change, &in->edits[i]))
			return 0;
	return fail(err, EPROTO, "the edit changed more than it should: %s%s%s",
		    change->path, change->name ? " value " : "",
		    change->name ? change->name : "");
}

static int prove(const struct hive_memory *before, struct intended *in,
		 const struct hive_memory *after, struct error *err)
{
	struct hive a, b;

	if (hive_open_bytes(&a, before->data, before->len, err) < 0 ||
	    hive_open_bytes(&b, after->data, after->len, err) < 0)
		return -1;
	b.twin = before->data;
	b.changed = after->changed;
	for (size_t i = 0; i < in->n; i++) {
		int holds = edit_holds(&b, &in->edits[i], err);

		if (holds <= 0)
			return holds < 0 ? -1
				: fail(err, EPROTO, "the edit of %s is not in it",
				       in->edits[i].path);
	}
	return hive_compare(&a, &b, judge_change, in, err);
}

/* hivex increments the sequence number by one, which a log may well match. Logs of the old
 * format are matched by the time of the hive; it is changed by the smallest step. */
static void seal(struct hive_memory *after, uint32_t newest_seq)
{
	uint32_t own = get_le32(after->data + 4);
	uint64_t time = get_le64(after->data + 12);

	after->changed[0] = 1;
	if (time)
		put_le64(after->data + 12, time + 1);
	hive_base_seal(after->data, (seq_before(own, newest_seq) ? newest_seq
								 : own) + 1);
}

/* hivex frees what a key or a value refers to, even if the length says that nothing is there
 * (delete_node() and delete_values() in its lib/write.c): a cell of another owner, or for a
 * class something that is not a cell, on which it aborts the program. Windows writes neither. */
static int check_freed(const struct hive *h, const struct hive_edit *e, struct error *err)
{
	AUTO_FREE uint32_t *cells = NULL;
	struct hive_key root, key;
	const uint8_t *value;
	uint32_t len;
	ssize_t n;
	int found;

	if (hive_root(h, &root, err) < 0)
		return -1;
	found = hive_find(h, &root, e->path, &key, err);
	if (found <= 0)
		return found;
	if (e->kind == HIVE_EDIT_DELETE_KEY && !key.class_len && key.class_at != HIVE_NO_CELL)
		return fail(err, REFUSE_HIVE_DAMAGED, "%s has a class of no length", e->path);
	n = hive_values(h, &key, &cells, err);
	for (ssize_t i = 0; i < n; i++) {
		value = hive_cell(h, cells[i], 8, &len, err);
		if (!value)
			return -1;
		if (!get_le32(value + 4))
			return fail(err, REFUSE_HIVE_DAMAGED, "%s has a value of no length "
				    "outside of its cell", e->path);
	}
	return n < 0 ? -1 : 0;
}

/* Copy to @wanted the edits that are not yet in the hive. Return their number, or -1. */
static ssize_t pick_wanted(const struct hive_memory *before,
			   const struct intended *in, struct hive_edit *wanted,
			   struct error *err)
{
	struct hive h;
	ssize_t n = 0;

	if (hive_open_bytes(&h, before->data, before->len, err) < 0)
		return -1;
	for (size_t i = 0; i < in->n; i++) {
		int holds = edit_holds(&h, &in->edits[i], err);

		if (holds < 0 || (!holds && check_freed(&h, &in->edits[i], err) < 0))
			return -1;
		if (!holds)
			wanted[n++] = in->edits[i];
	}
	return n;
}


/* Apply them with hivex, which reads one file and writes another. */
static int edit_files(const struct hive_memory *before, int fd,
		      const struct hive_edit *edits, size_t n,
		      struct hive_memory *after, struct error *err)
{
	AUTO_FD int own = -1;
	AUTO_FD int out = -1;

	if (fd < 0) {
		if (hive_file(&own, err) < 0 ||
		    hive_memory_store(before, own, err) < 0)
			return -1;
		fd = own;
	}
	if (hive_file(&out, err) < 0 || run_hivex(fd, edits, n, out, err) < 0)
		return -1;
	return hive_memory_map(after, out, before, err);
}

int hive_apply(const struct hive_memory *before, int fd,
	       const struct hive_edit *edits, size_t n, uint32_t newest_seq,
	       struct hive_memory *after, struct error *err)
{
	struct intended in = { edits, n };
	AUTO_FREE struct hive_edit *wanted = NULL;
	struct error own = { 0 };
	ssize_t todo;

	memset(after, 0, sizeof(*after));
	err = err ? err : &own;
	if (n > HIVE_EDITS_LIMIT)
		return fail(err, EPROTO, "too many edits");
	for (size_t i = 0; i < n; i++)
		if (check_edit(&edits[i], err) < 0)
			return -1;
	wanted = calloc(n + 1, sizeof(*wanted));
	if (!wanted)
		return fail(err, ENOMEM, "out of memory");
	todo = pick_wanted(before, &in, wanted, err);
	if (todo <= 0)
		return (int)todo;
	if (edit_files(before, fd, wanted, (size_t)todo, after, err) < 0)
		return -1;
	if (after->len < HIVE_BASE_SIZE) {
		hive_memory_free(after);
		return fail(err, EPROTO, "hivex wrote no hive");
	}
	seal(after, newest_seq);
	if (prove(before, &in, after, err) < 0) {
		hive_memory_free(after);
		return -1;
	}
	return 0;
}
