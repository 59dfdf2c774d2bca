/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pending.h - work that a hook has promised and a later process does
 *
 * A hook must not call libvirt, so it writes down what has to happen, flushed
 * to disk before it returns; "busflip settle" does it and removes the record.
 * Whoever comes later (the next event, "stage --all", the next boot) finds a
 * record that was left and does it then. One record per domain: a newer event
 * replaces an older one, because only the last session's end counts.
 */
#ifndef BUSFLIP_PENDING_H
#define BUSFLIP_PENDING_H

#include "hook/domain/phase.h"
#include "helper/shared/base.h"

#define PENDING_FOLDER BUSFLIP_STATEDIR "/pending"

enum pending_kind {
	PENDING_RELEASE,	/* a session ended: decide, redefine */
	PENDING_BOUNCE,		/* started before it was staged: start it again */
};

struct pending {
	enum pending_kind kind;
	char uuid[40];
	char name[256];
	enum phase session;	/* phase in the live XML of that session */
	char reason[24];	/* shutoff reason; "" when the hook was not told */
	char logged[24];	/* what the domain's log said, "" if nothing */
	bool excused;		/* release: if the start failed, the bus is not to blame */
	char disk[16];		/* release: what the disk says, enum diskcheck; "" */
	char disk_why[256];	/* ... and what was found on it */
	bool begun;		/* bounce: the guest is being taken down by us */
	int id;			/* bounce: libvirt's id of that run of the guest */
	bool paused;		/* bounce: the user had started it paused */
	long long at;		/* milliseconds since the host came up */
	char boot[40];		/* kernel's boot id when it was written */
	char token[24];		/* tells two records of one domain apart */
};

/* pending_new() - a record with boot id and token filled in. */
void pending_new(struct pending *pending, enum pending_kind kind,
		 const char *uuid, const char *name);

/* pending_write() - durable when it returns 0. */
int pending_write(const struct pending *pending, struct error *err);

/* pending_read() - 1 found, 0 none, -1 unreadable (@err says why). */
int pending_read(const char *uuid, struct pending *pending, struct error *err);

/* pending_remove() - only if it is still the record with this token. */
void pending_remove(const struct pending *pending);

/* pending_discard() - whatever it holds. */
void pending_discard(const char *uuid);

bool pending_exists(const char *uuid);

/* pending_each() - call @each with the UUID of every record. */
void pending_each(void (*each)(void *context, const char *uuid), void *context);

/* pending_age() - milliseconds since pending_new(); -1 when that was before
 * the host came up. */
long long pending_age(const struct pending *pending);

#endif
