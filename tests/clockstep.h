/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clockstep.h - a wall clock that is set between two readings; include it once per program */
#ifndef BUSFLIP_TESTS_CLOCKSTEP_H
#define BUSFLIP_TESTS_CLOCKSTEP_H

#include <time.h>

/* Seconds by which each call of time() sets the clock forward. */
static time_t steps;

time_t time(time_t *at)
{
	static time_t ahead;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ahead += steps;
	if (at)
		*at = now.tv_sec + ahead;
	return now.tv_sec + ahead;
}

#endif
