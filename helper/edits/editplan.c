// SPDX-License-Identifier: GPL-2.0-or-later
/* editplan.c - determine the edits that a Windows needs */

#include "helper/edits/edits.h"

#include <errno.h>
#include <stdlib.h>

int edits_plan(const struct windows *win, const struct edits_request *request,
	       struct edits **out, struct error *err)
{
	struct edits *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return fail(err, ENOMEM, "out of memory");
	if (edits_from_rules(plan, win, request, err) < 0) {
		edits_free(plan);
		return -1;
	}
	*out = plan;
	return 0;
}
