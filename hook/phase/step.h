/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step.h - one step of a domain's conversion to VirtIO, on its document: decide, rewrite,
 * record it in the state; no I/O except the clock
 */
#ifndef BUSFLIP_STEP_H
#define BUSFLIP_STEP_H

#include "conf/config.h"
#include "hook/domain/domain.h"
#include "hook/phase/decide.h"

struct step {
	bool stuck;		/* held on VirtIO: the disk could not go back to SATA */
	bool forced;		/* disabled, but the disk could not be restored */
	bool moved;		/* disabled, and others had moved the disk to where it stays */
	enum phase before, after;
	bool changed;		/* the document was changed */
	bool bait_back;		/* it had lost its bait, and has one again */
	char reason[768];	/* in full; what the state has of it is cut */
	char no_bait[512];	/* why the domain is staged without a bait, or "" */
};

/*
 * step_apply() - apply @happened to @domain.
 *
 * Errors: the domain can't be staged, the command is not valid in its phase, its state element
 * is damaged, or its disk is not where its phase says (PLACE_MOVED); then the document must be
 * discarded.
 */
int step_apply(struct domain *domain, enum happening happened,
	       const struct config *config, struct step *step, struct error *err);

/* step_apply_because() - the same; append @detail, unless NULL, to the reason. */
int step_apply_because(struct domain *domain, enum happening happened,
		       const char *detail, const struct config *config,
		       struct step *step, struct error *err);

/* step_check_promotion() - check whether the staged @domain could be promoted. -1 and @err:
 * what prevents it. */
int step_check_promotion(const struct domain *domain, struct error *err);

/*
 * step_disable() - remove busflip from the domain: restore the user's disk (@keep_sata: leave
 * it where staging put it), remove tag and state.
 * @force: if the disk can't be restored, leave it as it is and continue.
 */
int step_disable(struct domain *domain, bool keep_sata, bool force,
		  struct step *step, struct error *err);

#endif
