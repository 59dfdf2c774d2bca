// SPDX-License-Identifier: GPL-2.0-or-later
/* bootid.c - which boot of the host this is, and how long ago it was */

#include "hook/state/bootid.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

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

long long boot_age_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
