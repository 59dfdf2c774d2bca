/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endreason.h - what is known of the session that just ended
 *
 * The one place that turns what libvirt says about the end of a session into
 * what the decision needs. Today libvirt's word for a clean shutdown is all
 * the evidence there is.
 */
#ifndef BUSFLIP_EVIDENCE_H
#define BUSFLIP_EVIDENCE_H

#include <stdbool.h>

enum session_end {
	SESSION_END_CLEAN,		/* the session ended as it should */
	SESSION_END_UNCLEAN,		/* it ended, but not so */
	SESSION_END_OPEN,		/* not over (saved, goes on elsewhere), or no word on it */
};

/*
 * session_end_of() - judge libvirt's shutoff reason.
 * @reason: its name as virDomainShutoffReasonTypeToString() gives it, which is
 * also what the release hook gets as its last argument since libvirt 10.5.0
 * and what the domain's log file says. An unknown name fails.
 */
enum session_end session_end_of(const char *reason);

/*
 * session_end_is_guess() - may that reason stand for a session that ended as it should?
 *
 * A daemon that finds no QEMU when it comes back calls that "crashed" or "unknown",
 * also when the guest has shut down meanwhile, or was about to when the daemon was
 * killed (qemuProcessReconnect() in src/qemu/qemu_process.c; measured with 9.0.0).
 */
bool session_end_is_guess(const char *reason);

#endif
