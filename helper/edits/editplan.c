// SPDX-License-Identifier: GPL-2.0-or-later
/* editplan.c - determine the edits that a Windows needs */

#include "helper/edits/edits.h"

#include <errno.h>
#include <stdlib.h>

static int plan(const struct windows *win, const struct edits_request *request,
		struct edits **out, struct error *err)
{
	struct edits *made = calloc(1, sizeof(*made));

	if (!made)
		return fail(err, ENOMEM, "out of memory");
	if ((request ? edits_from_rules(made, win, request, err)
		     : edits_restore_temporary(made, win, err)) < 0) {
		edits_free(made);
		return -1;
	}
	*out = made;
	return 0;
}

int edits_plan(const struct windows *win, const struct edits_request *request,
	       struct edits **out, struct error *err)
{
	return plan(win, request, out, err);
}

int edits_plan_restore(const struct windows *win, struct edits **out, struct error *err)
{
	return plan(win, NULL, out, err);
}
