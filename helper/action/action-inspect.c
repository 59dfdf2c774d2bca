// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * action-inspect.c - report which Windows is on the disk, its state, and what that means for
 * VirtIO
 */

#include "helper/action/actions.h"

#include <string.h>

#include "helper/action/facts.h"
#include "helper/shared/json.h"
#include "helper/shared/text.h"
#include "helper/verdict/evidence.h"
#include "helper/verdict/report.h"

static void print_disk_text(const struct action *action, FILE *out)
{
	const struct partition_table *t = &action->table;
	const struct target *target = &action->targets.list[0];

	if (action->job->live)
		fputs("Read while the disk was in use: the following may be inconsistent.\n", out);
	text_safe(out, target->root);
	if (t->scheme == SCHEME_NONE)
		fputs(" on the whole disk, which has no partition table\n", out);
	else
		fprintf(out, " on partition %u (%s, %zu partition%s)\n", target->part->number,
			partition_scheme_name(t->scheme), t->count, t->count == 1 ? "" : "s");
	if (t->primary_bad || t->backup_bad)
		fprintf(out, "The %s GPT header is damaged; Windows can repair "
			"it.\n", t->primary_bad ? "primary" : "backup");
}

static struct evidence_asked asked_of(const struct job *job)
{
	struct evidence_asked asked = {
		.bus = job->bus,
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

static int write_text(struct action *action, const struct windows *win, struct error *err)
{
	struct section s;
	struct error why;

	if (reply_section_begin(&s, err) < 0)
		return -1;
	print_disk_text(action, s.file);
	report_text(win, &action->targets.health, s.file);
	if (target_check_writable(&action->targets, &why) < 0 ||
	    windows_check(win, &why) < 0) {
		fputs("busflip patch would refuse: ", s.file);
		text_safe(s.file, why.msg);
		fputc('\n', s.file);
	}
	return reply_section_end(action, JOB_SECTION_TEXT, &s, err);
}

static int write_json(struct action *action, const struct windows *win,
		      const struct evidence *evidence, struct error *err)
{
	struct error why = { 0 };
	struct section s;

	if (reply_section_begin(&s, err) < 0)
		return -1;
	fputs("{\n", s.file);
	facts_print_disk(action, s.file);
	if (target_check_writable(&action->targets, &why) == 0)
		windows_check(win, &why);
	fprintf(s.file, ",\n\"live\": %s,\n\"patch_would_refuse\": ",
		action->job->live ? "true" : "false");
	json_string(s.file, why.msg);
	fputs(",\n\"windows\": ", s.file);
	report_json(win, &action->targets.health, s.file);
	fputs(",\n\"evidence\": ", s.file);
	evidence_write_json(evidence, s.file);
	fputs("}\n", s.file);
	return reply_section_end(action, JOB_SECTION_JSON, &s, err);
}

int action_inspect(struct action *action, struct error *err)
{
	const struct evidence_asked asked = asked_of(action->job);
	static struct evidence evidence;
	struct windows *win = NULL;
	int r = windows_inspect(action->targets.volume,
				action->targets.list[0].root, NULL, &win, err);

	if (r < 0)
		return -1;
	evidence_judge(win, &action->targets.health, &asked, &evidence);
	if (write_text(action, win, err) < 0 ||
	    write_json(action, win, &evidence, err) < 0 ||
	    facts_write(action, win, &evidence, NULL, err) < 0)
		r = -1;
	windows_free(win);
	return r;
}
