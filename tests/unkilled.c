// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unkilled.c - preloaded into libvirtd by a test: a QEMU that can't be killed
 *
 * As one that the kernel has in an uninterruptible sleep. UNKILLED names a file; while it
 * is there, signals to the process whose number is in it fail.
 */

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static pid_t spared(void)
{
	const char *name = getenv("UNKILLED");
	FILE *file = name ? fopen(name, "re") : NULL;
	char text[32] = "";

	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return (pid_t)strtol(text, NULL, 10);
}

int kill(pid_t pid, int number)
{
	int (*next)(pid_t, int) = (int (*)(pid_t, int))(uintptr_t)dlsym(RTLD_NEXT, "kill");

	if (number && pid > 0 && pid == spared()) {
		errno = EPERM;
		return -1;
	}
	return next(pid, number);
}
