// SPDX-License-Identifier: GPL-2.0-or-later
/* step.c - one step of a domain's conversion to VirtIO, on its document */

#include "hook/phase/step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "helper/shared/text.h"
#include "hook/domain/domain.h"
#include "hook/phase/decide.h"
#include "hook/phase/panic.h"
#include "hook/phase/place.h"
#include "hook/phase/rewrite.h"

static void record_step(struct domain *domain, const struct decision *decision,
			struct step *step)
{
	struct state *state = &domain->state;
	time_t now = time(NULL);
	struct tm tm;

	strftime(state->at, sizeof(state->at), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	if (state->phase != decision->next || !state->since[0])
		str_fits(state->since, sizeof(state->since), state->at);
	state->phase = decision->next;
	if (decision->reset)
		state->attempts = 0;
	if (decision->count)
		state->attempts++;
	str_cut(state->reason, sizeof(state->reason), step->reason);
	state->valid = true;
	domain_put_state(domain);
	step->after = decision->next;
	step->changed = true;
}

static bool is_staged(const struct domain *domain)
{
	struct error ignored;

	return domain->state.staged_form && domain->state.disk[0] &&
	       domain_recorded_disk(domain, &ignored) && !place_is_moved(domain);
}


/* On another bus the disk has another name, which an override may use for another disk. */
static int check_overrides(const struct domain *domain, struct error *err)
{
	const xmlNode *disk = domain_disk(domain, domain->state.disk);

	if (rewrite_is_overridden(domain, disk))
		return fail(err, ENOTSUP, "a <qemu:override> would refer to its system disk when "
			    "that is on %s", bus_name(disk_bus(disk)));
	if (rewrite_is_overridden(domain, domain_bait(domain)))
		return fail(err, ENOTSUP, "a <qemu:override> would refer to the bait");
	return 0;
}

/* Refuse to stage what could not be promoted later: try the promotion on a copy. */
int step_check_promotion(const struct domain *domain, struct error *err)
{
	AUTO_DOMAIN struct domain copy = { 0 };
	AUTO_FREE char *xml = NULL;
	size_t len;

	return check_overrides(domain, err) < 0 ||
	       domain_format(domain, &xml, &len, err) < 0 ||
	       domain_parse(xml, len, &copy, err) < 0 ||
	       rewrite_promote(&copy, err) < 0 ||
	       check_overrides(&copy, err) < 0 ? -1 : 0;
}

static struct rewrite_options options_of(const struct config *config)
{
	return (struct rewrite_options){
		.bus = (enum target_bus)config->bus,
		.bait = config->bait,
		.keep_owner = config->bait_owner == BAIT_OWNER_KEEP,
	};
}

/* A domain that stays on SATA needs its bait in the next session. */
static void put_bait_back(struct domain *domain, const struct decision *decision,
			  const struct config *config, struct step *step)
{
	const struct rewrite_options options = options_of(config);

	if (decision->next != PHASE_STAGED || !rewrite_lacks_bait(domain))
		return;
	rewrite_put_bait(domain, &options);
	domain_put_state(domain);
	step->bait_back = step->changed = true;
}

static int rewrite(struct domain *domain, enum happening happened,
		   const struct decision *decision, const struct config *config,
		   struct error *err)
{
	const struct rewrite_options options = options_of(config);

	switch (decision->action) {
	case ACTION_STAGE:
		/* A held domain may be staged already, or may never have been. */
		return is_staged(domain) ? 0 : rewrite_stage(domain, &options, err);
	case ACTION_PROMOTE:
		if (config->auto_recover && decision->next == PHASE_TRIAL)
			panic_add(domain);
		return happened == HAPPENED_SATA_CLEAN ?
			rewrite_promote_on_trial(domain, err) :
			rewrite_promote(domain, err);
	case ACTION_ROLLBACK:
		return rewrite_rollback(domain, &options, err);
	case ACTION_RESTORE:
		return rewrite_restore(domain, err);
	case ACTION_MARK:
		if (decision->next == PHASE_DONE)
			rewrite_finish(domain);
		else if (decision->next == PHASE_HELD)
			panic_remove(domain);
		return 0;
	case ACTION_NONE:
	case ACTION_REFUSE:
	case ACTION_COUNT:
		break;
	}
	return 0;
}

/* Add @detail, cut to the available room. */
static void explain(struct step *step, const char *why, const char *detail)
{
	char text[2 * sizeof(step->reason)];

	snprintf(text, sizeof(text), "%s%s%s", why, detail && *detail ? ": " : "",
		 detail ? detail : "");
	str_cut(step->reason, sizeof(step->reason), text);
	make_printable(step->reason);
}

int step_apply(struct domain *domain, enum happening happened,
	       const struct config *config, struct step *step, struct error *err)
{
	return step_apply_because(domain, happened, NULL, config, step, err);
}

int step_apply_because(struct domain *domain, enum happening happened,
		       const char *detail, const struct config *config,
		       struct step *step, struct error *err)
{
	struct state *state = &domain->state;
	struct decision decision;
	char word[DOMAIN_WORD], odd[ODD_TAG];

	memset(step, 0, sizeof(*step));
	domain_word(domain->name, domain->uuid, word);
	if (!state->valid)
		return domain_state_damaged(domain, err);
	if (!domain->tag.present)
		return fail(err, EINVAL, "it has no busflip tag%s%s; busflip enable %s adds one",
			    *domain_odd_tag(domain, odd) ? ": " : "", odd, word);
	decision = phase_decide(state->phase, happened,
				state->attempts + 1 >= config->max_attempts,
				state->override);
	if (place_check(domain, err) < 0 &&
	    !phase_decide_moved(state->phase, happened, &decision))
		return -1;
	step->before = step->after = state->phase;
	step->stuck = happened == HAPPENED_VIRTIO_STUCK;
	explain(step, decision.why, detail);
	if (decision.action == ACTION_REFUSE && decision.first)
		return fail(err, EINVAL, "it %s; run busflip %s %s first", decision.why,
			    decision.first, word);
	if (decision.action == ACTION_REFUSE)
		return fail(err, EINVAL, "it %s", decision.why);
	put_bait_back(domain, &decision, config, step);
	if (decision.action == ACTION_NONE)
		return 0;
	if (rewrite(domain, happened, &decision, config, err) < 0)
		return -1;
	if (decision.next != step->before)
		state->override = happened == HAPPENED_PROMOTE;
	if (decision.action == ACTION_RESTORE) {
		domain_drop_state(domain);
		step->after = PHASE_NONE;
		step->changed = true;
		return 0;
	}
	record_step(domain, &decision, step);
	return decision.action == ACTION_STAGE ? step_check_promotion(domain, err) : 0;
}

int step_disable(struct domain *domain, bool keep_sata, bool force,
		  struct step *step, struct error *err)
{
	int rc;

	memset(step, 0, sizeof(*step));
	step->before = domain->state.phase;
	step->moved = place_is_moved(domain);
	if (!domain->state.valid)
		rc = domain_state_damaged(domain, err);
	else if (keep_sata)
		rc = rewrite_settle_on_sata(domain, err);
	else
		rc = rewrite_restore(domain, err);
	if (rc < 0 && !force)
		return -1;
	if (rc < 0)
		rewrite_clear(domain);
	step->changed = domain->tag.present || domain->state_node;
	step->forced = rc < 0;
	str_fits(step->reason, sizeof(step->reason), step->forced ?
		 "disabled by the administrator, its disk was not put back" :
		 "disabled by the administrator");
	domain_drop_state(domain);
	domain_drop_tag(domain);
	return 0;
}
