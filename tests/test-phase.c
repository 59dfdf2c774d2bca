// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-phase.c - the complete input space of phase_decide(), and every path through it that
 * sessions alone can take
 */

#include "hook/domain/phase.h"

#include "hook/phase/decide.h"
#include "tests/tap.h"

/* One point of the input space. */
struct point {
	enum phase phase;
	enum happening happened;
	bool last, override;
	struct decision d;
};

static const char *const happened_names[] = {
	[HAPPENED_SEEN] = "seen",
	[HAPPENED_SATA_CLEAN] = "clean on SATA",
	[HAPPENED_SATA_NOT_READY] = "clean on SATA, the disk not ready",
	[HAPPENED_SATA_UNCLEAN] = "unclean on SATA",
	[HAPPENED_VIRTIO_CLEAN] = "clean on VirtIO",
	[HAPPENED_VIRTIO_UNKNOWN] = "clean on VirtIO, no telling",
	[HAPPENED_VIRTIO_UNCLEAN] = "unclean on VirtIO",
	[HAPPENED_VIRTIO_FAILED] = "did not start on VirtIO, twice",
	[HAPPENED_VIRTIO_STUCK] = "unclean on VirtIO and stuck there",
	[HAPPENED_PROMOTE] = "promote",
	[HAPPENED_ROLLBACK] = "rollback",
	[HAPPENED_RETRY] = "retry",
	[HAPPENED_HOLD] = "hold",
	[HAPPENED_DISABLE] = "disable",
};
_Static_assert(sizeof(happened_names) / sizeof(happened_names[0]) == HAPPENING_COUNT,
	       "a name for each happening");

static bool on_virtio(enum phase phase)
{
	return phase == PHASE_TRIAL || phase == PHASE_DONE;
}

/* What happens without anybody's command. */
static bool is_automatic(enum happening happened)
{
	return happened <= HAPPENED_VIRTIO_STUCK;
}

static bool valid_values(const struct point *p)
{
	return p->d.next < PHASE_COUNT && p->d.action < ACTION_COUNT &&
	       p->d.why && *p->d.why && !strchr(p->d.why, '\n') &&
	       strlen(p->d.why) < 256;
}

static bool virtio_needs_a_reason(const struct point *p)
{
	return on_virtio(p->phase) || !on_virtio(p->d.next) ||
	       p->happened == HAPPENED_SATA_CLEAN || p->happened == HAPPENED_PROMOTE;
}

static bool done_needs_a_proof(const struct point *p)
{
	return p->d.next != PHASE_DONE || p->phase == PHASE_DONE ||
	       (p->phase == PHASE_TRIAL && p->happened == HAPPENED_VIRTIO_CLEAN);
}

static bool refuse_changes_nothing(const struct point *p)
{
	return p->d.action != ACTION_REFUSE ||
	       (p->d.next == p->phase && !p->d.count && !p->d.reset);
}

static bool refuse_answers_commands_only(const struct point *p)
{
	return p->d.action != ACTION_REFUSE || !is_automatic(p->happened);
}

static bool none_changes_nothing(const struct point *p)
{
	return p->d.action != ACTION_NONE ||
	       (p->d.next == p->phase && !p->d.count && !p->d.reset);
}

static bool a_change_has_an_action(const struct point *p)
{
	return p->d.next == p->phase ||
	       (p->d.action != ACTION_NONE && p->d.action != ACTION_REFUSE);
}

/* A disk that is on VirtIO and shall be on SATA is moved, and the other way
 * round. From none and held it may be on either. */
static bool action_fits_the_move(const struct point *p)
{
	if (p->d.action == ACTION_RESTORE)
		return p->d.next == PHASE_NONE;
	if (p->phase == PHASE_STAGED && on_virtio(p->d.next))
		return p->d.action == ACTION_PROMOTE;
	if (p->phase == PHASE_TRIAL && p->happened == HAPPENED_VIRTIO_STUCK)
		return p->d.action == ACTION_MARK && p->d.next == PHASE_HELD;
	if (on_virtio(p->phase) && !on_virtio(p->d.next))
		return p->d.action == ACTION_ROLLBACK;
	if (p->d.next == PHASE_STAGED && p->phase != PHASE_STAGED)
		return p->d.action == ACTION_STAGE;
	return p->d.action != ACTION_STAGE && p->d.action != ACTION_PROMOTE &&
	       p->d.action != ACTION_ROLLBACK;
}

