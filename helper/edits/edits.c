// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * edits.c - compare edits with the registry, record how to undo them, apply them
 *
 * For each needed edit the reverse is recorded at once: the old value, or the removal of the
 * value, or of the topmost key that the edit will create. A later plan that undoes edits is
 * made from these records alone.
 */

#include "helper/edits/edits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *edit_group_name(enum edit_group group)
{
	static const char *const names[] = {
		[GROUP_SERVICE] = "service", [GROUP_DATABASE] = "database",
		[GROUP_OVERRIDE] = "override", [GROUP_BOOT] = "boot",
		[GROUP_FAST_STARTUP] = "fast-startup", [GROUP_TRIAL] = "trial",
		[GROUP_PACKAGE] = "package",
	};
	_Static_assert(ARRAY_SIZE(names) == GROUP_COUNT, "a name per group");

	return names[group];
}

/* edits_free() frees what the plan's lists hold, also after a failure; gcc's analyzer does not
 * see that. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

/* ---- memory -------------------------------------------------------------- */

static void free_list(struct edit *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free((void *)(uintptr_t)list[i].e.path);
		free((void *)(uintptr_t)list[i].e.name);
		free((void *)(uintptr_t)list[i].e.data);
		free(list[i].old);
	}
	free(list);
}

void edits_free(struct edits *plan)
{
	if (!plan)
		return;
	free_list(plan->list, plan->n);
	free_list(plan->undo, plan->n_undo);
	free(plan);
}

static uint8_t *copy_bytes(const uint8_t *data, uint32_t len)
{
	uint8_t *copy = malloc((size_t)len + 1);

	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, data, len);
	return copy;
}

static bool same_bytes(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	return !len || (a && b && memcmp(a, b, len) == 0);
}

/* Append a copy of @e to a list of at most HIVE_EDITS_LIMIT; NULL with @err. */
static struct edit *append(struct edit **list, size_t *n,
			   const struct hive_edit *e, enum edit_group group,
			   struct error *err)
{
	struct edit *edit;

