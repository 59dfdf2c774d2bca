// SPDX-License-Identifier: GPL-2.0-or-later
/* status.c - what an administrator sees: a table, or JSON */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/command.h"
#include "hook/standing.h"

struct table {
	const struct command_line *line;
	int rows;
};

/* Names and reasons come from domain XML: nothing of it may reach a terminal
 * as a control sequence. */
static void cell(const char *text, int width)
{
	char copy[512];

	if (!str_fits(copy, sizeof(copy), text))
		str_fits(copy, sizeof(copy), "(too long)");
	make_printable(copy);
	printf("%-*s ", width, copy);
}

static void text_row(const struct standing *s, bool first)
{
	const struct state *state = &s->domain->state;
	char attempts[24];

	if (first)
		printf("%-20s %-7s %-7s %-7s %-5s %-8s %-20s %s\n", "DOMAIN", "PHASE",
		       "RUNS", "BUS", "TO", "ATTEMPTS", "SINCE", "LAST DECISION");
	cell(s->name, 20);
	cell(phase_name(state->phase), 7);
	cell(s->running ? "yes" : "no", 7);
	cell(bus_name(s->bus), 7);
	cell(bus_name(s->target_bus), 5);
	snprintf(attempts, sizeof(attempts), "%ld", state->valid ? state->attempts : 0);
	cell(attempts, 8);
	cell(state->since[0] ? state->since : "-", 20);
	cell(!state->valid ? "the state element is damaged; see busflip disable --force" :
	     s->pending ? "a step is pending" :
	     state->reason[0] ? state->reason : "waits to be staged", 0);
	putchar('\n');
}

static void show(struct table *table, const struct virt_domain *dom,
		 const struct domain *domain)
{
	const struct standing s = standing_of(dom, domain, &table->line->config);
	bool first = table->rows++ == 0;

	if (!table->line->json) {
		text_row(&s, first);
		return;
	}
	fputs(first ? "\n{" : ",\n{", stdout);
	standing_json(&s, stdout);
	putchar('}');
}

static int look(struct table *table, struct virt_domain *dom, struct error *err)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	AUTO_FREE char *xml = NULL;

	if (virt_xml(dom, &xml, err) < 0 ||
	    domain_parse(xml, strlen(xml), &domain, err) < 0)
		return error_prefix(err, "domain %s", virt_name(dom));
	show(table, dom, &domain);
	return 0;
}

static int each(void *context, struct virt_domain *dom)
{
	AUTO_FREE char *tag = virt_metadata(dom, TAG_URI);
	AUTO_FREE char *state = tag ? NULL : virt_metadata(dom, STATE_URI);
	struct error err = { 0 };

	if (!tag && !state)
		return 0;
	/* Undefined between the list and the look: not there, so not shown. */
	if (look(context, dom, &err) < 0)
		complain("%s", err.msg);
	return 0;
}

static int run(struct table *table, struct virt *virt, struct error *err)
{
	AUTO_VIRT_DOMAIN struct virt_domain *dom = NULL;

	if (!table->line->nargs)
		return virt_each(virt, each, table, err);
	if (virt_find(virt, table->line->args[0], &dom, err) < 0)
		return -1;
	each(table, dom);
	if (table->rows)
		return 0;
	return fail(err, ENOENT, "domain %s has no busflip tag; busflip enable %s "
		    "adds one", virt_name(dom), virt_name(dom));
}

int command_status(const struct command_line *line)
{
	AUTO_VIRT struct virt *virt = NULL;
	struct table table = { .line = line };
	struct error err = { 0 };
	int rc;

	if (virt_open(line->config.uri, &virt, &err) < 0) {
		complain("%s", err.msg);
		return EXIT_FAILED;
	}
	if (line->json)
		printf("{\"version\":1,\"domains\":[");
	rc = run(&table, virt, &err);
	if (line->json)
		printf("]}\n");
	else if (rc == 0 && !table.rows)
		printf("No domain has a busflip tag.\n");
	if (rc < 0)
		complain("%s", err.msg);
	return finish_stdout(rc < 0 ? EXIT_FAILED : EXIT_DONE);
}
