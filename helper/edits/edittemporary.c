// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * edittemporary.c - settings of Windows that are changed until it has started from VirtIO
 *
 * The hive keeps the old values, in a key that nobody else has: EDITS_KEPT_KEY\\<control set>.
 * Only what an edit replaces is kept, and of several patches what the first one replaced.
 *
 * The values are those of registries of real Windows 7 and 10, named in Microsoft's
 * documentation.
 */

#include "helper/edits/edits.h"

#include <errno.h>

static const struct temporary {
	enum edit_group group;
	bool from_8;
	const char *path, *name;	/* below the control set; the names differ */
	uint32_t number;		/* DWORD */
} temporary[] = {
	{ GROUP_FAST_STARTUP, true, "Control\\Session Manager\\Power", "HiberbootEnabled", 0 },
	{ GROUP_TRIAL, false, "Control\\CrashControl", "AutoReboot", 0 },
	{ GROUP_TRIAL, false, "Services\\partmgr\\Parameters", "SanPolicy", 1 },
};

static int join(char path[HIVE_PATH_LIMIT], const char *one, const char *other,
		struct error *err)
{
	return str_printf(path, HIVE_PATH_LIMIT, "%s\\%s", one, other) ? 0 :
		fail(err, REFUSE_WINDOWS_UNKNOWN, "path too long");
}

/* 1: the key @path has a value @name; 0: no. */
static int find_value(const struct windows *win, const char *path, const char *name,
		      struct hive_value *value, struct error *err)
{
	struct hive_key key;
	int found = windows_find_path(win, path, &key, err);

	return found == 1 ? hive_get(&win->system, &key, name, value, err) : found;
}

static int keep_old(struct edits *plan, const struct windows *win, const struct edit *edit,
		    const char *kept, struct error *err)
{
	const struct hive_edit e = {
		.kind = HIVE_EDIT_SET, .path = kept, .name = edit->e.name,
		.type = edit->had ? edit->old_type : HIVE_NONE,
		.data = edit->old, .len = edit->old_len,
	};
	struct hive_value value;
	int found = find_value(win, kept, edit->e.name, &value, err);

	return found ? found : edits_add(plan, win, edit->group, &e, err);
}

int edits_add_temporary(struct edits *plan, const struct windows *win, const char *set,
			struct error *err)
{
	char path[HIVE_PATH_LIMIT];
	uint8_t data[4];
	size_t first = plan->n, end;

	for (size_t i = 0; i < ARRAY_SIZE(temporary); i++) {
		const struct temporary *t = &temporary[i];

		if (t->from_8 && win->generation < WINDOWS_8)
			continue;
		put_le32(data, t->number);
		if (join(path, set, t->path, err) < 0 ||
		    edits_add(plan, win, t->group, &(struct hive_edit){
				.kind = HIVE_EDIT_SET, .path = path, .name = t->name,
				.type = HIVE_DWORD, .data = data, .len = sizeof(data) },
			      err) < 0)
			return -1;
	}
	if (join(path, EDITS_KEPT_KEY, set, err) < 0)
		return -1;
	/* After them: edits of one key are adjacent. */
	end = plan->n;
	for (size_t i = first; i < end; i++)
		if (plan->list[i].needed &&
		    keep_old(plan, win, &plan->list[i], path, err) < 0)
			return -1;
	return 0;
}

/* A value that is not as the patch left it stays. */
static int restore_value(struct edits *plan, const struct windows *win, const char *set,
			 const struct temporary *t, const struct hive_value *old,
			 struct error *err)
{
	bool none = old->type == HIVE_NONE && !old->len;
	char path[HIVE_PATH_LIMIT];
	uint8_t data[4];
	struct hive_edit e = { .kind = HIVE_EDIT_SET, .path = path, .name = t->name,
			       .type = HIVE_DWORD, .data = data, .len = sizeof(data) };
	int ours;

	put_le32(data, t->number);
	if (join(path, set, t->path, err) < 0)
		return -1;
	ours = hive_value_is(&win->system, &e, err);
	if (ours < 0)
		return -1;
	if (!ours || (old->len && !old->data)) {
		plan->moved_on++;
		return 0;
	}
	e.kind = none ? HIVE_EDIT_DELETE_VALUE : HIVE_EDIT_SET;
	e.type = old->type;
	e.data = old->data;
	e.len = old->len;
	return edits_add(plan, win, t->group, &e, err);
}

static int restore_set(struct edits *plan, const struct windows *win, const char *set,
		       struct error *err)
{
	char kept[HIVE_PATH_LIMIT];
	struct hive_value old = { 0 };

	if (join(kept, EDITS_KEPT_KEY, set, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(temporary); i++) {
		int found = find_value(win, kept, temporary[i].name, &old, err);

		if (found < 0 || (found && restore_value(plan, win, set, &temporary[i], &old,
							 err) < 0))
			return -1;
	}
	return 0;
}

int edits_restore_temporary(struct edits *plan, const struct windows *win, struct error *err)
{
	if (restore_set(plan, win, win->control_set, err) < 0)
		return -1;
	for (size_t i = 0; i < win->other_set_count; i++)
		if (restore_set(plan, win, win->other_sets[i], err) < 0)
			return -1;
	return edits_add(plan, win, GROUP_TRIAL, &(struct hive_edit){
				.kind = HIVE_EDIT_DELETE_KEY, .path = EDITS_KEPT_KEY }, err);
}
