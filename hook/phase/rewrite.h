/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rewrite.h - stage, promote, roll back, restore: domain document in, domain document out; pure
 *
 * restore(stage(x)) equals x for every x. promote(stage(x)) equals x too, except for the state
 * element, if the disk already was on the target bus. After an error the document is partly
 * changed and must be discarded.
 */
#ifndef BUSFLIP_REWRITE_H
#define BUSFLIP_REWRITE_H

#include "hook/domain/domain.h"

struct rewrite_options {
	enum target_bus bus;	/* the target bus if the tag names none */
	const char *bait;	/* absolute path of the bait's image */
	bool keep_owner;	/* for that image: see bait_add() */
};

/*
 * rewrite_stage() - move the system disk to SATA and add the bait.
 *
 * A disk on SATA or IDE already stays where it is: it boots there, so only the bait is added.
 * Sets the disk part of domain->state; the caller sets phase, time and reason, and calls
 * domain_put_state().
 * Errors: a sentence that says why this domain can't be staged.
 */
int rewrite_stage(struct domain *domain, const struct rewrite_options *options,
		  struct error *err);

/* rewrite_lacks_bait() - true if the domain is staged, its disk is there, and the bait was
 * removed from its definition. rewrite_put_bait() - insert it again, at the address that the
 * disk will have, if that is known and free. */
bool rewrite_lacks_bait(const struct domain *domain);
void rewrite_put_bait(struct domain *domain, const struct rewrite_options *options);

/* rewrite_promote() - move a staged domain's system disk to its target bus, at the address of
 * the bait, and remove the bait. */
int rewrite_promote(struct domain *domain, struct error *err);

/* rewrite_promote_on_trial() - the same, but keep the SATA controller that staging added until
 * rewrite_finish(): a Windows that does not see the controller in that session disables its
 * driver and could not go back. */
int rewrite_promote_on_trial(struct domain *domain, struct error *err);

/* rewrite_rollback() - move the disk from the target bus back to the staged form. */
int rewrite_rollback(struct domain *domain, const struct rewrite_options *options,
		     struct error *err);

/* rewrite_restore() - restore the disk as it was before staging, from any form. A domain in
 * phase done keeps its disk, and so does one whose disk was moved to another bus by others
 * (place_is_moved()). The caller drops the state. */
int rewrite_restore(struct domain *domain, struct error *err);

/* rewrite_clear() - remove what busflip has added besides the system disk: the bait, the panic
 * device, and controllers that nothing uses. */
void rewrite_clear(struct domain *domain);

/* rewrite_settle_on_sata() - leave the disk where staging put it; remove the bait. */
int rewrite_settle_on_sata(struct domain *domain, struct error *err);

/* rewrite_finish() - discard what was saved for a rollback (phase done). */
void rewrite_finish(struct domain *domain);

/* rewrite_check() - check whether @disk of this domain can be staged: the refusals of
 * rewrite_stage(), without changing anything. */
int rewrite_check(const struct domain *domain, const xmlNode *disk,
		  struct error *err);

/* rewrite_is_overridden() - true if a <qemu:override> refers to @disk (may be NULL) by its
 * present name. */
bool rewrite_is_overridden(const struct domain *domain, const xmlNode *disk);

#endif
