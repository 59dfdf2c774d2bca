// SPDX-License-Identifier: GPL-2.0-or-later
/* standing.c - where a domain stands, as status and inspect show it */

#include "hook/standing.h"

#include <errno.h>

#include "helper/json.h"
#include "hook/pending.h"
#include "hook/rewrite.h"

const xmlNode *standing_disk(const struct domain *domain, struct error *err)
{
	const xmlNode *disk;

	if (!domain->state.disk[0])
		return domain_system_disk(domain, err);
	disk = domain_disk(domain, domain->state.disk);
	if (!disk)
		fail(err, ENOENT, "its system disk %s is gone", domain->state.disk);
	return disk;
}

enum bus standing_target_bus(const struct domain *domain, const xmlNode *disk,
			     const struct config *config)
{
	if (domain->state.disk[0])
		return domain->state.bus;
	if (domain->tag.bus != BUS_NONE)
		return domain->tag.bus;
	if (disk && rewrite_origin(domain, disk) == BUS_SCSI)
		return BUS_SCSI;
	return config->bus == CONFIG_BUS_SCSI ? BUS_SCSI : BUS_VIRTIO;
}

struct standing standing_of(const struct virt_domain *dom, const struct domain *domain,
			    const struct config *config)
{
	struct error ignored;
	const xmlNode *disk = standing_disk(domain, &ignored);
	struct virt_state state = { 0 };
	struct standing s = {
		.name = virt_name(dom), .uuid = virt_uuid(dom), .domain = domain,
		.bus = disk ? disk_bus(disk) : BUS_OTHER,
		.target_bus = standing_target_bus(domain, disk, config),
		.pending = pending_exists(virt_uuid(dom)),
	};

	if (disk)
		disk_target(disk, s.disk, sizeof(s.disk));
	if (virt_state(dom, &state, &ignored) == 0)
		s.running = state.active;
	return s;
}

const char *standing_reason(const struct standing *s)
{
	return s->domain->state.valid ? s->domain->state.reason
				      : "the state element is damaged";
}

static void member(FILE *out, const char *name, const char *text)
{
	fprintf(out, "\"%s\":", name);
	json_string(out, text);
	putc(',', out);
}

void standing_json(const struct standing *s, FILE *out)
{
	const struct state *state = &s->domain->state;

	member(out, "name", s->name);
	member(out, "uuid", s->uuid);
	member(out, "phase", phase_name(state->phase));
	fprintf(out, "\"attempts\":%ld,", state->valid ? state->attempts : 0);
	member(out, "bus", bus_name(s->bus));
	member(out, "target_bus", bus_name(s->target_bus));
	member(out, "disk", s->disk);
	member(out, "since", state->since);
	member(out, "reason", standing_reason(s));
	fprintf(out, "\"running\":%s,\"pending\":%s", s->running ? "true" : "false",
		s->pending ? "true" : "false");
}
