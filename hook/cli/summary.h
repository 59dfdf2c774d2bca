/* SPDX-License-Identifier: GPL-2.0-or-later */
/* summary.h - the state of a domain, as status and inspect show it */
#ifndef BUSFLIP_SUMMARY_H
#define BUSFLIP_SUMMARY_H

#include <stdio.h>

#include "conf/config.h"
#include "hook/disk/findings.h"
#include "hook/domain/domain.h"
#include "hook/libvirt/virt.h"

/* Everything is copied: the sources may be freed. */
struct summary {
	char name[256], uuid[40];
	bool tagged, has_state;
	bool valid;			/* it has a state element */
	enum phase phase;
	long attempts;
	char since[24], reason[256], at[24];	/* as in struct state */
	enum bus bus, target_bus;	/* of the system disk; BUS_OTHER: none */
	char disk[TARGET_SIZE];		/* its present target name, or "" */
	bool running;			/* at the time of the lookup of @dom */
	bool older;			/* its session began with another definition */
	bool pending;
	bool unfit;			/* tagged, but can't be staged */
	const char *waits;		/* staged and off: for more than a start; or NULL */
	bool no_bait;			/* rewrite_lacks_bait() */
	char moved[sizeof(((struct error *)0)->msg)]; /* place_check(), or "" */
};

/* summary_fill() - fill it from @domain, the persistent definition of @dom. */
void summary_fill(struct summary *summary, const struct virt_domain *dom,
		   const struct domain *domain, const struct config *config);

/* summary_drivers() - true if virtio_win is set. @why, SUMMARY_DRIVERS bytes: why it can't be
 * read, a clause, or "". */
#define SUMMARY_DRIVERS 1200
bool summary_drivers(const struct config *config, char *why);

/* summary_stop() - of the conditions @now, or NULL: those of the last step, the one in @stop that
 * keeps a staged domain from VirtIO until more is done than one more session. False: none. */
bool summary_stop(const struct summary *summary, const struct findings *now,
		  const struct config *config, struct finding *stop);

/* summary_compare() - set @summary's older: the running or saved session of @dom began in
 * another phase, or in an earlier visit to the same phase. */
void summary_compare(struct summary *summary, const struct virt_domain *dom);

/* summary_phase() - the phase in a word; "damaged" if the state element is damaged. */
const char *summary_phase(const struct summary *summary);

/* summary_reason() - the reason of the last decision, or a substitute; "" if none. */
const char *summary_reason(const struct summary *summary);

/* summary_waits_for() - what must happen next, in two words; "-" if nothing. */
const char *summary_waits_for(const struct summary *summary);

/* summary_unfit() - record @why as the reason that it can't be staged. */
void summary_unfit(struct summary *summary, const struct error *why);

/* summary_json() - print the members of one JSON object, without its braces. */
void summary_json(const struct summary *summary, FILE *out);

/* summary_disk() - the disk with Windows: the staged one, otherwise the one that would be
 * staged. NULL and @err if there is none or it is ambiguous. */
const xmlNode *summary_disk(const struct domain *domain, struct error *err);

/* summary_target_bus() - the bus where @disk (may be NULL) will end: from the state if it is
 * staged, otherwise as staging would choose. */
enum bus summary_target_bus(const struct domain *domain, const xmlNode *disk,
			     const struct config *config);

/* summary_try_staging() - check whether it could be staged, adding a tag if it has none. -1
 * and @err: why not. Works on a copy of @xml, its persistent definition. */
int summary_try_staging(const struct virt_domain *dom, const char *xml,
			 const struct config *config, struct error *err);

/* summary_try_promotion() - check whether the disk of a staged domain could go to VirtIO after
 * a good session. -1 and @err: why not, whatever Windows does. */
int summary_try_promotion(const char *xml, const struct config *config, struct error *err);

/* summary_try() - like summary_try_staging(), for a domain known to be persistent; changes
 * @domain, its definition. */
int summary_try(struct domain *domain, const struct config *config, struct error *err);

#endif
