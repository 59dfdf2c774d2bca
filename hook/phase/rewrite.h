/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rewrite.h - stage, promote, roll back, restore: domain document in, domain
 * document out; pure
 *
 * restore(stage(x)) is x for every x; promote(stage(x)) is x too when the disk
 * came on the bus where it will end, but for the state element. After an error
 * the document is half changed and must be thrown away.
 */
#ifndef BUSFLIP_REWRITE_H
#define BUSFLIP_REWRITE_H

#include "hook/domain/domain.h"

struct rewrite_options {
	enum bus bus;		/* where disks end when the tag does not say */
	const char *bait;	/* absolute path of the bait's image */
	bool keep_owner;	/* of that image: see bait_add() */
};

/*
 * rewrite_stage() - system disk to SATA, bait in.
 *
 * A disk that is on SATA or IDE already stays where it is: it boots there, so
 * only the bait is added. Sets the disk part of domain->state; phase, time and
 * reason are the caller's, as is domain_put_state().
 * Errors: a sentence that says why this domain can't be staged.
 */
int rewrite_stage(struct domain *domain, const struct rewrite_options *options,
		  struct error *err);

/* rewrite_promote() - a staged domain's system disk to its final bus, at the
 * address that the bait had; bait out. */
int rewrite_promote(struct domain *domain, struct error *err);

/* rewrite_promote_on_trial() - the same, but the SATA controller that staging added
 * stays until rewrite_finish(): a Windows that does not see it in that session
 * switches its driver off, and could not go back. */
int rewrite_promote_on_trial(struct domain *domain, struct error *err);

/* rewrite_rollback() - from the final bus back to the staged form. */
int rewrite_rollback(struct domain *domain, const struct rewrite_options *options,
		     struct error *err);

/* rewrite_restore() - the disk as it was before staging, whatever the form.
 * A domain that was promoted for good (phase done) keeps its disk. The caller
 * drops the state. */
int rewrite_restore(struct domain *domain, struct error *err);

/* rewrite_settle_on_sata() - leave the disk where staging put it; bait out. */
int rewrite_settle_on_sata(struct domain *domain, struct error *err);

/* rewrite_finish() - forget what was kept for the way back (phase done). */
void rewrite_finish(struct domain *domain);

/* rewrite_origin() - the bus that @disk is on, as staging sees it: BUS_OTHER
 * for a SCSI controller that is not VirtIO's (LSI, PVSCSI as VMware has them),
 * which is neither of the two buses where disks end. */
enum bus rewrite_origin(const struct domain *domain, const xmlNode *disk);

/* rewrite_check() - is this a domain whose @disk can be staged? The refusals
 * of rewrite_stage(), without changing anything. */
int rewrite_check(const struct domain *domain, const xmlNode *disk,
		  struct error *err);

/* rewrite_is_overridden() - does a <qemu:override> refer to @disk, which may be NULL, by
 * the name that it has as it is? */
bool rewrite_is_overridden(const struct domain *domain, const xmlNode *disk);

#endif
