// SPDX-License-Identifier: GPL-2.0-or-later
/* findings.c - the helper's result for each condition for VirtIO */

#include "hook/disk/findings.h"

#include <stdlib.h>
#include <string.h>

#include "helper/shared/text.h"

void findings_each(const struct guestdisk_result *result, record_line_fn *each,
		   void *context)
{
	AUTO_FREE char *text = result->evidence_len <= JOB_EVIDENCE_LIMIT && result->evidence ?
		strndup((const char *)result->evidence, result->evidence_len) : NULL;

	if (!text)
		return;
	make_report_printable(text);
	for (char *tab = text; (tab = strchr(tab, '\t')); )
		*tab = '?';
	record_each(text, '=', each, context);
}

static void begin_finding(struct findings *f, const char *name)
{
	if (f->count == FINDINGS_LIMIT)
		return;
	f->count++;
	f->list[f->count - 1].gates = true;
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz-") == strlen(name))
		str_fits(f->list[f->count - 1].name, sizeof(f->list[0].name), name);
}

static void read_finding(void *context, const char *key, const char *value)
{
	struct findings *f = context;
	struct finding *last = f->count ? &f->list[f->count - 1] : NULL;

	if (strcmp(key, "condition") == 0)
		begin_finding(f, value);
	else if (strcmp(key, "flip") == 0)
		f->flip = strcmp(value, "yes") == 0;
	else if (!last)
		return;
	else if (strcmp(key, "holds") == 0)
		last->holds = verdict_parse(value);
	else if (strcmp(key, "gates") == 0)
		last->gates = strcmp(value, "no") != 0;
	else if (strcmp(key, "found") == 0)
		str_fits(last->found, sizeof(last->found), value);
	else if (strcmp(key, "from") == 0)
		str_fits(last->where, sizeof(last->where), value);
}

void findings_read(const struct guestdisk_result *result, struct findings *findings)
{
	memset(findings, 0, sizeof(*findings));
	findings_each(result, read_finding, findings);
}
