/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * story.h - what happened to a domain, in dated lines, for "status DOMAIN"
 *
 * The same lines go to the system's log, which may be gone or elsewhere when somebody
 * asks. One small file per domain below BUSFLIP_STATEDIR; it is no evidence, and
 * nothing is decided by what is in it.
 */
#ifndef BUSFLIP_STORY_H
#define BUSFLIP_STORY_H

#include "helper/shared/log.h"
#include "hook/phase/step.h"

#define STORY_FOLDER BUSFLIP_STATEDIR "/story"

/*
 * story_tell() - log "domain=NAME uuid=UUID TEXT", and keep TEXT with its time.
 * Never fails: where nothing can be kept there is the log.
 */
void story_tell(enum log_level level, const char *name, const char *uuid,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* story_step() - one decision, in the form that README and man page show. */
void story_step(const char *name, const char *uuid, const struct step *step);

struct story_line {
	char at[24];		/* ISO 8601, UTC */
	char text[640];		/* printable */
};

#define STORY_LINES 200

struct story {
	struct story_line *lines;	/* the newest, oldest of them first */
	size_t count;
	bool more;			/* there were older ones */
};

/* story_read() - 0 also when nothing is kept; -1 when what is can't be read. */
int story_read(const char *uuid, struct story *story, struct error *err);
void story_free(struct story *story);
#define AUTO_STORY __attribute__((cleanup(story_free)))

/* story_remove() - all that is kept of a domain. */
void story_remove(const char *uuid);

/* story_age() - seconds from @at until @now, at least 0; -1: @at is no time. */
long long story_age(const char *at, long long now);

#endif
