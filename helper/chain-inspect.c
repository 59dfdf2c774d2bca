// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * chain-inspect.c - what Windows is on the disk, how it stands, and what that
 * says about VirtIO
 */

#include "helper/chain.h"

#include <string.h>

#include "helper/evidence.h"
#include "helper/json.h"
#include "helper/report.h"

void chain_print_disk(const struct chain *chain, FILE *out)
{
	const struct partition_table *t = &chain->table;
	const struct target *target = &chain->targets.list[0];

	fprintf(out, "\"disk\": {\n  \"size\": %llu, \"table\": \"%s\", "
		"\"sector\": %u, \"gpt_primary_bad\": %s, "
		"\"gpt_backup_bad\": %s,\n  \"partition\": %u, \"root\": ",
		(unsigned long long)image_size(chain->image),
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

static void print_disk_text(const struct chain *chain, FILE *out)
{
	const struct partition_table *t = &chain->table;
	const struct target *target = &chain->targets.list[0];

	if (chain->job->live)
		fputs("Read while the disk was in use: what follows may be "
		      "torn.\n", out);
	text_safe(out, target->root);
	fprintf(out, " on partition %u (%s, %zu partitions)\n",
		target->part->number, partition_scheme_name(t->scheme),
		t->count);
	if (t->primary_bad || t->backup_bad)
		fprintf(out, "The %s GPT header is damaged; Windows can repair "
			"it.\n", t->primary_bad ? "primary" : "backup");
}

static struct evidence_asked asked_of(const struct job *job)
{
	struct evidence_asked asked = {
		.bus = job->bus == JOB_BUS_SCSI ? VIRTIO_SCSI : VIRTIO_BLK,
		.device_id = job->device_id,
		.has_uuid = job->has_uuid,
		.run_from = job->run_from, .run_to = job->run_to,
		.has_before = job->has_before,
		.before_last_use = job->before_last_use,
		.before_shutdown = job->before_shutdown,
		.before_boot_id = job->before_boot_id,
	};

	memcpy(asked.uuid, job->uuid, sizeof(asked.uuid));
	return asked;
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

/* For the question whether this is a disk for UEFI or for a BIOS. */
static void print_table(const struct partition_table *table, FILE *out)
{
	static const char *const names[] = {
		[SCHEME_NONE] = "none", [SCHEME_MBR] = "mbr", [SCHEME_GPT] = "gpt",
	};
	bool esp = false;

	for (size_t i = 0; i < table->count; i++)
		esp |= table->list[i].role == ROLE_ESP;
	print_line(out, "table", names[table->scheme]);
	print_line(out, "esp", esp ? "yes" : "no");
}

int chain_facts(struct chain *chain, const struct windows *win,
		const struct evidence *judged, struct error *err)
{
	struct section s;

	if (section_begin(&s, err) < 0)
		return -1;
	if (judged)
		print_verdicts(judged, s.file);
	print_table(&chain->table, s.file);
	if (win->last_use.known)
		fprintf(s.file, "last_use=%llu\n",
			(unsigned long long)win->last_use.value);
	if (win->shutdown_time.known)
		fprintf(s.file, "shutdown=%llu\n",
			(unsigned long long)win->shutdown_time.value);
	if (win->boot_id.known)
		fprintf(s.file, "boot_id=%llu\n",
			(unsigned long long)win->boot_id.value);
	return section_end(chain, JOB_SECTION_EVIDENCE, &s, err);
}

static int write_text(struct chain *chain, const struct windows *win, struct error *err)
{
	struct section s;
	struct error why;

	if (section_begin(&s, err) < 0)
		return -1;
	print_disk_text(chain, s.file);
	report_text(win, &chain->targets.health, s.file);
	if (target_check_writable(&chain->targets, &why) < 0 ||
	    windows_check(win, &why) < 0) {
		fputs("busflip patch would refuse: ", s.file);
		text_safe(s.file, why.msg);
		fputc('\n', s.file);
	}
	return section_end(chain, JOB_SECTION_TEXT, &s, err);
}

static int write_json(struct chain *chain, const struct windows *win,
		      const struct evidence *evidence, struct error *err)
{
	struct error why = { 0 };
	struct section s;

	if (section_begin(&s, err) < 0)
		return -1;
	fputs("{\n", s.file);
	chain_print_disk(chain, s.file);
	if (target_check_writable(&chain->targets, &why) == 0)
		windows_check(win, &why);
	fprintf(s.file, ",\n\"live\": %s,\n\"patch_would_refuse\": ",
		chain->job->live ? "true" : "false");
	json_string(s.file, why.msg);
	fputs(",\n\"windows\": ", s.file);
	report_json(win, &chain->targets.health, s.file);
	fputs(",\n\"evidence\": ", s.file);
	evidence_write_json(evidence, s.file);
	fputs("}\n", s.file);
	return section_end(chain, JOB_SECTION_JSON, &s, err);
}

int chain_inspect(struct chain *chain, struct error *err)
{
	const struct evidence_asked asked = asked_of(chain->job);
	static struct evidence evidence;
	struct windows *win = NULL;
	int r = windows_inspect(chain->targets.volume,
				chain->targets.list[0].root, NULL, &win, err);

	if (r < 0)
		return -1;
	evidence_judge(win, &chain->targets.health, &asked, &evidence);
	if (write_text(chain, win, err) < 0 ||
	    write_json(chain, win, &evidence, err) < 0 ||
	    chain_facts(chain, win, &evidence, err) < 0)
		r = -1;
	windows_free(win);
	return r;
}
