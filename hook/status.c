// SPDX-License-Identifier: GPL-2.0-or-later
/* status.c - what an administrator sees: a table, or JSON */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/command.h"
#include "hook/domain.h"
#include "hook/pending.h"
#include "hook/virt.h"

struct row {
	const char *name, *uuid;
	const struct domain *domain;
	const char *phase, *bus, *target_bus, *disk;
	bool running, pending;
};

struct table {
	const struct command_line *line;
	int rows;
};

/* A string as JSON; bytes that are no UTF-8 can't come out of libxml2. */
static void json_string(const char *name, const char *text)
{
	printf("\"%s\":\"", name);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void json_row(const struct row *row, bool first)
{
	const struct state *state = &row->domain->state;

	printf("%s\n{", first ? "" : ",");
	json_string("name", row->name);
	putchar(',');
	json_string("uuid", row->uuid);
	putchar(',');
	json_string("phase", row->phase);
	printf(",\"attempts\":%ld,", state->valid ? state->attempts : 0);
	json_string("bus", row->bus);
	putchar(',');
	json_string("target_bus", row->target_bus);
	putchar(',');
	json_string("disk", row->disk);
	putchar(',');
	json_string("since", state->since);
	putchar(',');
	json_string("reason", state->valid ? state->reason : "the state element is damaged");
	printf(",\"running\":%s,\"pending\":%s}", row->running ? "true" : "false",
	       row->pending ? "true" : "false");
}

/* Names and reasons come from domain XML: nothing of it may reach a terminal
 * as a control sequence. */
static void cell(const char *text, int width)
{
	int used = 0;

	for (; *text; text++, used++) {
		unsigned char c = (unsigned char)*text;

		putchar(c < 0x20 || c == 0x7f ? '?' : c);
	}
	for (; used < width; used++)
		putchar(' ');
	putchar(' ');
}

static void text_row(const struct row *row, bool first)
{
	const struct state *state = &row->domain->state;
	char attempts[24];

	if (first)
		printf("%-20s %-7s %-7s %-7s %-5s %-8s %-20s %s\n", "DOMAIN", "PHASE",
		       "RUNS", "BUS", "TO", "ATTEMPTS", "SINCE", "LAST DECISION");
	cell(row->name, 20);
	cell(row->phase, 7);
	cell(row->running ? "yes" : "no", 7);
	cell(row->bus, 7);
	cell(row->target_bus, 5);
	snprintf(attempts, sizeof(attempts), "%ld", state->valid ? state->attempts : 0);
	cell(attempts, 8);
	cell(state->since[0] ? state->since : "-", 20);
	cell(!state->valid ? "the state element is damaged; see busflip disable --force" :
	     row->pending ? "a step is pending" :
	     state->reason[0] ? state->reason : "waits to be staged", 0);
	putchar('\n');
}

static const xmlNode *current_disk(const struct domain *domain)
{
	struct error ignored;

	if (domain->state.disk[0])
		return domain_disk(domain, domain->state.disk);
	return domain_system_disk(domain, &ignored);
}

static void show(struct table *table, struct virt_domain *dom,
		 const struct domain *domain)
{
	const xmlNode *disk = current_disk(domain);
	enum bus to = domain->state.disk[0] ? domain->state.bus : domain->tag.bus;
	struct virt_state state = { 0 };
	struct error ignored;
	char name[TARGET_SIZE] = "";
	struct row row = {
		.name = virt_name(dom), .uuid = virt_uuid(dom), .domain = domain,
		.phase = phase_name(domain->state.phase),
		.bus = disk ? bus_name(disk_bus(disk)) : "?",
		.target_bus = to == BUS_NONE || to == BUS_OTHER ? "virtio" : bus_name(to),
		.disk = name,
		.pending = pending_exists(virt_uuid(dom)),
	};

	if (disk)
		disk_target(disk, name, sizeof(name));
	if (virt_state(dom, &state, &ignored) == 0)
		row.running = state.active;
	if (table->line->json)
		json_row(&row, table->rows == 0);
	else
		text_row(&row, table->rows == 0);
	table->rows++;
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
