// SPDX-License-Identifier: GPL-2.0-or-later
/* edits.c - compare edits with the registry, apply them */

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

/* Append a copy of @e; NULL with @err. */
static struct edit *append(struct edits *plan, const struct hive_edit *e, enum edit_group group,
			   struct error *err)
{
	struct edit *edit;

	if (!plan->list)
		plan->list = calloc(HIVE_EDITS_LIMIT, sizeof(*plan->list));
	if (!plan->list) {
		fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	if (plan->n == HIVE_EDITS_LIMIT) {
		fail(err, REFUSE_WINDOWS_UNKNOWN, "its registry needs more than %u edits",
		     HIVE_EDITS_LIMIT);
		return NULL;
	}
	edit = &plan->list[plan->n++];
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

/* The key at @edit's path; how much of the path exists is stored in @edit. */
static int find_key(const struct windows *win, struct edit *edit, struct hive_key *key,
		    struct error *err)
{
	char part[HIVE_PATH_LIMIT];
	size_t len = strlen(edit->e.path);
	int found = windows_find_path(win, edit->e.path, key, err);
	struct hive_key other;

	if (found > 0)
		edit->there = len;
	for (int above = found; !above && len;) {
		do
			--len;
		while (len && edit->e.path[len] != '\\');
		memcpy(part, edit->e.path, len);
		part[len] = '\0';
		above = len ? windows_find_path(win, part, &other, err) : 1;
		if (above < 0)
			return -1;
		edit->there = len;
	}
	return found;
}

int edits_add(struct edits *plan, const struct windows *win,
	      enum edit_group group, const struct hive_edit *e,
	      struct error *err)
{
	struct edit *edit = append(plan, e, group, err);
	struct hive_key key;
	int found;

	if (!edit)
		return -1;
	found = find_key(win, edit, &key, err);
	if (found < 0)
		return -1;
	edit->needed = found || e->kind == HIVE_EDIT_SET;
	if (found && e->kind != HIVE_EDIT_DELETE_KEY && read_old(win, edit, &key, err) < 0)
		return -1;
	if (e->kind == HIVE_EDIT_DELETE_VALUE)
		edit->needed = edit->had;
	plan->changes += edit->needed;
	return 0;
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
