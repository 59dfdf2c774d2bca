// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * filter.c - "busflip filter": domain XML in, domain XML out, no libvirt
 *
 * For engines that own the domain XML. Output is printed only when the whole result is known,
 * so a failure leaves stdout empty.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "hook/command/command.h"
#include "hook/phase/decide.h"
#include "hook/phase/step.h"

static const struct {
	const char *name;
	enum happening happened;
} operations[] = {
	{ "stage", HAPPENED_SEEN },
	{ "promote", HAPPENED_PROMOTE },
	{ "rollback", HAPPENED_ROLLBACK },
	{ "restore", HAPPENED_DISABLE },
};

/* An engine stores the address that a disk had on SATA, and gives it to the disk on VirtIO. */
static bool drop_foreign_addresses(struct domain *domain)
{
	xmlNode *disk = xml_child(domain->devices, "disk");
	bool dropped = false;

	for (; disk; disk = xml_next(disk, "disk"))
		dropped |= disk_drop_foreign_address(disk);
	return dropped;
}

static int run(const char *xml, size_t len, enum happening happened,
	       const struct command_line *line, char **out, size_t *out_len,
	       struct error *err)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct step step = { 0 };
	bool dropped;

	if (domain_parse(xml, len, &domain, err) < 0)
		return -1;
	dropped = drop_foreign_addresses(&domain);
	if (!domain.tag.present && line->tag)
		domain_set_tag(&domain, line->bus ? bus_parse(line->bus) : BUS_NONE,
			       line->disk ? line->disk : "", 0);
	if (domain.tag.present &&
	    step_apply(&domain, happened, &line->config, &step, err) < 0)
		return error_prefix(err, "domain %s", domain.name);
	return step.changed || dropped ? domain_format(&domain, out, out_len, err) : 0;
}

int command_filter(const struct command_line *line)
{
	AUTO_FREE char *xml = NULL, *out = NULL;
	struct error err = { 0 };
	size_t len, out_len = 0, i;

	for (i = 0; i < ARRAY_SIZE(operations); i++)
		if (strcmp(line->args[0], operations[i].name) == 0)
			break;
	if (i == ARRAY_SIZE(operations)) {
		complain("filter knows stage, promote, rollback and restore, not %s",
			 line->args[0]);
		return EXIT_USAGE;
	}
	if (!line->tag && (line->bus || line->disk)) {
		complain("filter: --bus and --disk require --tag");
		return EXIT_USAGE;
	}
	if (line->bus && strcmp(line->bus, "virtio") && strcmp(line->bus, "scsi")) {
		complain("--bus must be virtio or scsi, not %s", line->bus);
		return EXIT_USAGE;
	}
	if (read_all(STDIN_FILENO, XML_LIMIT, &xml, &len, &err) < 0) {
		complain("standard input: %s", err.msg);
		return EXIT_FAILED;
	}
	if (run(xml, len, operations[i].happened, line, &out, &out_len, &err) < 0) {
		complain("filter %s: %s", line->args[0], err.msg);
		return EXIT_FAILED;
	}
	if (write_all(STDOUT_FILENO, out ? out : xml, out ? out_len : len, &err) < 0) {
		complain("standard output: %s", err.msg);
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}
