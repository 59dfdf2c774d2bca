// SPDX-License-Identifier: GPL-2.0-or-later
/* facts.c - the facts for busflip: lines of key=value, and the disk as JSON */

#include "helper/action/facts.h"

#include "helper/image/fat.h"
#include "helper/shared/json.h"
#include "helper/shared/text.h"
#include "helper/verdict/evidence.h"

void facts_print_disk(const struct action *action, FILE *out)
{
	const struct partition_table *t = &action->table;
	const struct target *target = &action->targets.list[0];

	fprintf(out, "\"disk\": {\n  \"size\": %llu, \"table\": \"%s\", "
		"\"sector\": %u, \"gpt_primary_bad\": %s, "
		"\"gpt_backup_bad\": %s,\n  \"partition\": %u, \"root\": ",
		(unsigned long long)image_size(action->image),
		partition_scheme_name(t->scheme), t->sector,
		t->primary_bad ? "true" : "false",
		t->backup_bad ? "true" : "false", target->part->number);
	json_string(out, target->root);
	fputs(",\n  \"partitions\": [", out);
	for (size_t i = 0; i < t->count; i++) {
		const struct partition *p = &t->list[i];

		fprintf(out, "%s\n    { \"number\": %u, \"offset\": %llu, "
			"\"size\": %llu, \"role\": \"%s\", "
			"\"content\": \"%s\" }", i ? "," : "", p->number,
			(unsigned long long)p->off, (unsigned long long)p->len,
			partition_role_name(p->role),
			partition_content_name(p->content));
	}
	fputs("\n  ]\n}", out);
}

static void print_line(FILE *out, const char *key, const char *text)
{
	fprintf(out, "%s=", key);
	text_safe(out, text);
	fputc('\n', out);
}

static void print_condition(const struct condition *c, FILE *out)
{
	print_line(out, "condition", condition_name(c->id));
	print_line(out, "holds", verdict_name(c->verdict));
	print_line(out, "gates", condition_gates(c->id) ? "yes" : "no");
	print_line(out, "found", c->found);
	print_line(out, "from", c->from);
}

static void print_verdicts(const struct evidence *e, FILE *out)
{
	print_line(out, "flip", verdict_name(e->flip));
	print_line(out, "booted", verdict_name(e->booted));
	for (size_t i = 0; i < CONDITION_COUNT; i++)
		print_condition(&e->list[i], out);
}

/* To decide whether this is a disk for UEFI or for a BIOS, and one to boot from. */
static void print_table(const struct action *action, FILE *out)
{
	const struct partition_table *table = &action->table;
	static const char *const names[] = {
		[SCHEME_NONE] = "none", [SCHEME_MBR] = "mbr", [SCHEME_GPT] = "gpt",
	};
	bool esp = false;
	int removable = 0;	/* -1: it can't be read */

	for (size_t i = 0; i < table->count; i++) {
		const struct partition *part = &table->list[i];
		int r;

		if (part->role != ROLE_ESP)
			continue;
		esp = true;
		r = fat_has_loader(action->image, part->off, part->len, NULL);
		removable = r > 0 || removable > 0 ? 1 : r < 0 ? -1 : removable;
	}
	print_line(out, "table", names[table->scheme]);
	print_line(out, "esp", esp ? "yes" : "no");
	print_line(out, "esp-loader", removable > 0 ? "yes" : removable < 0 ? "?" : "no");
	print_line(out, "loader", action->targets.loader ? "yes" : "no");
}

int facts_write_table(struct action *action, struct error *err)
{
	struct section s;

	if (reply_section_begin(&s, err) < 0)
		return -1;
	print_table(action, s.file);
	return reply_section_end(action, JOB_SECTION_EVIDENCE, &s, err);
}

int facts_write(struct action *action, const struct windows *win,
		const struct evidence *judged, const char *no_driver, struct error *err)
{
	struct section s;

	if (reply_section_begin(&s, err) < 0)
		return -1;
	if (judged)
		print_verdicts(judged, s.file);
	print_table(action, s.file);
	if (no_driver)
		print_line(s.file, "no_driver", no_driver);
	fprintf(s.file, "clock_ahead=%llu\n", (unsigned long long)windows_clock_ahead(win));
	if (win->last_use.known)
		fprintf(s.file, "last_use=%llu\n",
			(unsigned long long)win->last_use.value);
	if (win->shutdown_time.known)
		fprintf(s.file, "shutdown=%llu\n",
			(unsigned long long)win->shutdown_time.value);
	if (win->boot_id.known)
		fprintf(s.file, "boot_id=%llu\n",
			(unsigned long long)win->boot_id.value);
	return reply_section_end(action, JOB_SECTION_EVIDENCE, &s, err);
}
