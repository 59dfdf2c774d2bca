// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup-clock.c - the domain's clock against what Windows takes it for */

#include "hook/checkup/checkup-parts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MINUTES (24 * 60)

static void take_ahead(void *context, const char *key, const char *value)
{
	long *ahead = context;

	if (strcmp(key, "clock_ahead") == 0)
		*ahead = strtol(value, NULL, 10);
}

/* How far the host's local time is behind UTC, in minutes. */
static long host_behind(void)
{
	time_t now = time(NULL);
	struct tm tm;

	return localtime_r(&now, &tm) ? -tm.tm_gmtoff / 60 : 0;
}

/*
 * Windows reads the clock as local time; a clock in UTC is ahead for a guest west of UTC until
 * Windows asks a time server. East of UTC it is behind, which puts nothing out of order. Daylight
 * saving time may have begun or ended since the disk was used.
 */
void checkup_clock(struct patient *p, const struct guestdisk_result *result)
{
	const xmlNode *clock = xml_child(p->domain.root, "clock");
	struct checkup_item *item;
	long ahead = 0;

	findings_each(result, take_ahead, &ahead);
	if (ahead <= 0 || ahead > DAY_MINUTES || (clock && !xml_attr_is(clock, "offset", "utc")))
		return;
	item = checkup_add(p, "clock", VERDICT_UNKNOWN, "Windows takes the domain's clock, which "
			   "runs in UTC, for local time, and is %ld:%02ld h west of UTC: it is "
			   "ahead until it asks a time server", ahead / 60, ahead % 60);
	if (labs(host_behind() - ahead) <= 60)
		checkup_cure(item, "virt-xml %s --edit --clock offset=localtime", p->name_word);
	else
		checkup_cure(item, "virsh edit %s: <clock offset='variable' adjustment='%ld' "
			     "basis='utc'>, since this host is in another time zone",
			     p->name_word, -60 * ahead);
}
