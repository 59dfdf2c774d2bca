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
	return NULL;
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

void advice_next(const struct advice *a, char text[ADVICE_SIZE])
{
	enum phase phase = a->summary->phase;
	enum now now = a->summary->running ? NOW_RUNS : a->saved ? NOW_SAVED : NOW_OFF;
	const char *what = obstacle(a);

	if (!what && a->stuck)
		what = "it stays on SATA, however its sessions end, until this is fixed: REASON";
	if (!what && a->summary->older)
		what = olders[phase][now];

	if (!what && phase == PHASE_STAGED && a->unreadable && a->needs_disk)
		what = a->never ? nevers[now] : now == NOW_OFF ? UNREADABLE : NULL;
	expand(a, what ? what : nexts[phase][now], is_odd(a) ? a->odd_tag :
	       a->unfit ? a->unfit : a->stuck ? a->stuck : a->unreadable, text);
}

/* ---- cures ----------------------------------------------------------------- */

#define AGAIN "start it, let Windows come up, and shut it down inside Windows"

static const struct cure {
	const char *condition;
	const char *found;	/* the cure applies if what was found begins with this; NULL:
				 * always */
	const char *text;
} cures[] = {
	{ "volume-clean", "BitLocker",
	  "in Windows, decrypt the drive: manage-bde -off C:" },
	{ "volume-clean", "marked dirty",
	  "start it, let Windows check the drive (chkdsk), and shut it down" },
	{ "volume-clean", NULL, "start it and shut Windows down fully, neither hibernated "
	  "nor with fast startup: shutdown /s /t 0" },
	{ "hive-whole", NULL, AGAIN },
	{ "control-set", "marked as failed", "in Windows, run \"reg add HKLM\\SYSTEM\\Select /v "
	  "Failed /t REG_DWORD /d 0 /f\", and shut it down" },
	{ "control-set", NULL,
	  "start Windows normally, not with Last Known Good Configuration, and shut it down" },
	{ "booted", NULL, AGAIN },
	{ "machine", NULL, AGAIN ": it has not run as this domain yet" },
	{ "shut-down", NULL, AGAIN ": a session that was destroyed or crashed does not count" },
	{ "no-start-override", NULL,
	  "busflip removes it before the next session on SATA; to remove it now, run busflip patch "
	  "DOMAIN" },
	{ "device-bound", NULL, AGAIN ": Windows sets up the VirtIO device in that session, once "
	  "it has the driver" },
	{ "device-arrived", NULL, AGAIN ": Windows must see the VirtIO device in that session" },
	{ "class-filters", NULL,
	  "in Windows, remove the program that the filter driver belongs to, or reinstall it" },
	{ "no-new-dump", NULL, "Windows has crashed; find out why, then " AGAIN },
	{ "no-pending-rename", NULL, "start it and shut it down again" },
	{ "sata-ready", NULL, "busflip patches it before the next session on SATA; to patch it "
	  "now, run busflip patch DOMAIN" },
};

static bool is_driver(const struct finding *f)
{
	return strcmp(f->name, "driver-service") == 0 ||
	       strcmp(f->name, "driver-findable") == 0;
}

static const char *find_cure(const struct finding *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(cures); i++) {
		const struct cure *c = &cures[i];

		if (strcmp(c->condition, f->name) == 0 &&
		    (!c->found || strncmp(f->found, c->found, strlen(c->found)) == 0))
			return c->text;
	}
	return "";
}

void advice_cure(const struct advice *a, const struct finding *f, char text[ADVICE_SIZE])
{
	const char *cure;

	if (f->holds == VERDICT_YES || a->summary->phase == PHASE_DONE)
		cure = "";
	else if (is_driver(f))
		cure = a->has_drivers ?
			"busflip installs it from virtio_win before the next session on SATA; to "
			"install it now, run busflip patch DOMAIN" :
			"set virtio_win in busflip.conf to the drivers, or install them in Windows";
	else
		cure = find_cure(f);
	if (a->no_drivers && strstr(cure, "busflip patch"))
		cure = is_driver(f) ?
			"REASON: correct that, then run busflip patch DOMAIN; or install them in "
			"Windows" :
			"REASON: correct that, then run busflip patch DOMAIN";
	expand(a, cure, a->no_drivers, text);
}
