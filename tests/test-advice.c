// SPDX-License-Identifier: GPL-2.0-or-later
/* test-advice.c - the next step in each situation; a cure for each condition */

#include "hook/command/advice.h"

#include "helper/verdict/evidence.h"
#include "tests/tap.h"

static struct summary summary;

static struct advice situation(enum phase phase)
{
	summary = (struct summary){
		.name = "win", .tagged = true, .valid = true, .phase = phase,
		.has_state = phase != PHASE_NONE,
	};
	return (struct advice){ .summary = &summary, .needs_disk = true };
}

static void next_has(const struct advice *a, const char *what, const char *name)
{
	char text[ADVICE_SIZE];

	advice_next(a, text);
	has_str(text, what, "%s", name);
	ok(!strstr(text, "DOMAIN") && !strstr(text, "REASON"), "%s: in full", name);
}

static void test_phases(void)
{
	static const struct {
		const char *off, *saved, *runs;
	} nexts[] = {
		[PHASE_NONE] = { "busflip stage win", "saved session", "shut it down" },
		[PHASE_STAGED] = { "boots on SATA with the VirtIO bait", "saved session on SATA",
				   "shut it down inside Windows" },
		[PHASE_TRIAL] = { "boots on VirtIO", "saved session",
				  "shut it down inside Windows" },
		[PHASE_DONE] = { "is done", "is done", "is done" },
		[PHASE_HELD] = { "busflip retry win", "busflip retry win", "busflip retry win" },
	};

	_Static_assert(ARRAY_SIZE(nexts) == PHASE_COUNT, "each phase");
	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		struct advice a = situation((enum phase)i);

		next_has(&a, nexts[i].off, phase_name((enum phase)i));
		a.saved = true;
		next_has(&a, nexts[i].saved, "saved");
		summary.running = true;
		next_has(&a, nexts[i].runs, "running");
	}
}

static void test_no_bait(void)
{
	struct advice a = situation(PHASE_STAGED);

	summary.no_bait = true;
	next_has(&a, "run busflip stage win to put its bait back", "the bait is gone");
	ok(strcmp(summary_waits_for(&summary), "busflip stage") == 0, "it waits for that");
	a.saved = true;
	next_has(&a, "saved session on SATA. Then shut it down inside Windows; then busflip puts",
		 "the bait is gone, saved");
	summary.running = true;
	next_has(&a, "shut it down inside Windows; then busflip puts its bait back",
		 "the bait is gone, running");
	ok(strcmp(summary_waits_for(&summary), "a shutdown") == 0, "it waits for its end");
}

static void test_obstacles(void)
{
	struct advice a = situation(PHASE_NONE);

	a.unfit = "why";
	next_has(&a, "as it is: why", "can't be staged");
	summary.tagged = false;
	next_has(&a, "staged: why", "no tag, and can't be staged");
	a.unfit = NULL;
	next_has(&a, "busflip enable win adds one", "no tag");
	a = situation(PHASE_TRIAL);
	summary.tagged = false;
	next_has(&a, "busflip disable win", "the tag is gone");
	a = situation(PHASE_STAGED);
	summary.pending = true;
	next_has(&a, "busflip stage --all", "pending");
	summary.valid = false;
	next_has(&a, "busflip disable --force win", "damaged");
	a = situation(PHASE_STAGED);
	a.unreadable = "BitLocker";
	next_has(&a, "can't be read: BitLocker", "its disk can't be read");
	summary.running = true;
	next_has(&a, "If every condition then holds", "which may be since it runs");
	a.never = true;
	next_has(&a, "it stays on SATA, since its disk can't be read: BitLocker; busflip "
		 "check win", "nor ever could be");
	summary.running = false;
	next_has(&a, "start it; it stays on SATA, since", "off");
	a.saved = true;
	next_has(&a, "its saved session, and stays on SATA, since", "saved");
	summary.older = true;
	next_has(&a, "as before the last change", "by a session that began before");
	a = situation(PHASE_STAGED);
	a.unreadable = "BitLocker";
	a.never = true;
	a.needs_disk = false;
	next_has(&a, "if every condition then holds", "which the administrator allows");
}

static void test_cures(void)
{
	struct advice a = situation(PHASE_STAGED);
	char text[ADVICE_SIZE];

	for (unsigned i = 0; i < CONDITION_COUNT; i++) {
		struct finding f = { .holds = VERDICT_NO };

		ok(str_fits(f.name, sizeof(f.name), condition_name((enum condition_id)i)),
		   "%s fits", condition_name((enum condition_id)i));
		advice_cure(&a, &f, text);
		ok(text[0] || !condition_gates((enum condition_id)i), "%s: %s", f.name, text);
		ok(!strstr(text, "DOMAIN"), "in full");
		f.holds = VERDICT_YES;
		advice_cure(&a, &f, text);
		is_str(text, "", "one that holds needs none");
	}
}

