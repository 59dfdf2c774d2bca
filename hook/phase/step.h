/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step.h - one step of a domain's way to VirtIO, on its document: decide,
 * rewrite, note it in the state; no I/O but the clock
 */
#ifndef BUSFLIP_CYCLE_H
#define BUSFLIP_CYCLE_H

#include "conf/config.h"
#include "hook/domain/domain.h"
#include "hook/phase/decide.h"

struct step {
	bool stuck;		/* held on VirtIO: it could not be put back on SATA */
	bool forced;		/* disabled, and its disk could not be put back */
	enum phase before, after;
	bool changed;		/* the document is another one now */
	char reason[256];
};

/*
 * step_apply() - apply @happened to @domain.
 *
 * Errors: the domain can't be staged, a command makes no sense in its phase,
 * or its state element is damaged; then the document must be thrown away.
 */
int step_apply(struct domain *domain, enum happening happened,
	       const struct config *config, struct step *step, struct error *err);

/* step_apply_because() - the same; @detail is added to the reason, or NULL. */
int step_apply_because(struct domain *domain, enum happening happened,
		       const char *detail, const struct config *config,
		       struct step *step, struct error *err);

/* step_check_promotion() - could @domain, which is staged, be promoted? -1 and @err: what
 * would stop it. */
int step_check_promotion(const struct domain *domain, struct error *err);

/*
 * step_disable() - take busflip out of the domain: disk as the user had it
 * (@keep_sata: where staging put it), tag and state gone.
 * @force: when the disk can't be put back, leave it as it is and go on.
 */
int step_disable(struct domain *domain, bool keep_sata, bool force,
		  struct step *step, struct error *err);

#endif
