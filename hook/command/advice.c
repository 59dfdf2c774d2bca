// SPDX-License-Identifier: GPL-2.0-or-later
/* advice.c - what comes next for a domain, and how to fix a condition that does not hold */

#include "hook/command/advice.h"

#include <stdio.h>
#include <string.h>

/* In these texts DOMAIN is replaced by the domain's name, REASON by the reason of a failure. */
static const char *put(const char *text, const char *word, const char *value,
		       char *out, size_t *used)
{
	size_t n = strlen(word);

	if (strncmp(text, word, n) != 0)
		return NULL;
	*used += (size_t)snprintf(out + *used, ADVICE_SIZE - *used, "%s",
				  value ? value : "");
	if (*used >= ADVICE_SIZE)
		*used = ADVICE_SIZE - 1;
	return text + n;
}

static void expand(const struct advice *a, const char *text, const char *reason,
		   char out[ADVICE_SIZE])
{
	char buf[DOMAIN_WORD];
	const char *name = domain_word(a->summary->name, a->summary->uuid, buf);
	size_t used = 0;

	while (*text && used < ADVICE_SIZE - 1) {
		const char *behind = put(text, "DOMAIN", name, out, &used);

		if (!behind)
			behind = put(text, "REASON", reason, out, &used);
		if (!behind) {
			out[used++] = *text;
			behind = text + 1;
		}
		text = behind;
	}
	out[used] = '\0';
}

/* ---- what comes next ----------------------------------------------------- */

enum now { NOW_OFF, NOW_SAVED, NOW_RUNS, NOW_COUNT };

#define LEAVES_DONE "nothing: it is done and stays on VirtIO, and busflip leaves it alone."
#define LEAVES_HELD "nothing: it is held and stays as it is. To try again, run busflip retry " \
	"DOMAIN"

static const char *const nexts[PHASE_COUNT][NOW_COUNT] = {
	[PHASE_NONE] = {
		[NOW_OFF] = "run busflip stage DOMAIN to put its disk on SATA, unless busflip does "
			"so by itself first;  then start it.",
		[NOW_SAVED] = "start it; it resumes its saved session. Shut it down inside "
			"Windows; its next start is then on SATA.",
		[NOW_RUNS] = "shut it down inside Windows; its next start is on SATA.",
	},
	[PHASE_STAGED] = {
		[NOW_OFF] = "start it; it boots on SATA with the VirtIO bait. Let Windows come up "
			"and shut it down inside Windows; if every condition then holds, its next "
			"start is on VirtIO.",
		[NOW_SAVED] = "start it; it resumes its saved session on SATA. Shut it down inside "
			"Windows; if every condition then holds, its next start is on VirtIO.",
		[NOW_RUNS] = "shut it down inside Windows. If every condition then holds, its next "
			"start is on VirtIO.",
	},
	[PHASE_TRIAL] = {
		[NOW_OFF] = "start it; it boots on VirtIO. Shut it down inside Windows; if its "
			"disk then shows that Windows ran there, it is done; if Windows does not "
			"come up, it goes back to SATA.",
		[NOW_SAVED] = "start it; it resumes its saved session. Shut it down inside "
			"Windows; if its disk then shows that Windows ran on VirtIO, it is done.",
		[NOW_RUNS] = "shut it down inside Windows. If its disk then shows that Windows ran "
			"on VirtIO, it is done; if it shows that Windows did not, it goes back to "
			"SATA.",
	},
	[PHASE_DONE] = { LEAVES_DONE, LEAVES_DONE, LEAVES_DONE },
	[PHASE_HELD] = { LEAVES_HELD, LEAVES_HELD, LEAVES_HELD },
};

/* Staged, and its bait was removed from the definition. */
#define NO_BAIT_YET "shut it down inside Windows; then busflip puts its bait back, which was " \
	"removed from its definition. If every condition holds, its next start is on VirtIO."

static const char *const no_baits[NOW_COUNT] = {
	[NOW_OFF] = "run busflip stage DOMAIN to put its bait back, which was removed from its "
		"definition; then start it. Let Windows come up and shut it down inside Windows; "
		"if every condition then holds, its next start is on VirtIO.",
	[NOW_SAVED] = "start it; it resumes its saved session on SATA. Then " NO_BAIT_YET,
	[NOW_RUNS] = NO_BAIT_YET,
};

static bool is_odd(const struct advice *a)
{
	return !a->summary->tagged && a->odd_tag && a->odd_tag[0];
}

