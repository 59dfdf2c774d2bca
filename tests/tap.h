/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap.h - TAP for unit tests in C: check() lines, then return tap_done() */
#ifndef BUSFLIP_TAP_H
#define BUSFLIP_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int tap_count, tap_failed;

/* check() - one assertion; printf-like name, so that loops can say where. */
__attribute__((format(printf, 2, 3), unused))
static bool check(bool good, const char *fmt, ...)
{
	char name[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	printf("%sok %d - %s\n", good ? "" : "not ", ++tap_count, name);
	fflush(stdout);
	if (!good)
		tap_failed++;
	return good;
}

__attribute__((unused))
static int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif
