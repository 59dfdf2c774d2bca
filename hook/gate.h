/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gate.h - what a domain's own disk says, before and after a session
 *
 * Both run inside a hook, while QEMU does not hold the image, and within
 * patch_timeout. Neither ever keeps a guest from starting.
 */
#ifndef BUSFLIP_GATE_H
#define BUSFLIP_GATE_H

#include "conf/config.h"
#include "hook/domain.h"

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

const char *gate_name(enum gate gate);
enum gate gate_parse(const char *name);

#endif
