// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * editsback.c - undo edits by their record
 *
 * Windows may have changed a value since: then it stays, because the newer change counts. Keys
 * of the driver and of the device database that the patch created are never removed here: by
 * now Windows may run from them. (Restoring the whole old hive is another operation; the helper
 * does that from the backup.)
 */

#include "helper/edits/edits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 8
#define RECORD_DATA HIVE_PLAIN_LIMIT

/* Split @line at tabs in place; false unless there are exactly FIELDS. */
static bool split(char *line, char *field[FIELDS])
{
	for (size_t i = 0; i < FIELDS; i++) {
		if (!line)
			return false;
		field[i] = line;
		line = strchr(line, '\t');
		if (line)
			*line++ = '\0';
	}
	return !line;
}

static bool parse_number(const char *text, uint32_t *number)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	*number = (uint32_t)n;
	return *text >= '0' && *text <= '9' && !*end && !errno &&
	       n <= UINT32_MAX;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0'
	     : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place: the bytes need less space than their digits. */
static bool parse_hex(char *text, uint32_t *len)
{
	size_t n = strlen(text) / 2;

	if (strlen(text) % 2 || n > RECORD_DATA)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		text[i] = (char)(high << 4 | low);
	}
	*len = (uint32_t)n;
	return true;
}

static bool parse_group(const char *text, enum edit_group *group)
{
	for (unsigned int g = 0; g < GROUP_COUNT; g++)
		if (str_eq(text, edit_group_name((enum edit_group)g))) {
			*group = (enum edit_group)g;
			return true;
		}
	return false;
}

/* One line of the record; pointers go into the line. */
struct back {
	enum edit_group group;
	struct hive_edit to;	/* what to restore */
	bool had;
	struct hive_edit now;	/* what the edit left */
};

static bool parse_back(char *line, struct back *b)
{
	char *f[FIELDS];
	uint32_t kind;

	memset(b, 0, sizeof(*b));
	if (!split(line, f) || !parse_group(f[0], &b->group) ||
	    !parse_number(f[1], &kind) || kind > HIVE_EDIT_DELETE_KEY ||
	    !parse_number(f[4], &b->to.type) || !parse_hex(f[5], &b->to.len))
		return false;
	b->to.kind = (enum hive_edit_kind)kind;
	b->to.path = b->now.path = f[2];
	b->to.name = b->now.name = *f[3] == '=' ? f[3] + 1 : NULL;
	b->to.data = (const uint8_t *)f[5];
	b->had = !str_eq(f[6], "-");
	if (b->had && !parse_number(f[6], &b->now.type))
		return false;
	if (!parse_hex(f[7], &b->now.len) || (!b->had && b->now.len))
		return false;
	b->now.data = (const uint8_t *)f[7];
	return !b->to.name == (b->to.kind == HIVE_EDIT_DELETE_KEY) && *f[2];
}

/* 1: the hive is as the edit left it. */
static int still_ours(const struct windows *win, const struct back *b,
		      struct error *err)
{
	struct hive_value value;
	struct hive_key key;
	int found;

	if (b->to.kind == HIVE_EDIT_DELETE_KEY)
		return b->group != GROUP_SERVICE && b->group != GROUP_DATABASE;
	if (b->had)
		return hive_value_is(&win->system, &b->now, err);
	found = windows_find_path(win, b->to.path, &key, err);
	if (found == 1)
		found = hive_get(&win->system, &key, b->to.name, &value, err);
	return found < 0 ? -1 : !found;
}

static int already_back(const struct windows *win, const struct back *b,
			struct error *err)
{
	return b->to.kind == HIVE_EDIT_SET
		? hive_value_is(&win->system, &b->to, err) : 0;
}

static int take_back(struct edits *plan, const struct windows *win,
		     const struct back *b, struct error *err)
{
	int done = already_back(win, b, err);
	int ours = done < 0 ? -1 : still_ours(win, b, err);

	if (ours < 0)
		return -1;
	if (done || ours)
		return edits_add(plan, win, b->group, &b->to, err);
	plan->moved_on++;
	return 0;
}

static int restore_lines(struct edits *plan, const struct windows *win,
			 char *text, unsigned int groups, struct error *err)
{
	unsigned int number = 1;
	char *line = strtok_r(text, "\n", &text);
	struct back b;

	if (!str_eq(line, "busflip-edits\t1"))
		return fail(err, EINVAL, "no record of edits");
	while ((line = strtok_r(NULL, "\n", &text))) {
		number++;
		if (!parse_back(line, &b))
			return fail(err, EINVAL,
				    "record of edits: line %u is damaged",
				    number);
		if (groups & GROUP_BIT(b.group) &&
		    take_back(plan, win, &b, err) < 0)
			return -1;
	}
	return 0;
}

int edits_plan_restore(const struct windows *win, const char *record,
		       size_t len, unsigned int groups, struct edits **out,
		       struct error *err)
{
	AUTO_FREE char *text = calloc(len + 1, 1);
	struct edits *plan = calloc(1, sizeof(*plan));

	if (!text || !plan) {
		free(plan);
		return fail(err, ENOMEM, "out of memory");
	}
	memcpy(text, record, len);
	if (restore_lines(plan, win, text, groups, err) < 0) {
		edits_free(plan);
		return -1;
	}
	*out = plan;
	return 0;
}
