/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * story.h - the history of a domain, in dated lines, for "status DOMAIN"
 *
 * The same lines go to the system log, which may be rotated or elsewhere when somebody asks.
 * There is one small file per domain below BUSFLIP_STATEDIR. It is not evidence: no decision
 * depends on its content.
 */
#ifndef BUSFLIP_STORY_H
#define BUSFLIP_STORY_H

#include "helper/shared/log.h"
#include "hook/phase/step.h"

#define STORY_FOLDER BUSFLIP_STATEDIR "/story"

/*
 * story_tell() - log "domain=NAME uuid=UUID TEXT", and store TEXT with its time. Never fails:
 * if it can't be stored, it is in the log.
 */
void story_tell(enum log_level level, const char *name, const char *uuid,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* story_step() - log one decision, in the form that README and man page show. */
void story_step(const char *name, const char *uuid, const struct step *step);

struct story_line {
	char at[24];		/* ISO 8601, UTC */
	char text[1024];	/* printable */
};

#define STORY_LINES 200

struct story {
	struct story_line *lines;	/* the newest lines, in order of time */
	size_t count;
	bool more;			/* there were older lines */
};

/* story_read() - 0 also if nothing is stored; -1 if it can't be read. */
int story_read(const char *uuid, struct story *story, struct error *err);
void story_free(struct story *story);
#define AUTO_STORY __attribute__((cleanup(story_free)))

/* story_remove() - remove the history of a domain. story_sweep() - remove incomplete files that
 * a killed process left. */
void story_remove(const char *uuid);
void story_sweep(void);

/* story_age() - seconds from @at until @now, at least 0; -1: @at is not a time. */
long long story_age(const char *at, long long now);

#endif
