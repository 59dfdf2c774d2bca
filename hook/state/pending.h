/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pending.h - a step that a hook has recorded for a later process
 *
 * A hook must not call libvirt, so it records what has to happen, flushed to disk before it
 * returns; "busflip settle" does it and removes the record. If that process fails, the next
 * event, "stage --all" or the next boot finds the record and does the step. There is one record
 * per domain: a newer event replaces an older one, because only the end of the last session
 * counts.
 */
#ifndef BUSFLIP_PENDING_H
#define BUSFLIP_PENDING_H

#include "helper/shared/base.h"
#include "hook/domain/phase.h"
#include "hook/state/bootid.h"

#define PENDING_FOLDER BUSFLIP_STATEDIR "/pending"

enum pending_kind {
	PENDING_RELEASE,	/* a session ended: decide, redefine */
	PENDING_BOUNCE,		/* started before it was staged: restart it */
	PENDING_RESTART,	/* a trial is being destroyed: its release hook has it restarted */
};

struct pending {
	enum pending_kind kind;
	char uuid[40];
	char name[256];
	enum phase session;	/* phase in the live XML of that session */
	char reason[24];	/* shutoff reason; "" if the hook did not get one */
	char logged[24];	/* reason in the domain's log, "" if none */
	bool excused;		/* release: if the start failed, the bus is not the cause */
	bool asking;		/* release: the hook has yet to read the disk */
	char disk[16];		/* release: result from the disk, diskcheck_name(); "" */
	char disk_why[640];	/* ... and what was found on it */
	bool writes;		/* release: the guest has written to its disk on VirtIO */
	bool restart;		/* release: busflip has destroyed it, to start it on SATA */
	bool begun;		/* bounce: busflip has begun to destroy the guest */
	int id;			/* bounce, restart: libvirt's id of that run of the guest */
	bool paused;		/* bounce: the user started it paused */
	long long at;		/* milliseconds since boot */
	char boot[BOOT_ID];	/* kernel's boot id when it was written */
	char token[24];		/* distinguishes what was written at two times */
};

/* pending_new() - an empty record with its boot id and time. */
void pending_new(struct pending *pending, enum pending_kind kind,
		 const char *uuid, const char *name);

/* pending_write() - with a new token; durable when it returns 0. */
int pending_write(struct pending *pending, struct error *err);

/* pending_read() - 1 found, 0 none, -1 unreadable (@err says why). */
int pending_read(const char *uuid, struct pending *pending, struct error *err);

/* pending_remove() - remove it only if it is still the record with this token. */
void pending_remove(const struct pending *pending);

/* pending_discard() - remove it whatever it contains. */
void pending_discard(const char *uuid);

bool pending_exists(const char *uuid);

/*
 * pending_is_restart() - is the session that ends now one that busflip destroys, to be
 * started again? Its record is believed for PENDING_RESTART_MS, which is longer than libvirt
 * tries: what was not destroyed then may be destroyed by its user later. So is that of a release
 * hook that was killed: libvirt runs the hook again when its daemon was lost as well.
 */
#define PENDING_RESTART_MS 60000
bool pending_is_restart(const char *uuid);

/* pending_each() - call @each with the UUID of every record. */
void pending_each(void (*each)(void *context, const char *uuid), void *context);

/* pending_sweep() - remove incomplete files that a killed process left. */
void pending_sweep(void);

/* pending_age() - milliseconds since pending_new(); -1 if that was before the last boot. */
long long pending_age(const struct pending *pending);

#endif
