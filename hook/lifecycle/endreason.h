/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endreason.h - how the session ended, from libvirt's reason
 *
 * The only place that translates libvirt's shutoff reason into the input of the decision.
 */
#ifndef BUSFLIP_ENDREASON_H
#define BUSFLIP_ENDREASON_H

#include <stdbool.h>

enum session_end {
	SESSION_END_CLEAN,		/* the session ended with a shutdown */
	SESSION_END_UNCLEAN,		/* it ended in another way */
	SESSION_END_OPEN,		/* it has not ended (saved, continues elsewhere), or
					 * nothing is known */
};

/*
 * session_end_of() - classify libvirt's shutoff reason.
 * @reason: its name as virDomainShutoffReasonTypeToString() returns it. The release hook gets
 * the same as its last argument since libvirt 10.5.0, and the domain's log file contains it. An
 * unknown name means failed.
 */
enum session_end session_end_of(const char *reason);

/*
 * session_end_is_guess() - true if that reason may stand for a session that ended with a
 * shutdown.
 *
 * A daemon that finds no QEMU after its restart reports "crashed" or "unknown", even if the
 * guest has shut down meanwhile, or was about to when the daemon was killed
 * (qemuProcessReconnect() in src/qemu/qemu_process.c; measured with 9.0.0).
 */
bool session_end_is_guess(const char *reason);

/* session_end_is_pause() - does the session go on here, from what was saved of it? */
bool session_end_is_pause(const char *reason);

#endif
