// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unkilled.c - preloaded into libvirtd by a test: a QEMU that cannot be killed, and domains
 * that nobody may look up
 *
 * The QEMU behaves like a process in an uninterruptible sleep. UNKILLED names a file; while
 * that file exists, signals to the process whose PID it contains fail. While a file of the
 * same name with ".denied" appended exists, a lookup by UUID fails as an access driver
 * (polkit) makes it fail.
 */

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

/* libvirt's own (src/util/virerror.h, src/access/viraccessapicheck.h); 88 is
 * VIR_ERR_ACCESS_DENIED, 55 VIR_FROM_ACCESS, 2 VIR_ERR_ERROR. */
void virRaiseErrorFull(const char *file, const char *function, size_t line, int domain, int code,
		       int level, const char *str1, const char *str2, const char *str3, int int1,
		       int int2, const char *fmt, ...);
int virDomainLookupByUUIDEnsureACL(void *connection, void *domain);

int virDomainLookupByUUIDEnsureACL(void *connection, void *domain)
{
	const char *name = getenv("UNKILLED");
	char path[512];

	(void)connection, (void)domain;
	snprintf(path, sizeof(path), "%s.denied", name ? name : "");
	if (access(path, F_OK) != 0)
		return 0;
	virRaiseErrorFull(__FILE__, __func__, __LINE__, 55, 88, 2, "access denied", NULL, NULL, -1,
			  -1, "access denied");
	return -1;
}
