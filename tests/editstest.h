/* SPDX-License-Identifier: GPL-2.0-or-later */
/* editstest.h - a generated guest whose registry is edited as a patch does it */
#ifndef BUSFLIP_TESTS_EDITSTEST_H
#define BUSFLIP_TESTS_EDITSTEST_H

#include "helper/edits/edits.h"
#include "tests/guest.h"

/* Plans and applies; the guest then is the edited one. False: nothing to do or
 * an error in @err. */
static inline bool patch(struct guest *g, const struct edits_request *request,
			 const char *name, struct edits **plan, struct error *err)
{
	struct hive_memory before, after = { 0 };
	struct guest next = { 0 };
	uint8_t *copy;

	*plan = NULL;
	if (edits_plan(g->win, request, plan, err) < 0 ||
	    hive_memory_new(&before, g->system, g->system_len, err) < 0)
		return false;
	if (edits_apply(*plan, &before, -1, 0, &after, err) < 0 || !after.data) {
		hive_memory_free(&before);
		return false;
	}
	copy = malloc(after.len);
	memcpy(copy, after.data, after.len);
	next.n_files = g->n_files;
	memcpy(next.files, g->files, sizeof(g->files));
	guest_open_bytes(&next, copy, after.len, name, err);
	guest_close(g);
	*g = next;
	g->access.opaque = g;
	hive_memory_free(&before);
	hive_memory_free(&after);
	return true;
}

#endif
