/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session.h - what is recorded at the beginning of a domain's session, for its end
 *
 * The prepare hook writes the note in session/. The release hook, which may run after another
 * boot of the host, moves it to last/: a note in session/ is of a session whose end no hook has
 * seen. The note in last/ is for "inspect", and for the number of failed starts. A domain has
 * one or the other.
 *
 * No lock is taken: hooks run while libvirt has the domain locked, and the holder of the
 * domain's lock may be waiting for libvirt. None is needed, because only the prepare hook
 * writes a whole note, while there is no session. What is learned later is appended, a line
 * in one write, to a note that exists. A line that comes too late follows its note to last/,
 * or is lost with it; it can't bring the note back or remove another line.
 */
#ifndef BUSFLIP_SESSION_H
#define BUSFLIP_SESSION_H

#include "helper/shared/job.h"
#include "hook/domain/phase.h"

#define SESSION_FOLDER BUSFLIP_STATEDIR "/session"
#define LAST_FOLDER BUSFLIP_STATEDIR "/last"

struct session_note {
	char uuid[40];
	enum phase phase;	/* of the definition that was started ... */
	char since[24];		/* ... and when that phase began */
	uint64_t from;		/* time of the start, FILETIME of the host */
	bool read;		/* the disk could be read at the start ... */
	char why[256];		/* ... or why not, or what is missing */
	bool has_before;	/* on the disk before the session: */
	uint64_t last_use, shutdown;
	uint32_t boot_id;
	bool writes_seen;	/* trial: the guest has written to its disk */
	int front;		/* pid of the hook that allowed the start, or did not */
	bool job;		/* QEMU ended in the middle of a block job */
	int failed;		/* number of the last starts in this phase that failed */
	/* Only read, from a former version. .restart: it has destroyed the guest, to start it on
	 * SATA; now in struct pending. .over: the end was seen; now the note is in last/. */
	bool restart, over;
};

/* session_write() - the note of a session that begins, in place of all that was noted
 * before. Durable when it returns 0. */
int session_write(const struct session_note *note, struct error *err);

/* session_add_writes(), session_add_job() - .writes_seen and .job, learned later. Durable
 * when it returns 0; also when there is no note, which stays so. */
int session_add_writes(const char *uuid, struct error *err);
int session_add_job(const char *uuid, struct error *err);

/* session_end() - its end was seen; @failed is that of the note from now on. */
int session_end(const char *uuid, int failed, struct error *err);

/* session_read() - of the session whose end was not seen; session_read_last() - of the one
 * whose end was. 1 found, 0 none or not readable as one. */
int session_read(const char *uuid, struct session_note *note);
int session_read_last(const char *uuid, struct session_note *note);

/* session_read_any() - of either. */
int session_read_any(const char *uuid, struct session_note *note);

/* session_remove() - whatever is noted. session_sweep() - what was left half written. */
void session_remove(const char *uuid);
void session_sweep(void);

/* session_read_before() - a line of what the helper has found before the start, into the
 * struct session_note @context. */
void session_read_before(void *context, const char *key, const char *value);

/*
 * session_is_of() - is it from a session that began in this phase, entered at that time? A note
 * outlives its domain, and a session whose end no hook has seen; the same UUID may come back.
 * Host clocks are set back: so compare for equality.
 */
bool session_is_of(const struct session_note *note, enum phase phase, const char *since);

/* session_led_to() - or is it from the session whose end led to this phase, at that time? */
bool session_led_to(const struct session_note *note, enum phase phase, const char *since);

/* session_compare() - make @job compare with what was on the disk before. */
void session_compare(const struct session_note *note, struct job *job);

/*
 * session_since() - make @job compare with the beginning of the phase, for a session whose
 * beginning was not seen on this host: the guest was migrated to it, or the hook was installed
 * later. False: @since is not a time.
 */
bool session_since(const char *since, struct job *job);

/* session_began() - the beginning, as text of SESSION_TIME bytes. */
#define SESSION_TIME 32
void session_began(const struct session_note *note, char text[SESSION_TIME]);

/* filetime_now() - 100 ns units since 1601, as Windows counts. */
uint64_t filetime_now(void);

#endif
