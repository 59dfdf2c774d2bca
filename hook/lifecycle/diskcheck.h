/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diskcheck.h - what a domain's own disk shows before and after a session
 *
 * Both checks run inside a hook, while QEMU does not hold the image, and within patch_timeout.
 * Neither ever keeps a guest from starting.
 */
#ifndef BUSFLIP_DISKCHECK_H
#define BUSFLIP_DISKCHECK_H

#include "conf/config.h"
#include "hook/domain/domain.h"

/*
 * diskcheck_before_session() - before a session: on SATA, prepare Windows for SATA and VirtIO;
 * record what is on the disk for the check at the end
 */
void diskcheck_before_session(const struct domain *domain, const struct config *config);

struct diskcheck_result {
	bool readable;		/* false: the disk can't be judged, see .why */
	enum verdict verdict;	/* staged: it may go to VirtIO; trial: Windows ran */
	char why[640];		/* for status: the conditions that do not hold, and what was
				 * found */
	bool shut_down;		/* Windows was fully shut down in this session */
};

/*
 * diskcheck_after_session() - after a session of phase staged or trial
 *
 * @clean: libvirt says that it ended with a shutdown. If not, nothing is written to a disk that
 * does not show a shutdown itself.
 */
void diskcheck_after_session(const struct domain *domain, const struct config *config, bool clean,
		struct diskcheck_result *result);

/*
 * diskcheck_restore() - undo the changes in Windows that were made only for the conversion:
 * AutoReboot, SanPolicy, fast startup
 *
 * For a domain whose conversion ends here; neither running nor saved. Return 1 done, 0 nothing
 * to do (or no disk that can be read), -1 it failed, which is logged. Always on request, see
 * lease_take().
 */
int diskcheck_restore(const struct domain *domain, const struct config *config);

/* diskcheck_name() - the answer as a pending record has it; diskcheck_parse() - from there,
 * not readable if it is anything else. */
const char *diskcheck_name(const struct diskcheck_result *result);
void diskcheck_parse(const char *name, struct diskcheck_result *result);

#endif
