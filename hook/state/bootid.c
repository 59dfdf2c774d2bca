// SPDX-License-Identifier: GPL-2.0-or-later
/* bootid.c - which boot of the host this is */

#include "hook/state/bootid.h"

#include <stdio.h>
#include <string.h>

bool boot_id_read(char id[BOOT_ID])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	id[0] = '\0';
	if (!file)
		return false;
	if (fgets(id, BOOT_ID, file))
		id[strcspn(id, "\n")] = '\0';
	fclose(file);
	return id[0];
}