static bool only_a_failed_trial_counts(const struct point *p)
{
	return p->d.count == (p->phase == PHASE_TRIAL &&
			      (p->happened == HAPPENED_VIRTIO_UNCLEAN ||
			       p->happened == HAPPENED_VIRTIO_FAILED ||
			       p->happened == HAPPENED_VIRTIO_STUCK));
}

/* Only a person gives attempts back, or the very first staging. */
static bool only_commands_reset(const struct point *p)
{
	return !p->d.reset || !is_automatic(p->happened) || p->phase == PHASE_NONE;
}

static bool last_attempt_is_the_end(const struct point *p)
{
	bool end = p->last || p->happened == HAPPENED_VIRTIO_STUCK;

	return !p->d.count || p->d.next == (end ? PHASE_HELD : PHASE_STAGED);
}

static bool done_and_held_stay(const struct point *p)
{
	return !is_automatic(p->happened) ||
	       (p->phase != PHASE_DONE && p->phase != PHASE_HELD) ||
	       (p->d.action == ACTION_NONE && p->d.next == p->phase);
}

static bool disable_always_works(const struct point *p)
{
	return p->happened != HAPPENED_DISABLE ||
	       (p->d.next == PHASE_NONE && p->d.action == ACTION_RESTORE);
}

/* The extra inputs matter where they have a meaning and nowhere else. */
static bool extras_matter_only_in_trial(const struct point *p)
{
	struct decision plain = phase_decide(p->phase, p->happened, false, false);

	return p->phase == PHASE_TRIAL ||
	       (plain.next == p->d.next && plain.action == p->d.action &&
		plain.count == p->d.count && plain.reset == p->d.reset);
}

/* Once more: nothing to do, or the very same again. Attempts may have been
 * counted in between, so that this is the last one now. */
static bool repeating_is_harmless(const struct point *p)
{
	bool override = p->d.action == ACTION_NONE || p->d.action == ACTION_REFUSE ?
			p->override : p->happened == HAPPENED_PROMOTE;

	for (int last = 0; last < 2; last++) {
		struct decision again = phase_decide(p->d.next, p->happened, last,
						     override);

		if (again.next != p->d.next || again.count)
			return false;
		if (again.action != ACTION_NONE && again.action != ACTION_MARK &&
		    again.action != p->d.action)
			return false;
	}
	return true;
}

static const struct invariant {
	bool (*holds)(const struct point *p);
	const char *name;
} invariants[] = {
	{ valid_values, "phase and action are known, the reason is one line" },
	{ virtio_needs_a_reason, "never on VirtIO but after a clean SATA session or promote" },
	{ done_needs_a_proof, "done only after a clean trial" },
	{ refuse_changes_nothing, "a refused command changes nothing" },
	{ refuse_answers_commands_only, "only commands are refused" },
	{ none_changes_nothing, "no action means no change" },
	{ a_change_has_an_action, "another phase means an action" },
	{ action_fits_the_move, "the action moves the disk where the phase says" },
	{ only_a_failed_trial_counts, "exactly a failed trial counts" },
	{ only_commands_reset, "attempts are given back by commands only" },
	{ last_attempt_is_the_end, "the last attempt leads to held, others to staged" },
	{ done_and_held_stay, "sessions don't leave done and held" },
	{ disable_always_works, "disable restores from everywhere" },
	{ extras_matter_only_in_trial, "last attempt and override matter on trial only" },
	{ repeating_is_harmless, "any step repeated is harmless" },
};

