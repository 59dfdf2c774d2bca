// SPDX-License-Identifier: GPL-2.0-or-later
/* check.c - "busflip check": what would make a domain's first start fail */

#include "hook/command/command.h"

#include <stdio.h>

#include "helper/shared/json.h"
#include "helper/shared/text.h"
#include "hook/checkup/checkup.h"
#include "hook/libvirt/virt.h"

static void print_item(const struct checkup_item *item, FILE *out)
{
	fprintf(out, "%-12s %-9s ", item->name, verdict_text(item->holds));
	text_safe(out, item->found);
	putc('\n', out);
	if (item->cure[0]) {
		fprintf(out, "%23s", "cure: ");
		text_safe(out, item->cure);
		putc('\n', out);
	}
}

static void print_json(const struct checkup *checkup, const struct virt_domain *dom)
{
	puts("{");
	json_member(stdout, "name", virt_name(dom));
	fputs(",\n", stdout);
	json_member(stdout, "uuid", virt_uuid(dom));
	printf(",\n\"ok\": %s,\n\"checks\": [", checkup_ok(checkup) ? "true" : "false");
	for (size_t i = 0; i < checkup->count; i++) {
		const struct checkup_item *item = &checkup->list[i];

		fputs(i ? ",\n  { " : "\n  { ", stdout);
		json_member(stdout, "name", item->name);
		printf(", \"holds\": %s, ", verdict_json(item->holds));
		json_member(stdout, "found", item->found);
		fputs(", ", stdout);
		json_member(stdout, "cure", item->cure);
		fputs(" }", stdout);
	}
	puts("]\n}");
}

static void print_text(const struct checkup *checkup, const struct virt_domain *dom)
{
	for (size_t i = 0; i < checkup->count; i++)
		print_item(&checkup->list[i], stdout);
	if (!checkup_ok(checkup))
		return;
	fputs("Nothing was found that would keep ", stdout);
	text_safe(stdout, virt_name(dom));
	puts(" from starting.");
}

int command_check(const struct command_line *line)
{
	AUTO_VIRT struct virt *virt = NULL;
	AUTO_VIRT_DOMAIN struct virt_domain *dom = NULL;
	AUTO_CHECKUP struct checkup checkup = { 0 };
	struct error err = { 0 };

	if (virt_open(line->config.uri, &virt, &err) < 0 ||
	    virt_find(virt, line->args[0], &dom, &err) < 0 ||
	    checkup_run(line, virt, dom, &checkup, &err) < 0) {
		complain("domain %s: %s", line->args[0], err.msg);
		return EXIT_FAILED;
	}
	if (line->json)
		print_json(&checkup, dom);
	else
		print_text(&checkup, dom);
	return finish_stdout(checkup_ok(&checkup) ? EXIT_DONE : EXIT_FAILED);
}

void check_and_warn(const struct command_line *line, struct virt *virt,
		    const struct virt_domain *dom)
{
	AUTO_CHECKUP struct checkup checkup = { 0 };

	if (checkup_run(line, virt, dom, &checkup, NULL) < 0)
		return;
	fflush(stdout);
	if (!checkup_ok(&checkup))
		complain("domain %s: busflip check reports:", virt_name(dom));
	for (size_t i = 0; i < checkup.count; i++)
		if (checkup.list[i].holds == VERDICT_NO)
			print_item(&checkup.list[i], stderr);
}
