// SPDX-License-Identifier: GPL-2.0-or-later
/* guestdisk-run.c - one run on a disk: its time limit and its connections */

#include "hook/disk/guestdisk-run.h"

#include <errno.h>
#include <limits.h>

#include "helper/shared/refusal.h"

int run_left(const struct run *s)
{
	int64_t left = s->deadline - monotonic_ms();

	return left < 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

int run_in_time(const struct run *s, struct error *err)
{
	return run_left(s) ? 0 :
		fail(err, REFUSE_HELPER_DIED, "%s: the time limit of %d ms is over; nothing was "
		     "written", s->image.path, s->options->timeout_ms);
}
