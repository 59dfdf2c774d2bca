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
 * gate_prepare() - before a session: on SATA make Windows ready for SATA and for
 * VirtIO; note for its end what is on the disk now
 */
void gate_prepare(const struct domain *domain, const struct config *config);

enum gate {
	GATE_UNREADABLE,	/* the disk can't be judged: see .why */
	GATE_HOLDS,		/* staged: it may go to VirtIO; trial: Windows ran */
	GATE_FAILS,		/* staged: not yet; trial: Windows did not start */
	GATE_UNKNOWN,		/* trial: it does not tell */
};

struct gate_result {
	enum gate gate;
	char why[256];		/* for status: what does not hold, and what was found */
	bool shut_down;		/* Windows was shut down fully, in this session */
};

/*
 * gate_judge() - after a session of phase staged or trial
 *
 * @clean: libvirt says that it ended with a shutdown. If not, nothing is written to a
 * disk that does not say so itself.
 */
void gate_judge(const struct domain *domain, const struct config *config, bool clean,
		struct gate_result *result);

/*
 * gate_put_back() - take back what was changed in Windows for the way to VirtIO only:
 * AutoReboot, SanPolicy, fast startup
 *
 * For a domain whose way ends here; neither running nor saved. Return 1 done, 0 there
 * was nothing (no disk that can be read, either), -1 it failed, which is told. Somebody
 * has asked for it, see lease_take().
 */
int gate_put_back(const struct domain *domain, const struct config *config);

/* gate_has_changed() - is there anything that gate_put_back() would take back? */
bool gate_has_changed(const struct domain *domain);

const char *gate_name(enum gate gate);
enum gate gate_parse(const char *name);

#endif
