/* SPDX-License-Identifier: GPL-2.0-or-later */
/* folder.h - a unit test's own folder in /tmp */
#ifndef BUSFLIP_TESTS_FOLDER_H
#define BUSFLIP_TESTS_FOLDER_H

#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>

static char folder[] = "/tmp/busflip-test.XXXXXX";

/* in_folder() - the path of @name there, valid until the fourth call after this one */
static char *in_folder(const char *name)
{
	static char paths[4][4096];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void begin_folder(void)
{
	if (!mkdtemp(folder)) {
		perror(folder);
		exit(1);
	}
}

/* end_folder() - assertion: it can be removed, with all that is in it */
static void end_folder(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	is_int(system(command), 0, "gone again");
}

#endif
