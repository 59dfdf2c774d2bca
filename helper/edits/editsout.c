// SPDX-License-Identifier: GPL-2.0-or-later
/* editsout.c - a plan of edits as .reg file, JSON and text */

#include "helper/edits/edits.h"
#include "helper/shared/json.h"
#include "helper/shared/text.h"

#include <string.h>
#include <strings.h>

#define REG_ROOT "HKEY_LOCAL_MACHINE\\SYSTEM\\"

/* REG_SZ whose bytes are ASCII with one NUL at the end; other strings are shown as bytes, so
 * that nothing is lost. */
static bool plain_text(uint32_t type, const uint8_t *data, uint32_t len)
{
	if (type != HIVE_SZ || len < 2 || len % 2)
		return false;
	for (uint32_t i = 0; i < len; i += 2) {
		uint16_t c = get_le16(data + i);

		if (i + 2 == len ? c != 0 : c < 0x20 || c > 0x7e)
			return false;
	}
	return true;
}

static void write_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void write_reg_data(FILE *out, uint32_t type, const uint8_t *data,
			   uint32_t len)
{
	char text[2048];

	if (type == HIVE_DWORD && len == 4) {
		fprintf(out, "dword:%08x", get_le32(data));
		return;
	}
	if (plain_text(type, data, len) && len < sizeof(text)) {
		utf16_to_utf8(text, sizeof(text), data, len);
		fputc('"', out);
		write_escaped(out, text);
		fputc('"', out);
		return;
	}
	if (type == HIVE_BINARY)
		fputs("hex:", out);
	else
		fprintf(out, "hex(%x):", type);
	for (uint32_t i = 0; i < len; i++)
		fprintf(out, "%s%02x", i ? "," : "", data[i]);
}

/* The readable form, shown beside the bytes. */
static void write_shown(FILE *out, uint32_t type, const uint8_t *data,
			uint32_t len)
{
	char text[2048];

	if (type == HIVE_DWORD && len == 4) {
		fprintf(out, "%u", get_le32(data));
	} else if ((type == HIVE_SZ || type == HIVE_EXPAND_SZ ||
		    type == HIVE_MULTI_SZ) && len < sizeof(text)) {
		utf16_to_utf8(text, sizeof(text), data, len);
		fputc('"', out);
		text_safe(out, text);
		fputc('"', out);
	} else {
		fprintf(out, "%u bytes", len);
	}
}

static void write_was(FILE *out, const struct edit *edit)
{
	if (edit->e.kind == HIVE_EDIT_DELETE_KEY || !edit->had) {
		fputs(edit->had || edit->e.kind == HIVE_EDIT_DELETE_KEY
		      ? "there" : "not there", out);
		return;
	}
	write_shown(out, edit->old_type, edit->old, edit->old_len);
}

/* A headline for each parent key of @edit that does not exist yet: regedit creates them by
 * itself, hivexregedit does not. Skip those that @last has named. */
static void write_reg_parents(FILE *out, const struct edit *edit, const char *last)
{
	const char *path = edit->e.path;
	size_t len = edit->there;

	if (!path[len])
		return;
	if (!len)
		len = strcspn(path, "\\");
	else
		len += 1 + strcspn(path + len + 1, "\\");
	for (; path[len]; len += 1 + strcspn(path + len + 1, "\\"))
		if (!last || strncasecmp(last, path, len) != 0 ||
		    (last[len] != '\\' && last[len]))
			fprintf(out, "\n[" REG_ROOT "%.*s]\n", (int)len, path);
}

/* The comments come before the headline of their key: hivexregedit accepts none after it. */
static void write_reg_head(FILE *out, const struct edit *edit,
			   const struct edit *end)
{
	const char *path = edit->e.path;

	fprintf(out, "\n; %s\n", edit_group_name(edit->group));
	for (; edit < end && strcasecmp(edit->e.path, path) == 0; edit++) {
		if (!edit->needed || edit->e.kind == HIVE_EDIT_DELETE_KEY)
			continue;
		fprintf(out, "; \"%s\" was: ", edit->e.name);
		write_was(out, edit);
		fputc('\n', out);
	}
	fprintf(out, "[" REG_ROOT "%s]\n", path);
}

