// SPDX-License-Identifier: GPL-2.0-or-later
/* findings.c - the helper's result for each condition for VirtIO */

#include "hook/disk/findings.h"

#include <stdio.h>
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

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz-"

static void begin_finding(struct findings *f, const char *name)
{
	if (f->count == FINDINGS_LIMIT)
		return;
	f->count++;
	f->list[f->count - 1].gates = true;
	if (strspn(name, NAME_LETTERS) == strlen(name))
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

bool finding_fails(const struct finding *f)
{
	return f->gates && f->holds != VERDICT_YES;
}

void findings_list(const struct findings *f, char *text, size_t size)
{
	char all[2048];
	size_t used = 0;

	all[0] = '\0';
	for (size_t i = 0; i < f->count && used < sizeof(all); i++)
		if (finding_fails(&f->list[i]))
			used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s (%s)",
						 used ? "; " : "", f->list[i].name,
						 f->list[i].found);
	str_cut(text, size, all);
}

/* @text: what follows ": " or "; ", or the beginning. */
static void parse_finding(const char *text, struct findings *f)
{
	size_t len = strspn(text, NAME_LETTERS);
	struct finding *new = &f->list[f->count];

	if (!len || len >= sizeof(new->name) || strncmp(text + len, " (", 2) != 0 ||
	    f->count == FINDINGS_LIMIT)
		return;
	*new = (struct finding){ .holds = VERDICT_NO, .gates = true };
	memcpy(new->name, text, len);
	text += len + 2;
	len = strcspn(text, ")");
	memcpy(new->found, text, len < sizeof(new->found) ? len : sizeof(new->found) - 1);
	f->count++;
}

size_t findings_parse(const char *text, struct findings *f)
{
	memset(f, 0, sizeof(*f));
	parse_finding(text, f);
	for (; *text; text++)
		if ((text[0] == ':' || text[0] == ';') && text[1] == ' ')
			parse_finding(text + 2, f);
	return f->count;
}
