// SPDX-License-Identifier: GPL-2.0-or-later
/* status-prometheus.c - all tagged domains as metrics, for a textfile collector */

#include "helper/shared/text.h"
#include "hook/command/status.h"

#include <string.h>

/* Backslash, quote and newline must be escaped in a label's value; the rest is UTF-8, as
 * libvirt's XML is. Control characters are replaced for readers. */
static void label(FILE *out, const char *name, const char *text)
{
	char copy[256];

	str_fits(copy, sizeof(copy), text);
	make_printable(copy);
	fprintf(out, "%s=\"", name);
	for (const char *p = copy; *p; p++) {
		if (*p == '\\' || *p == '"')
			putc('\\', out);
		putc(*p, out);
	}
	putc('"', out);
}

static void head(FILE *out, const char *name, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void sample(FILE *out, const char *metric, const struct summary *s, long long value)
{
	fprintf(out, "%s{", metric);
	label(out, "domain", s->name);
	putc(',', out);
	label(out, "uuid", s->uuid);
	putc(',', out);
	label(out, "phase", summary_phase(s));
	fprintf(out, "} %lld\n", value);
}

static long long attempts(const struct summary *s, long long now)
{
	(void)now;
	return s->attempts;
}

static long long age(const struct summary *s, long long now)
{
	long long seconds = story_age(s->since, now);

	return seconds < 0 ? 0 : seconds;
}

static long long pending(const struct summary *s, long long now)
{
	(void)now;
	return s->pending;
}

static long long damaged(const struct summary *s, long long now)
{
	(void)now;
	return !s->valid;
}

static const struct metric {
	const char *name, *help;
	long long (*value)(const struct summary *s, long long now);
} metrics[] = {
	{ "busflip_domain_attempts",
	  "Sessions on VirtIO that did not end cleanly since the domain was staged.", attempts },
	{ "busflip_domain_phase_seconds", "Seconds since the domain's phase began.", age },
	{ "busflip_domain_pending", "1: a step that a hook has recorded is not done "
	  "yet.", pending },
	{ "busflip_domain_damaged", "1: the domain's state element is damaged.", damaged },
};

void status_prometheus(const struct status_list *list, long long now, FILE *out)
{
	size_t counts[PHASE_COUNT] = { 0 }, unreadable = 0;

	for (size_t i = 0; i < list->count; i++)
		if (list->rows[i].valid)
			counts[list->rows[i].phase]++;
		else
			unreadable++;
	head(out, "busflip_domains", "Domains with a busflip tag or state, by phase.");
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		fprintf(out, "busflip_domains{phase=\"%s\"} %zu\n", phase_name((enum phase)i),
			counts[i]);
	fprintf(out, "busflip_domains{phase=\"damaged\"} %zu\n", unreadable);
	for (size_t m = 0; m < ARRAY_SIZE(metrics); m++) {
		head(out, metrics[m].name, metrics[m].help);
		for (size_t i = 0; i < list->count; i++)
			sample(out, metrics[m].name, &list->rows[i],
			       metrics[m].value(&list->rows[i], now));
	}
}
