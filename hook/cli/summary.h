/* SPDX-License-Identifier: GPL-2.0-or-later */
/* summary.h - where a domain stands, as status and inspect show it */
#ifndef BUSFLIP_STANDING_H
#define BUSFLIP_STANDING_H

#include <stdio.h>

#include "conf/config.h"
#include "hook/domain/domain.h"
#include "hook/libvirt/virt.h"

/* All of it copied: nothing that it was made from need live on. */
struct summary {
	char name[256], uuid[40];
	bool tagged, has_state;
	bool valid;			/* its state element, if there is one */
	enum phase phase;
	long attempts;
	char since[24], reason[256], at[24];	/* as in struct state */
	enum bus bus, target_bus;	/* of the system disk; BUS_OTHER: none */
	char disk[TARGET_SIZE];		/* its target name now, or "" */
	bool running;			/* when @dom was looked up */
	bool older;			/* its session began with another definition */
	bool pending;
	bool unfit;			/* tagged, and can't be staged */
};

/* summary_fill() - @domain: the persistent definition of @dom. */
void summary_fill(struct summary *summary, const struct virt_domain *dom,
		   const struct domain *domain, const struct config *config);

/* summary_compare() - set @summary's older: the session of @dom that runs, or is saved,
 * began in another phase, or in the same one when it was entered before. */
void summary_compare(struct summary *summary, const struct virt_domain *dom);

/* summary_phase() - its phase in a word; "damaged" when its state element is. */
const char *summary_phase(const struct summary *summary);

/* summary_reason() - the last decision, or what stands in its place; "" none. */
const char *summary_reason(const struct summary *summary);

/* summary_waits_for() - what must happen next, in two words; "-" nothing. */
const char *summary_waits_for(const struct summary *summary);

/* summary_unfit() - it can't be staged: a reason, where nothing else has one. */
void summary_unfit(struct summary *summary, const struct error *why);

/* summary_json() - the members of one JSON object, without its braces. */
void summary_json(const struct summary *summary, FILE *out);

/* summary_disk() - the disk that Windows is on: the one that was staged, else
 * the one that would be. NULL and @err when there is none or no telling. */
const xmlNode *summary_disk(const struct domain *domain, struct error *err);

/* summary_target_bus() - where @disk (may be NULL) will end: known once it is
 * staged, else as staging would choose. */
enum bus summary_target_bus(const struct domain *domain, const xmlNode *disk,
			     const struct config *config);

/* summary_try_staging() - could it be staged, with a tag where it has none? -1 and
 * @err: no. Tried out on a copy of @xml, its persistent definition. */
int summary_try_staging(const struct virt_domain *dom, const char *xml,
			 const struct config *config, struct error *err);

/* summary_try_promotion() - of one that is staged: could its disk go to VirtIO after a
 * good session? -1 and @err: no, whatever Windows does. */
int summary_try_promotion(const char *xml, const struct config *config, struct error *err);

/* summary_try() - as summary_try_staging(), of one that is taken for persistent;
 * @domain, its definition, is another one afterwards. */
int summary_try(struct domain *domain, const struct config *config, struct error *err);

#endif
