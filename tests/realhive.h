/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * realhive.h - hives of real machines, if available
 *
 * They are read from $BUSFLIP_HIVES, or from ../shared/hives, and are never part of the
 * project. Without them the tests that need them are skipped, but fail if all tests must
 * run (BUSFLIP_MUST_RUN).
 */
#ifndef BUSFLIP_TESTS_REALHIVE_H
#define BUSFLIP_TESTS_REALHIVE_H

#include "helper/shared/base.h"
#include "helper/shared/file.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

/* The unpacked file, NULL when it isn't there; the caller frees it. */
__attribute__((unused))
static uint8_t *real_hive(const char *name, size_t *len)
{
	const char *folder = getenv("BUSFLIP_HIVES");
	char command[1024];
	struct error err;
	char *data = NULL;
	FILE *pipe;

	*len = 0;
	snprintf(command, sizeof(command), "xz -dc '%s/%s.xz' 2>/dev/null",
		 folder ? folder : "../shared/hives", name);
	pipe = popen(command, "r");
	if (!pipe)
		return NULL;
	if (read_all(fileno(pipe), 64u << 20, &data, len, &err) < 0)
		data = NULL;
	pclose(pipe);
	if (data && !*len) {
		free(data);
		data = NULL;
	}
	return (uint8_t *)data;
}

__attribute__((unused))
static void real_skip(const char *what)
{
	char why[256];

	snprintf(why, sizeof(why), "there are no real hives here: %s", what);
	skip_one(why);
}

#endif
