// SPDX-License-Identifier: GPL-2.0-or-later
/* summary.c - the state of a domain, as status and inspect show it */

#include "hook/cli/summary.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/json.h"
#include "hook/cli/remedy.h"
#include "hook/phase/decide.h"
#include "hook/phase/place.h"
#include "hook/phase/rewrite.h"
#include "hook/phase/step.h"
#include "hook/state/pending.h"

const xmlNode *summary_disk(const struct domain *domain, struct error *err)
{
	return domain->state.disk[0] ? domain_recorded_disk(domain, err) :
				       domain_system_disk(domain, err);
}

enum bus summary_target_bus(const struct domain *domain, const xmlNode *disk,
			     const struct config *config)
{
	if (domain->state.disk[0])
		return domain->state.bus;
	if (bus_is_target(domain->tag.bus))
		return domain->tag.bus;
	if (disk && place_bus(domain, disk) == BUS_SCSI)
		return BUS_SCSI;
	return bus_of_target((enum target_bus)config->bus);
}

/* On another host virtio_win is not known. Who may not read it here is not told that it is bad:
 * the hook runs as root. */
bool summary_drivers(const struct config *config, char *why)
{
	const char *path = config->virtio_win;

	why[0] = '\0';
	if (path[0] && virt_is_this_host(config->uri) && access(path, R_OK) != 0 &&
	    (errno != EACCES || geteuid() == 0))
		snprintf(why, SUMMARY_DRIVERS, "virtio_win = %s in busflip.conf: %s", path,
			 strerror(errno));
	return path[0];
}

bool summary_stop(const struct summary *s, const struct findings *now,
		  const struct config *config, struct finding *stop)
{
	char why[SUMMARY_DRIVERS];
	const struct finding *found;
	struct findings last;

	if (!s->valid || s->phase != PHASE_STAGED || (!findings_parse(s->reason, &last) && !now))
		return false;
	found = remedy_next(now ? now : &last, &last, summary_drivers(config, why) && !why[0]);
	if (found)
		*stop = *found;
	return found;
}

static const char *waits(const struct summary *s, const struct config *config)
{
	char why[SUMMARY_DRIVERS];
	const struct remedy *remedy;
	struct finding stop;

	if (!summary_stop(s, NULL, config, &stop))
		return NULL;
	remedy = remedy_of(&stop, summary_drivers(config, why) && !why[0]);
	return remedy ? remedy->waits : NULL;
}

void summary_fill(struct summary *s, const struct virt_domain *dom,
		   const struct domain *domain, const struct config *config)
{
	const struct state *state = &domain->state;
	struct error ignored, moved;
	const xmlNode *disk = summary_disk(domain, &ignored);

	memset(s, 0, sizeof(*s));
	if (place_check(domain, &moved) < 0)
		str_fits(s->moved, sizeof(s->moved), moved.msg);
	s->no_bait = rewrite_lacks_bait(domain);
	str_fits(s->name, sizeof(s->name), virt_name(dom));
	str_fits(s->uuid, sizeof(s->uuid), virt_uuid(dom));
	s->tagged = domain->tag.present;
	s->has_state = domain->state_node;
	s->valid = state->valid;
	s->phase = state->phase;
	s->attempts = state->valid ? state->attempts : 0;
	str_fits(s->since, sizeof(s->since), state->since);
	str_fits(s->reason, sizeof(s->reason), state->reason);
	str_fits(s->at, sizeof(s->at), state->at);
	s->bus = disk ? disk_bus(disk) : BUS_OTHER;
	s->target_bus = summary_target_bus(domain, disk, config);
	if (disk)
		disk_target(disk, s->disk, sizeof(s->disk));
	s->running = virt_is_running(dom);
	s->pending = pending_exists(virt_uuid(dom));
	s->waits = waits(s, config);
}