static void check_everywhere(const struct invariant *invariant)
{
	char where[256] = "";
	int points = 0;

	for (unsigned phase = 0; phase < PHASE_COUNT; phase++) {
		for (unsigned happened = 0; happened < HAPPENING_COUNT; happened++) {
			for (unsigned bits = 0; bits < 4; bits++) {
				struct point p = { .phase = phase, .happened = happened,
						   .last = bits & 1, .override = bits & 2 };

				p.d = phase_decide(p.phase, p.happened, p.last, p.override);
				points++;
				if (!*where && !invariant->holds(&p))
					snprintf(where, sizeof(where), "%s, %s, %s, %s",
						 phase_name(p.phase),
						 happened_names[happened],
						 p.last ? "last" : "not last",
						 p.override ? "override" : "no override");
			}
		}
	}
	if (!ok(!*where, "%s (%d points)", invariant->name, points))
		diag("not so for: %s", where);
}

/* ---- walks --------------------------------------------------------------- */

#define WALK 7

struct walk {
	int max_attempts;
	long walks;
	bool too_many, not_held, uncounted;
};

struct at {
	enum phase phase;
	int attempts;		/* as the state element counts */
	int trials;		/* failed sessions on trial, as we count */
	bool override;
};

/* As step_apply() does it, without a document. */
static struct at step(const struct at *at, enum happening happened, int max_attempts)
{
	struct decision d = phase_decide(at->phase, happened,
					 at->attempts + 1 >= max_attempts, at->override);
	struct at next = *at;

	next.phase = d.next;
	if (d.action != ACTION_NONE && d.action != ACTION_REFUSE && d.next != at->phase)
		next.override = happened == HAPPENED_PROMOTE;
	if (d.reset)
		next.attempts = 0;
	if (d.count)
		next.attempts++;
	if (at->phase == PHASE_TRIAL && (happened == HAPPENED_VIRTIO_UNCLEAN ||
					 happened == HAPPENED_VIRTIO_FAILED ||
					 happened == HAPPENED_VIRTIO_STUCK))
		next.trials++;
	return next;
}

static void walk_on(struct walk *walk, const struct at *at, int left)
{
	walk->walks++;
	if (at->trials > walk->max_attempts)
		walk->too_many = true;
	if (at->trials == walk->max_attempts && at->phase != PHASE_HELD)
		walk->not_held = true;
	if (at->attempts != at->trials)
		walk->uncounted = true;
	for (int h = 0; left && h <= HAPPENED_VIRTIO_STUCK; h++) {
		struct at next = step(at, (enum happening)h, walk->max_attempts);

		walk_on(walk, &next, left - 1);
	}
}

static void check_walks(void)
{
	for (int max = 1; max <= 5; max++) {
		struct walk walk = { .max_attempts = max };
		struct at start = { .phase = PHASE_NONE };
		bool good;

		walk_on(&walk, &start, WALK);
		good = !walk.too_many && !walk.not_held && !walk.uncounted;
		ok(good, "max_attempts %d: at most so many trials, then held (%ld walks of "
		   "up to %d sessions)", max, walk.walks, WALK);
		if (!good)
			diag("too many: %d, not held: %d, counted wrong: %d",
			     walk.too_many, walk.not_held, walk.uncounted);
	}
}

/* The same for walks of any length: all that can be reached, each once. With
 * attempts == trials (checked on the way) there is not much of it. */
#define MOST 5

static bool explore(const struct at *at, int max,
		    bool seen[PHASE_COUNT][MOST + 1][2])
{
	bool good = true;

	if (at->attempts != at->trials || at->trials > max ||
	    (at->trials == max && at->phase != PHASE_HELD))
		return false;
	if (seen[at->phase][at->attempts][at->override])
		return true;
	seen[at->phase][at->attempts][at->override] = true;
	for (int h = 0; h <= HAPPENED_VIRTIO_STUCK; h++) {
		struct at next = step(at, (enum happening)h, max);

		good = good && explore(&next, max, seen);
	}
	return good;
}

