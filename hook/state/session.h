/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session.h - what was known when a domain's session began, for its end
 *
 * Written by the prepare hook, read by the release hook, which may be another
 * boot of the host later. One per domain, below BUSFLIP_STATEDIR.
 */
#ifndef BUSFLIP_SESSION_H
#define BUSFLIP_SESSION_H

#include "helper/shared/job.h"
#include "hook/domain/phase.h"

#define SESSION_FOLDER BUSFLIP_STATEDIR "/session"

struct session_note {
	char uuid[40];
	enum phase phase;	/* of the definition that was started ... */
	char since[24];		/* ... and since when it had it */
	uint64_t from;		/* when, FILETIME of the host */
	bool read;		/* the disk could be looked at then ... */
	char why[256];		/* ... or why not, or what is missing */
	bool has_before;	/* what was on the disk before: */
	uint64_t last_use, shutdown;
	uint32_t boot_id;
	bool writes_seen;	/* trial: the guest has written to its disk */
	bool restart;		/* trial: we take it down, to be started on SATA */
	int front;		/* process of the hook that let it go on, or did not */
	bool over;		/* its end was seen: it says nothing of a later start */
	bool job;		/* QEMU went in the middle of a block job */
	int failed;		/* starts in this phase, the last ones, that failed */
};

/* session_write() - durable when it returns 0. */
int session_write(const struct session_note *note, struct error *err);

/* session_read() - 1 found, 0 none or not readable as one. */
int session_read(const char *uuid, struct session_note *note);

void session_remove(const char *uuid);

/*
 * session_is_of() - is it of a session that began in this phase, entered then?
 * A note outlives its domain, and the session whose end no hook has seen; the same
 * UUID may come back. Host clocks are set back: hence equal, not later.
 */
bool session_is_of(const struct session_note *note, enum phase phase, const char *since);

/* session_led_to() - or of the one whose end led to this phase, then? */
bool session_led_to(const struct session_note *note, enum phase phase, const char *since);

/* session_compare() - have @job compare with what was on the disk before. */
void session_compare(const struct session_note *note, struct job *job);

/*
 * session_since() - have @job compare with when the phase began, for a session whose
 * beginning was not seen here: the guest was migrated to this host, or the hook came
 * later. False: @since is no time.
 */
bool session_since(const char *since, struct job *job);

/* session_began() - when, as text; SESSION_TIME bytes. */
#define SESSION_TIME 32
void session_began(const struct session_note *note, char text[SESSION_TIME]);

/* filetime_now() - 100 ns since 1601, as Windows counts. */
uint64_t filetime_now(void);

#endif