static void write_reg_edit(FILE *out, const struct edit *edit)
{
	const struct hive_edit *e = &edit->e;

	if (*e->name) {
		fputc('"', out);
		write_escaped(out, e->name);
		fputs("\"=", out);
	} else {
		fputs("@=", out);
	}
	if (e->kind == HIVE_EDIT_SET)
		write_reg_data(out, e->type, e->data, e->len);
	else
		fputc('-', out);
	fputc('\n', out);
}

void edits_write_reg(const struct edits *plan, FILE *out)
{
	const struct edit *end = plan->list + plan->n;
	const char *last = NULL;

	fputs("Windows Registry Editor Version 5.00\n", out);
	for (const struct edit *edit = plan->list; edit < end; edit++) {
		if (!edit->needed)
			continue;
		if (edit->e.kind == HIVE_EDIT_DELETE_KEY) {
			fprintf(out, "\n; %s\n[-" REG_ROOT "%s]\n",
				edit_group_name(edit->group), edit->e.path);
			last = NULL;
			continue;
		}
		if (!last || strcasecmp(last, edit->e.path) != 0) {
			write_reg_parents(out, edit, last);
			write_reg_head(out, edit, end);
		}
		write_reg_edit(out, edit);
		last = edit->e.path;
	}
}

/* ---- JSON ---------------------------------------------------------------- */

static void write_json_value(FILE *out, const char *member, uint32_t type,
			     const uint8_t *data, uint32_t len)
{
	char text[2048];

	fprintf(out, ", \"%s\": { \"type\": %u, \"hex\": ", member, type);
	json_bytes(out, data, len);
	if (type == HIVE_DWORD && len == 4)
		fprintf(out, ", \"number\": %u", get_le32(data));
	if ((type == HIVE_SZ || type == HIVE_EXPAND_SZ) && len < sizeof(text)) {
		utf16_to_utf8(text, sizeof(text), data, len);
		fputs(", \"text\": ", out);
		json_string(out, text);
	}
	fputs(" }", out);
}

static void write_json_edit(FILE *out, const struct edit *edit)
{
	static const char *const kinds[] = {
		[HIVE_EDIT_SET] = "set", [HIVE_EDIT_DELETE_VALUE] = "delete-value",
		[HIVE_EDIT_DELETE_KEY] = "delete-key",
	};
	const struct hive_edit *e = &edit->e;

	fprintf(out, "{ \"edit\": \"%s\", \"group\": \"%s\", \"needed\": %s, "
		"\"key\": ", kinds[e->kind], edit_group_name(edit->group),
		edit->needed ? "true" : "false");
	json_string(out, e->path);
	if (e->name) {
		fputs(", \"name\": ", out);
		json_string(out, e->name);
	}
	if (edit->had)
		write_json_value(out, "old", edit->old_type, edit->old,
				 edit->old_len);
	else if (e->name)
		fputs(", \"old\": null", out);
	if (e->kind == HIVE_EDIT_SET)
		write_json_value(out, "new", e->type, e->data, e->len);
	fputs(" }", out);
}

void edits_write_json(const struct edits *plan, FILE *out)
{
	fprintf(out, "{ \"changes\": %zu, \"moved_on\": %zu, \"edits\": [",
		plan->changes, plan->moved_on);
	for (size_t i = 0; i < plan->n; i++) {
		fputs(i ? ",\n  " : "\n  ", out);
		write_json_edit(out, &plan->list[i]);
	}
	fputs(plan->n ? "\n] }" : "] }", out);
}

void edits_write_text(const struct edits *plan, FILE *out)
{
	if (!plan->changes)
		fputs("Nothing to change in the registry.\n", out);
	for (size_t i = 0; i < plan->n; i++) {
		const struct edit *edit = &plan->list[i];

		if (!edit->needed)
			continue;
		fprintf(out, "%-12s  %s", edit_group_name(edit->group),
			edit->e.path);
		if (edit->e.name)
			fprintf(out, "\\%s", *edit->e.name ? edit->e.name
							   : "(default)");
		fputs(": ", out);
		if (edit->e.kind == HIVE_EDIT_SET)
			write_shown(out, edit->e.type, edit->e.data,
				    edit->e.len);
		else
			fputs("removed", out);
		fputs(", was ", out);
		write_was(out, edit);
		fputc('\n', out);
	}
}