static void check_long_walks(void)
{
	for (int max = 1; max <= MOST; max++) {
		bool seen[PHASE_COUNT][MOST + 1][2] = { 0 };
		struct at start = { .phase = PHASE_NONE };

		ok(explore(&start, max, seen), "max_attempts %d: so for any number of "
		   "sessions", max);
		ok(seen[PHASE_HELD][max][false], "max_attempts %d: held is reached", max);
		ok(seen[PHASE_DONE][max - 1][false], "max_attempts %d: the last attempt "
		   "may succeed", max);
	}
}

static bool can_end(enum phase phase, int attempts, int max, bool override, int left)
{
	struct at at = { .phase = phase, .attempts = attempts, .override = override };

	if (phase == PHASE_DONE || phase == PHASE_HELD)
		return true;
	for (int h = 0; left && h <= HAPPENED_VIRTIO_STUCK; h++) {
		struct at next = step(&at, (enum happening)h, max);

		if (can_end(next.phase, next.attempts, max, next.override, left - 1))
			return true;
	}
	return false;
}

static void check_ends(void)
{
	bool all = true;

	for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
		for (int max = 1; max <= 5; max++)
			for (int attempts = 0; attempts <= max + 1; attempts++)
				for (int override = 0; override < 2; override++)
					all = all && can_end((enum phase)phase, attempts,
							     max, override, 3);
	ok(all, "from everywhere three sessions can lead to done or held");
}

/* The two ways that people see. */
static void check_stories(void)
{
	static const enum happening good[] = {
		HAPPENED_SEEN, HAPPENED_SATA_UNCLEAN, HAPPENED_SATA_CLEAN,
		HAPPENED_VIRTIO_CLEAN,
	};
	static const enum happening bad[] = {
		HAPPENED_SEEN, HAPPENED_SATA_CLEAN, HAPPENED_VIRTIO_UNCLEAN,
		HAPPENED_SATA_CLEAN, HAPPENED_VIRTIO_UNCLEAN,
	};
	static const enum phase good_phases[] = {
		PHASE_STAGED, PHASE_STAGED, PHASE_TRIAL, PHASE_DONE,
	};
	static const enum phase bad_phases[] = {
		PHASE_STAGED, PHASE_TRIAL, PHASE_STAGED, PHASE_TRIAL, PHASE_HELD,
	};
	struct at at = { .phase = PHASE_NONE };

	for (unsigned i = 0; i < 4; i++) {
		at = step(&at, good[i], 2);
		is_str(phase_name(at.phase), phase_name(good_phases[i]),
		       "a guest that works: %s", happened_names[good[i]]);
	}
	at = (struct at){ .phase = PHASE_NONE };
	for (unsigned i = 0; i < 5; i++) {
		at = step(&at, bad[i], 2);
		is_str(phase_name(at.phase), phase_name(bad_phases[i]),
		       "a guest that does not: %s", happened_names[bad[i]]);
	}
	at = step(&at, HAPPENED_RETRY, 2);
	ok(at.phase == PHASE_STAGED && at.attempts == 0, "retry begins again");
	at = step(&at, HAPPENED_PROMOTE, 2);
	at = step(&at, HAPPENED_SATA_UNCLEAN, 2);
	ok(at.phase == PHASE_TRIAL, "promoted on command while it runs on SATA: "
	   "the end of that session does not undo it");
	at = step(&at, HAPPENED_VIRTIO_UNCLEAN, 2);
	ok(at.phase == PHASE_STAGED && at.attempts == 1, "but a failed trial does");
}

static void check_names(void)
{
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		is_int(phase_parse(phase_name((enum phase)i)), i, "%s has a name",
		       phase_name((enum phase)i));
	is_int(phase_parse("Staged"), PHASE_COUNT, "names are exact");
	is_int(phase_parse(""), PHASE_COUNT, "an empty name is no phase");
	is_str(phase_name(PHASE_COUNT), "unknown", "no phase has a name too");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(invariants) / sizeof(invariants[0]); i++)
		check_everywhere(&invariants[i]);
	check_walks();
	check_long_walks();
	check_ends();
	check_stories();
	check_names();
	return done_testing();
}
