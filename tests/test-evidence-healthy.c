// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-evidence-healthy.c - unusual findings on a healthy guest do not keep it from VirtIO
 */

#include "tests/evidencetest.h"
#include "tests/tap.h"

/* What a healthy guest may have: nothing of it is in the way. */
static void test_healthy(void)
{
	static const struct {
		const char *windows;
		unsigned int how;
		const char *what;
	} healthy[] = {
		{ "10", MADE_FAILED_ONCE, "a set that failed once" },
		{ "7", MADE_FAILED_ONCE, "a set that failed once" },
		{ "10", MADE_OVERRIDDEN | MADE_ID_1, "StartOverride for another configuration" },
		{ "10", MADE_ZERO, "StartOverride 0" },
		{ "10", MADE_FILTER_DATA, "a filter on another volume" },
		{ "10", MADE_FILTER_APP, "a filter of a program" },
		{ "10", MADE_ZERO | MADE_NO_ID, "StartOverride 0, its configuration unknown" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(healthy); i++) {
		struct evidence_asked asked;
		struct evidence e;
		struct guest g;

		ready(&g, healthy[i].windows, healthy[i].how, &asked);
		evidence_judge(g.win, &clean, &asked, &e);
		ok(e.flip == VERDICT_YES && e.booted == VERDICT_YES, "%s, %s: may flip (%s)",
		   healthy[i].windows, healthy[i].what,
		   e.stop < CONDITION_COUNT ? e.list[e.stop].found : "");
		guest_close(&g);
	}
}

/* A guest west of UTC, to which libvirt's clock in UTC is ahead until it asks a time server:
 * what it has noted after that looks older than its start. */
static void test_clock_went_back(void)
{
	struct volume_health h = clean;
	struct evidence_asked asked;
	struct evidence e;
	struct guest g;

	ready(&g, "10", MADE_CLOCK_BACK, &asked);
	asked.before_last_use = MADE_LAST_USE - 24 * MADE_HOUR;
	asked.before_shutdown = MADE_LAST_USE - 30 * MADE_HOUR;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.flip == VERDICT_YES && e.booted == VERDICT_YES, "its clock went back: may flip");
	bound(&g)->arrived = g.win->virtio_disk_arrived = MADE_LAST_USE - 9 * MADE_HOUR;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.flip == VERDICT_YES && e.booted == VERDICT_YES,
	   "the device arrived after that: may flip");
	bound(&g)->arrived = asked.before_shutdown - 1;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.list[CONDITION_ARRIVED].verdict == VERDICT_NO, "before the session: it may not");
	bound(&g)->arrived = MADE_LAST_USE;
	g.win->memory_dump.known = true;
	g.win->memory_dump.value = MADE_LAST_USE - 9 * MADE_HOUR;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.flip == VERDICT_NO && e.stop == CONDITION_NO_DUMP,
	   "a crash dump after that: it may not");
	g.win->clock_bias.known = true;
	g.win->clock_bias.value = 8 * 60 + 30;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.flip == VERDICT_YES, "a dump from before, as the time zone says: may flip");
	bound(&g)->arrived = g.win->virtio_disk_arrived = MADE_LAST_USE - 8 * MADE_HOUR - 1;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.flip == VERDICT_YES && e.booted == VERDICT_YES, "and a device of the session");
	bound(&g)->arrived = g.win->memory_dump.value;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.list[CONDITION_ARRIVED].verdict == VERDICT_NO, "one from before: it may not");
	bound(&g)->arrived = MADE_LAST_USE;
	g.win->memory_dump.known = false;
	h.logfile = LOGFILE_UNCLEAN;
	evidence_judge(g.win, &h, &asked, &e);
	ok(e.list[CONDITION_SHUTDOWN].verdict == VERDICT_NO,
	   "its volume was not closed: it was not shut down");
	asked.has_before = false;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.list[CONDITION_SHUTDOWN].verdict == VERDICT_NO, "nothing to compare with: the order");
	guest_close(&g);
	ready(&g, "7", 0, &asked);
	asked.before_shutdown = MADE_LAST_USE + 9 * MADE_HOUR;
	evidence_judge(g.win, &clean, &asked, &e);
	ok(e.flip == VERDICT_YES, "7: shut down before it was shut down last: may flip");
	evidence_judge(g.win, &h, &asked, &e);
	ok(e.list[CONDITION_SHUTDOWN].verdict == VERDICT_NO, "7: but not with an open volume");
	guest_close(&g);
}

int main(void)
{
	test_healthy();
	test_clock_went_back();
	return done_testing();
}
