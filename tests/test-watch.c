// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-watch.c - which writes show that Windows is up, and which a boot loader makes
 *
 * Counts are those that libvirt reports for the trial's disk: they only grow while the same
 * QEMU runs, including across resets of the guest.
 */

#include "hook/lifecycle/watch.h"

#include "tests/tap.h"

#define SECOND (1000 / WATCH_PERIOD_MS)

/* @seconds in which nothing is written. Return: was it ever taken for Windows? */
static bool quiet(struct writes *w, int seconds)
{
	bool up = false;

	for (int i = 0; i < seconds * SECOND; i++)
		up |= writes_sustained(w, w->last);
	return up;
}

/* @boots boots of a guest that is reset each @seconds, with @each writes of its
 * loader in @samples samples. */
static bool boot_loop(int boots, int seconds, int each, int samples)
{
	struct writes w = { 0 };
	bool up = false;

	for (int b = 0; b < boots; b++) {
		up |= quiet(&w, seconds);
		for (int i = 0; i < samples; i++)
			up |= writes_sustained(&w, w.last + each);
	}
	return up;
}

static void windows(void)
{
	struct writes w = { 0 };
	bool up = false;

	quiet(&w, 20);
	for (int i = 0; i < SECOND && !up; i++)
		up = writes_sustained(&w, w.last + 400);
	ok(!up, "a second of writes is not sustained yet");
	for (int i = 0; i < 2 * SECOND && !up; i++)
		up = writes_sustained(&w, w.last + 400);
	ok(up, "three seconds of a booting Windows are");

	w = (struct writes) { 0 };
	up = false;
	for (int i = 0; i < 6 && !up; i++) {
		up = quiet(&w, 3);
		up |= writes_sustained(&w, w.last + 4);
	}
	ok(up, "a slow one, with seconds between, is taken for Windows too");

	/* The watcher begins late, or was killed: it finds the whole count. */
	w = (struct writes) { 0 };
	ok(!writes_sustained(&w, 100000), "whoever looks late has to see it grow");
	ok(!quiet(&w, 60), "and a guest that has stopped does not");
	up = false;
	for (int i = 0; i < 3 && !up; i++)
		up = writes_sustained(&w, w.last + 100);
	ok(up, "one that goes on does");
}

/* Three samples with @each writes, @still samples between them: taken for Windows? */
static bool three(int each, int still)
{
	struct writes w = { 0 };
	bool up = false;

	for (int i = 0; i < 3; i++) {
		up |= writes_sustained(&w, w.last + each);
		for (int j = 0; j < still; j++)
			up |= writes_sustained(&w, w.last);
	}
	return up;
}

static void begun_again(void)
{
	struct writes w = { 0 };

	ok(three(8, 9), "writes less than ten samples apart belong together");
	ok(!three(8, 10), "those ten samples apart do not");

	ok(!writes_sustained(&w, 10) && !writes_sustained(&w, 15), "some writes");
	ok(!writes_sustained(&w, 1), "a lower count is that of another QEMU");
	ok(!writes_sustained(&w, 20) && !writes_sustained(&w, 21),
	   "for which nothing is taken over from the first");
	ok(writes_sustained(&w, 22), "until it has grown often enough by itself");
}

int main(void)
{
	struct writes w = { 0 };

	windows();
	begun_again();
	ok(!boot_loop(500, 35, 1, 1), "500 boots with a write of the loader each are no Windows");
	ok(!boot_loop(500, 35, 2, 2), "nor with four writes each, in two samples");
	ok(!boot_loop(500, 6, 1, 1), "nor when it is reset each six seconds");
	ok(!quiet(&w, 3600), "nothing written at all");
	return done_testing();
}