static void test_choice(void)
{
	struct advice a = situation(PHASE_STAGED);
	struct finding driver = { .name = "driver-service" };
	struct finding sata = { .name = "sata-ready" };
	struct finding volume = { .name = "volume-clean", .found = "BitLocker" };
	char text[ADVICE_SIZE];

	advice_cure(&a, &driver, text);
	has_str(text, "virtio_win in busflip.conf", "without drivers at hand");
	a.has_drivers = true;
	advice_cure(&a, &driver, text);
	has_str(text, "busflip patch win", "with drivers");
	a.no_drivers = "virtio_win: gone";
	advice_cure(&a, &driver, text);
	is_str(text, "virtio_win: gone: correct that, then run busflip patch win; or install them "
	       "in Windows", "which are gone");
	advice_cure(&a, &sata, text);
	is_str(text, "virtio_win: gone: correct that, then run busflip patch win", "for SATA, too");
	advice_cure(&a, &volume, text);
	has_str(text, "manage-bde", "what needs no drivers");
	a.no_drivers = NULL;
	advice_cure(&a, &volume, text);
	has_str(text, "manage-bde", "BitLocker");
	memcpy(volume.found, "not closed", sizeof("not closed"));
	advice_cure(&a, &volume, text);
	has_str(text, "shutdown /s", "not closed");
	memcpy(volume.name, "something-new", sizeof("something-new"));
	advice_cure(&a, &volume, text);
	is_str(text, "", "a condition that is not known here");
	a = situation(PHASE_DONE);
	advice_cure(&a, &driver, text);
	is_str(text, "", "done: nothing is to be cured");
}

/* The condition that a session on SATA did not cure, as the reason of the last step has it. */
static void test_stop(void)
{
	static const struct {
		const char *reason;
		bool drivers;
		const char *next, *waits;
	} cases[] = {
		{ "tagged: first boot on SATA", false, NULL, NULL },
		{ "not ready: stays on SATA: driver-service (not set up); device-bound (never)",
		  false, "set virtio_win in busflip.conf to the drivers, or install them in "
		  "Windows; then start it", "virtio_win" },
		{ "not ready: stays on SATA: booted (never); machine (no); driver-findable (n...",
		  false, "set virtio_win in busflip.conf", "virtio_win" },
		{ "not ready: stays on SATA: driver-service (not set up)", true,
		  "run busflip patch win, which installs the driver", "busflip patch" },
		{ "not ready: stays on SATA: volume-clean (BitLocker); booted (never)", true,
		  "manage-bde -off C:", "decryption" },
		{ "not ready: stays on SATA: volume-clean (hibernated)", true,
		  "start it and shut Windows down fully", NULL },
		{ "not ready: stays on SATA: booted (never); device-arrived (never)", true, NULL,
		  NULL },
		{ "no Windows found (MBR table, 0 partitions)", false, NULL, NULL },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct advice a = situation(PHASE_STAGED);
		const char *reason = cases[i].reason;
		struct findings last;

		findings_parse(reason, &last);
		a.has_drivers = cases[i].drivers;
		a.stop = remedy_next(&last, &last, a.has_drivers);
		ok(!a.stop == !cases[i].next, "%s", reason);
		next_has(&a, cases[i].next ? cases[i].next : "boots on SATA with the VirtIO bait",
			 "off");
		next_has(&a, "its next start is on VirtIO.", "and then");
		if (a.stop)
			is_str(remedy_of(a.stop, a.has_drivers)->waits, cases[i].waits,
			       "what it waits for");
		summary.running = true;
		next_has(&a, "hut it down inside Windows. If ", "it runs");
		if (cases[i].next)
			next_has(&a, "fails again, ", "which may cure it");
	}
}

static void test_stop_choice(void)
{
	struct advice a = situation(PHASE_STAGED);
	struct findings now = { .count = 1, .list = { { .name = "driver-service",
							.gates = true } } };
	struct findings none = { .count = 0 };

	ok(!remedy_next(&now, &none, true), "before its first session busflip installs it");
	ok(remedy_next(&now, &none, false) == &now.list[0], "not without drivers");
	a.stop = &now.list[0];
	a.has_drivers = true;
	a.no_drivers = "virtio_win: gone";
	next_has(&a, "correct that: virtio_win: gone; then start it", "which are gone");
	a.saved = true;
	next_has(&a, "it resumes its saved session on SATA. Shut it down inside Windows. If "
		 "driver-service fails again, correct that: virtio_win: gone", "saved");
	a.stuck = "why";
	next_has(&a, "until this is fixed: why", "what no session can change comes first");
	now.list[0].gates = false;
	ok(!remedy_next(&now, &none, false), "one that does not gate");
}

static void test_long(void)
{
	char text[ADVICE_SIZE];
	struct advice a = situation(PHASE_HELD);

	static char reason[2 * ADVICE_SIZE];

	memset(reason, 'n', sizeof(reason) - 1);
	a.unfit = reason;
	summary.phase = PHASE_NONE;
	advice_next(&a, text);
	is_int((long long)strlen(text), ADVICE_SIZE - 1, "too long: cut off");
	a = situation(PHASE_HELD);
	/* Words of ours in a name are no words of ours. */
	str_fits(summary.name, sizeof(summary.name), "REASON DOMAIN");
	advice_next(&a, text);
	has_str(text, "busflip retry 'REASON DOMAIN'", "a name like a placeholder");
}

int main(void)
{
	test_phases();
	test_no_bait();
	test_obstacles();
	test_cures();
	test_choice();
	test_stop();
	test_stop_choice();
	test_long();
	return done_testing();
}