/* A condition that comes before any phase; NULL: none. */
static const char *obstacle(const struct advice *a)
{
	const struct summary *s = a->summary;

	if (!s->valid)
		return "nothing, since its state element is damaged: busflip disable --force "
			"DOMAIN removes tag and state and leaves its disk as it is.";
	if (s->pending)
		return "a step that a hook has recorded is not done yet; if it is not done in a "
			"moment, run busflip stage --all.";
	if (is_odd(a) && s->has_state)
		return "nothing, since its busflip tag is missing: REASON; busflip enable DOMAIN "
			"writes it again, busflip disable DOMAIN puts its disk back as it was.";
	if (is_odd(a))
		return "nothing, since it has no busflip tag: REASON; busflip enable DOMAIN adds "
			"one and puts its disk on SATA for the next start.";
	if (!s->tagged && s->has_state)
		return "nothing, since its busflip tag is missing: busflip disable DOMAIN puts its "
			"disk back as it was.";
	if (!s->tagged && a->unfit)
		return "nothing, since it has no busflip tag, and it can't be staged: REASON";
	if (!s->tagged)
		return "nothing, since it has no busflip tag: busflip enable DOMAIN adds one "
			"and puts its disk on SATA for the next start.";
	if (a->unfit)
		return "nothing, since it can't be staged and starts as it is: REASON";
	return s->moved[0] ? "nothing by itself: REASON." : NULL;
}

/* A command given after the session began takes effect at the next start: the end of this
 * session decides nothing. */
#define OLDER_SAVED(bus) \
	"start it; it resumes its saved session, as before the last change. Shut it down inside " \
	"Windows; its next start is then on " bus "."
#define OLDER_RUNS(bus) \
	"shut it down inside Windows; it runs as started before the last change. Its next start " \
	"is on " bus "."

static const char *const olders[PHASE_COUNT][NOW_COUNT] = {
	[PHASE_STAGED] = {
		[NOW_SAVED] = OLDER_SAVED("SATA"), [NOW_RUNS] = OLDER_RUNS("SATA"),
	},
	[PHASE_TRIAL] = {
		[NOW_SAVED] = OLDER_SAVED("VirtIO"), [NOW_RUNS] = OLDER_RUNS("VirtIO"),
	},
};

#define UNREADABLE "start it; it boots on SATA and stays there as long as its disk can't be " \
	"read: REASON"
#define NEVER "stays on SATA, since its disk can't be read: REASON; busflip check DOMAIN says " \
	"what to do"

/* While a guest runs its disk can't be read, but of these disks it is known in advance. */
static const char *const nevers[NOW_COUNT] = {
	[NOW_OFF] = "start it; it " NEVER,
	[NOW_SAVED] = "start it; it resumes its saved session, and " NEVER,
	[NOW_RUNS] = "it " NEVER,
};

/* What a session on SATA did not cure. While it runs or is saved, that may be cured in it. */
static const char *cure_first(const struct advice *a, enum now now, char text[ADVICE_SIZE])
{
	static const char *const before[NOW_COUNT] = {
		[NOW_OFF] = "",
		[NOW_SAVED] = "start it; it resumes its saved session on SATA. ",
		[NOW_RUNS] = "",
	};
	const struct remedy *r = a->stop ? remedy_of(a->stop, a->has_drivers && !a->no_drivers)
					 : NULL;
	bool no_drivers = a->no_drivers && r && remedy_is_driver(a->stop);
	char again[96] = "";

	if (!r || !r->next)
		return NULL;
	if (now != NOW_OFF)
		snprintf(again, sizeof(again), "%s it down inside Windows. If %s fails again, ",
			 now == NOW_RUNS ? "shut" : "Shut", a->stop->name);
	snprintf(text, ADVICE_SIZE, "%s%s%s%s; if every condition then holds, its next start is "
		 "on VirtIO.", before[now], again, no_drivers ? "correct that: REASON; then " : "",
		 no_drivers ? REMEDY_SESSION : r->next);
	return text;
}

void advice_next(const struct advice *a, char text[ADVICE_SIZE])
{
	enum phase phase = a->summary->phase;
	enum now now = a->summary->running ? NOW_RUNS : a->saved ? NOW_SAVED : NOW_OFF;
	char cure[ADVICE_SIZE];
	const char *what = obstacle(a), *reason = a->unreadable;

	if (!what && a->stuck)
		what = "it stays on SATA, however its sessions end, until this is fixed: REASON";
	if (!what && a->summary->older)
		what = olders[phase][now];
	if (!what && phase == PHASE_STAGED && a->unreadable && a->needs_disk)
		what = a->never ? nevers[now] : now == NOW_OFF ? UNREADABLE : NULL;
	if (!what && a->summary->no_bait)
		what = no_baits[now];
	if (!what && phase == PHASE_STAGED) {
		what = cure_first(a, now, cure);
		reason = what ? a->no_drivers : reason;
	}
	expand(a, what ? what : nexts[phase][now], is_odd(a) ? a->odd_tag :
	       a->unfit ? a->unfit : a->summary->moved[0] ? a->summary->moved :
	       a->stuck ? a->stuck : reason, text);
}

/* ---- cures ----------------------------------------------------------------- */

void advice_cure(const struct advice *a, const struct finding *f, char text[ADVICE_SIZE])
{
	const struct remedy *r = remedy_of(f, a->has_drivers);
	const char *cure = r && f->holds != VERDICT_YES && a->summary->phase != PHASE_DONE ?
		r->cure : "";

	if (a->no_drivers && strstr(cure, "busflip patch"))
		cure = remedy_is_driver(f) ?
			"REASON: correct that, then run busflip patch DOMAIN; or install them in "
			"Windows" :
			"REASON: correct that, then run busflip patch DOMAIN";
	expand(a, cure, a->no_drivers, text);
}