	if (!*list)
		*list = calloc(HIVE_EDITS_LIMIT, sizeof(**list));
	if (!*list) {
		fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	if (*n == HIVE_EDITS_LIMIT) {
		fail(err, REFUSE_WINDOWS_UNKNOWN, "its registry needs more than %u edits",
		     HIVE_EDITS_LIMIT);
		return NULL;
	}
	edit = &(*list)[(*n)++];
	edit->group = group;
	edit->e = *e;
	edit->e.path = strdup(e->path);
	edit->e.name = e->name ? strdup(e->name) : NULL;
	edit->e.data = e->kind == HIVE_EDIT_SET ? copy_bytes(e->data, e->len)
						: NULL;
	if (!edit->e.path || !edit->e.name != !e->name ||
	    (e->kind == HIVE_EDIT_SET && !edit->e.data)) {
		fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	return edit;
}

/* ---- how to take an edit back -------------------------------------------- */

static struct edit *add_undo(struct edits *plan, const struct hive_edit *back,
			     enum edit_group group, struct error *err)
{
	return append(&plan->undo, &plan->n_undo, back, group, err);
}

/* Length of the longest existing part of @path; 0: none of it. */
static int existing_part(const struct windows *win, const char *path,
			 size_t *len, struct error *err)
{
	char part[HIVE_PATH_LIMIT];
	struct hive_key key;
	int found;

	for (*len = strlen(path); *len;) {
		memcpy(part, path, *len);
		part[*len] = '\0';
		found = windows_find_path(win, part, &key, err);
		if (found)
			return found;
		do
			--*len;
		while (*len && path[*len] != '\\');
	}
	return 0;
}

/* The key at @path is missing: record its removal, beginning with the topmost key that the
 * edit creates, once for all edits below it. */
static int undo_new_key(struct edits *plan, const struct windows *win,
			const struct edit *edit, struct error *err)
{
	char top[HIVE_PATH_LIMIT];
	size_t there, len;

	if (existing_part(win, edit->e.path, &there, err) < 0)
		return -1;
	len = there ? there + 1 : 0;
	len += strcspn(edit->e.path + len, "\\");
	memcpy(top, edit->e.path, len);
	top[len] = '\0';
	for (size_t i = 0; i < plan->n_undo; i++)
		if (plan->undo[i].e.kind == HIVE_EDIT_DELETE_KEY &&
		    strcasecmp(plan->undo[i].e.path, top) == 0)
			return 0;
	return add_undo(plan, &(struct hive_edit) {
				.kind = HIVE_EDIT_DELETE_KEY, .path = top },
			edit->group, err) ? 0 : -1;
}

static int undo_set(struct edits *plan, const struct edit *edit,
		    struct error *err)
{
	struct hive_edit back = { .kind = HIVE_EDIT_DELETE_VALUE,
				  .path = edit->e.path, .name = edit->e.name };
	struct edit *undo;

	if (edit->had) {
		back.kind = HIVE_EDIT_SET;
		back.type = edit->old_type;
		back.data = edit->old;
		back.len = edit->old_len;
	}
	undo = add_undo(plan, &back, edit->group, err);
	if (!undo)
		return -1;
	undo->had = true;
	undo->old_type = edit->e.type;
	undo->old_len = edit->e.len;
	undo->old = copy_bytes(edit->e.data, edit->e.len);
	return undo->old ? 0 : fail(err, ENOMEM, "out of memory");
}

/* Values of a key that will be deleted. Only StartOverride keys are deleted; they hold a few
 * numbers and no subkeys. */
static int undo_delete(struct edits *plan, const struct windows *win,
		       const struct edit *edit, const struct hive_key *key,
		       struct error *err)
{
	AUTO_FREE uint32_t *cells = NULL;
	char name[HIVE_NAME_UTF8];
	struct hive_value v;
	ssize_t n = hive_values(&win->system, key, &cells, err);

	if (n >= 0 && (key->subkeys || n > 64))
		return fail(err, REFUSE_HIVE_DAMAGED,
			    "%s holds more than it should", edit->e.path);
	for (ssize_t i = 0; i < n; i++) {
		struct hive_edit back = { .kind = HIVE_EDIT_SET,
					  .path = edit->e.path, .name = name };

		if (hive_value_read(&win->system, cells[i], &v, err) < 0)
			return -1;
		hive_name_utf8(v.name, v.name_len, v.wide, name);
		back.type = v.type;
		back.data = v.data;
		back.len = v.len;
		if (!v.data)
			return fail(err, REFUSE_BIG_VALUE,
				    "%s holds more than it should",
				    edit->e.path);
		if (!add_undo(plan, &back, edit->group, err))
			return -1;
	}
	return n < 0 ? -1 : 0;
}

/* ---- planning ------------------------------------------------------------ */

static int read_old(const struct windows *win, struct edit *edit,
		    const struct hive_key *key, struct error *err)
{
	struct hive_value v;
	int found = hive_get(&win->system, key, edit->e.name, &v, err);

	if (found <= 0)
		return found;
	if (!v.data)
		return fail(err, REFUSE_BIG_VALUE, "%s\\%s is too large to be "
			    "replaced", edit->e.path, edit->e.name);
	edit->had = true;
	edit->old_type = v.type;
	edit->old_len = v.len;
	edit->old = copy_bytes(v.data, v.len);
	if (!edit->old)
		return fail(err, ENOMEM, "out of memory");
	if (edit->e.kind == HIVE_EDIT_SET)
		edit->needed = v.type != edit->e.type || v.len != edit->e.len ||
			       !same_bytes(v.data, edit->e.data, v.len);
	return 0;
}

static int plan_set(struct edits *plan, const struct windows *win,
		    struct edit *edit, int found, const struct hive_key *key,
		    struct error *err)
{
	edit->needed = true;
	if (found && read_old(win, edit, key, err) < 0)
		return -1;
	if (!edit->needed)
		return 0;
	/* Only that value is restored when the domain is done: others may have added to its
	 * key by then. */
	return found || edit->group == GROUP_TRIAL || edit->group == GROUP_FAST_STARTUP ?
		undo_set(plan, edit, err) : undo_new_key(plan, win, edit, err);
}

int edits_add(struct edits *plan, const struct windows *win,
	      enum edit_group group, const struct hive_edit *e,
	      struct error *err)
{
	struct edit *edit = append(&plan->list, &plan->n, e, group, err);
	struct hive_key key;
	int found, bad = 0;

	if (!edit)
		return -1;
	found = windows_find_path(win, e->path, &key, err);
	if (found < 0)
		return -1;
	switch (e->kind) {
	case HIVE_EDIT_SET:
		bad = plan_set(plan, win, edit, found, &key, err);
		break;
	case HIVE_EDIT_DELETE_VALUE:
		if (found && read_old(win, edit, &key, err) < 0)
			return -1;
		edit->needed = edit->had;
		break;
	case HIVE_EDIT_DELETE_KEY:
		edit->needed = found;
		if (found)
			bad = undo_delete(plan, win, edit, &key, err);
		break;
	}
	plan->changes += edit->needed;
	return bad;
}

int edits_apply(const struct edits *plan, const struct hive_memory *before,
		int fd, uint32_t newest_seq, struct hive_memory *after,
		struct error *err)
{
	AUTO_FREE struct hive_edit *list = calloc(plan->n + 1, sizeof(*list));
	size_t n = 0;

	memset(after, 0, sizeof(*after));
	if (!list)
		return fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < plan->n; i++)
		if (plan->list[i].needed)
			list[n++] = plan->list[i].e;
	return n ? hive_apply(before, fd, list, n, newest_seq, after, err) : 0;
}