void summary_compare(struct summary *s, const struct virt_domain *dom)
{
	AUTO_DOMAIN struct domain session = { 0 };
	AUTO_FREE char *xml = virt_session_xml(dom);
	struct error ignored;

	s->older = xml && domain_parse_bare(xml, strlen(xml), &session, &ignored) == 0 &&
		   (session.state.phase != s->phase ||
		    strcmp(session.state.since, s->since) != 0);
}

const char *summary_phase(const struct summary *s)
{
	return s->valid ? phase_name(s->phase) : "damaged";
}

const char *summary_reason(const struct summary *s)
{
	return s->valid ? s->reason : "the state element is damaged";
}

const char *summary_waits_for(const struct summary *s)
{
	static const char *const words[PHASE_COUNT][2] = {
		[PHASE_NONE] = { "staging", "a shutdown" },
		[PHASE_STAGED] = { "a start", "a shutdown" },
		[PHASE_TRIAL] = { "a start", "a shutdown" },
		[PHASE_DONE] = { "-", "-" },
		[PHASE_HELD] = { "busflip retry", "busflip retry" },
	};

	if (!s->valid)
		return "disable --force";
	if (!s->tagged && s->has_state)
		return "busflip disable";
	if (!s->tagged)
		return "busflip enable";
	if (s->pending)
		return "a step";
	if (s->unfit)
		return "busflip check";
	if (s->moved[0] || (s->no_bait && !s->running))
		return "busflip stage";
	return s->waits && !s->running ? s->waits : words[s->phase][s->running];
}

void summary_unfit(struct summary *s, const struct error *why)
{
	char text[sizeof(why->msg) + 32];

	s->unfit = true;
	str_printf(text, sizeof(text), "can't be staged: %s", why->msg);
	str_cut(s->reason, sizeof(s->reason), text);
}

/* Try it on a copy, with a tag if it has none. */
int summary_try_staging(const struct virt_domain *dom, const char *xml,
			 const struct config *config, struct error *err)
{
	AUTO_DOMAIN struct domain copy = { 0 };

	if (virt_need_persistent(dom, err) < 0)
		return -1;
	if (domain_parse(xml, strlen(xml), &copy, err) < 0)
		return -1;
	return summary_try(&copy, config, err);
}

int summary_try_promotion(const char *xml, const struct config *config, struct error *err)
{
	AUTO_DOMAIN struct domain copy = { 0 };
	struct step step;

	if (domain_parse(xml, strlen(xml), &copy, err) < 0)
		return -1;
	return step_apply(&copy, HAPPENED_SATA_CLEAN, config, &step, err);
}

int summary_try(struct domain *domain, const struct config *config, struct error *err)
{
	struct step step;

	if (!domain->tag.present)
		domain_set_tag(domain, BUS_NONE, "", 0);
	return step_apply(domain, HAPPENED_SEEN, config, &step, err);
}

/* Without the space of json_member(): a status of many domains is one line for each. */
static void compact_member(FILE *out, const char *name, const char *text)
{
	fprintf(out, "\"%s\":", name);
	json_string(out, text);
	putc(',', out);
}

void summary_json(const struct summary *s, FILE *out)
{
	compact_member(out, "name", s->name);
	compact_member(out, "uuid", s->uuid);
	compact_member(out, "phase", phase_name(s->phase));
	fprintf(out, "\"attempts\":%ld,", s->attempts);
	compact_member(out, "bus", bus_name(s->bus));
	compact_member(out, "target_bus", bus_name(s->target_bus));
	compact_member(out, "disk", s->disk);
	compact_member(out, "since", s->since);
	compact_member(out, "reason", summary_reason(s));
	compact_member(out, "reason_at", s->at);
	compact_member(out, "waits_for", summary_waits_for(s));
	fprintf(out, "\"running\":%s,\"pending\":%s,\"damaged\":%s",
		s->running ? "true" : "false", s->pending ? "true" : "false",
		s->valid ? "false" : "true");
}
