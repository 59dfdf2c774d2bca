// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup-item.c - one item of the result */

#include "hook/checkup/checkup-item.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/host/cure.h"

/* There is no upper limit: each file of a domain may be an item. */
static struct checkup_item *new_item(struct patient *p)
{
	struct checkup *out = p->out;
	size_t room = out->room ? 2 * out->room : 32;
	struct checkup_item *list;

	if (out->count == out->room) {
		list = realloc(out->list, room * sizeof(*list));
		if (!list) {
			p->no_memory = true;
			return &p->spare;
		}
		out->list = list;
		out->room = room;
	}
	return &out->list[out->count++];
}

struct checkup_item *checkup_add(struct patient *p, const char *name, enum verdict holds,
				 const char *fmt, ...)
{
	struct checkup_item *item = new_item(p);
	va_list ap;

	*item = (struct checkup_item){ .holds = holds };
	str_fits(item->name, sizeof(item->name), name);
	va_start(ap, fmt);
	vsnprintf(item->found, sizeof(item->found), fmt, ap);
	va_end(ap);
	return item;
}

void checkup_cure(struct checkup_item *item, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(item->cure, sizeof(item->cure), fmt, ap);
	va_end(ap);
}

void checkup_wrong(struct patient *p, const char *name, const struct error *err,
		   const char *fmt, ...)
{
	struct checkup_item *item = checkup_add(p, name, VERDICT_NO, "%s", err->msg);
	const char *cure = cure_of(err->code);
	va_list ap;

	va_start(ap, fmt);
	if (cure)
		checkup_cure(item, "%s", cure);
	else
		vsnprintf(item->cure, sizeof(item->cure), fmt, ap);
	va_end(ap);
}

bool checkup_denied(struct patient *p, const char *name, const struct error *err)
{
	if (err->code != EACCES)
		return false;
	checkup_cure(checkup_add(p, name, VERDICT_UNKNOWN, "%s", err->msg),
		     cure_is_root(EACCES) ? "run busflip check as root" :
		     "allow root to read it on its server (no_root_squash)");
	return true;
}
