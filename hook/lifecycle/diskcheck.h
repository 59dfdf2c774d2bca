/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diskcheck.h - what a domain's own disk says, before and after a session
 *
 * Both run inside a hook, while QEMU does not hold the image, and within
 * patch_timeout. Neither ever keeps a guest from starting.
 */
#ifndef BUSFLIP_GATE_H
#define BUSFLIP_GATE_H

#include "conf/config.h"
#include "hook/domain/domain.h"

/*
 * diskcheck_before_session() - before a session: on SATA make Windows ready for SATA and for
 * VirtIO; note for its end what is on the disk now
 */
void diskcheck_before_session(const struct domain *domain, const struct config *config);

enum diskcheck {
	DISKCHECK_UNREADABLE,	/* the disk can't be judged: see .why */
	DISKCHECK_YES,		/* staged: it may go to VirtIO; trial: Windows ran */
	DISKCHECK_NO,		/* staged: not yet; trial: Windows did not start */
	DISKCHECK_UNKNOWN,		/* trial: it does not tell */
};

struct diskcheck_result {
	enum diskcheck gate;
	char why[256];		/* for status: what does not hold, and what was found */
	bool shut_down;		/* Windows was shut down fully, in this session */
};

/*
 * diskcheck_after_session() - after a session of phase staged or trial
 *
 * @clean: libvirt says that it ended with a shutdown. If not, nothing is written to a
 * disk that does not say so itself.
 */
void diskcheck_after_session(const struct domain *domain, const struct config *config, bool clean,
		struct diskcheck_result *result);

/*
 * diskcheck_restore() - take back what was changed in Windows for the way to VirtIO only:
 * AutoReboot, SanPolicy, fast startup
 *
 * For a domain whose way ends here; neither running nor saved. Return 1 done, 0 there
 * was nothing (no disk that can be read, either), -1 it failed, which is told. Somebody
 * has asked for it, see lease_take().
 */
int diskcheck_restore(const struct domain *domain, const struct config *config);

/* diskcheck_must_restore() - is there anything that diskcheck_restore() would take back? */
bool diskcheck_must_restore(const struct domain *domain);

const char *diskcheck_name(enum diskcheck gate);
enum diskcheck diskcheck_parse(const char *name);

#endif
