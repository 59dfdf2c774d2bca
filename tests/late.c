// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * late.c - preloaded into busflip by tests: the clock jumps by an hour after a given call
 *
 * LATE_AFTER="CALL N" selects the call; the clock jumps when it returns. LATE_LOG names a
 * file that gets a line for each later call that waits for a disk.
 */

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <dlfcn.h>

#define HOUR 3600

static bool late;

/* The real function; POSIX promises that a pointer from dlsym() converts. */
#define REAL(type, name) \
	((type)(uintptr_t)dlsym(RTLD_NEXT, name))

static void begin(const char *call)
{
	const char *file = getenv("LATE_LOG");
	int fd;

	if (!__atomic_load_n(&late, __ATOMIC_SEQ_CST) || !file)
		return;
	fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0) {
		dprintf(fd, "%s\n", call);
		close(fd);
	}
}

static void end(const char *call, int *count)
{
	const char *after = getenv("LATE_AFTER");
	size_t len = strlen(call);
	int n = __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);

	if (after && strncmp(after, call, len) == 0 && after[len] == ' ' &&
	    atoi(after + len) == n)
		__atomic_store_n(&late, true, __ATOMIC_SEQ_CST);
}

ssize_t sendfile64(int to, int from, off64_t *off, size_t len);
ssize_t sendfile64(int to, int from, off64_t *off, size_t len)
{
	static int count;
	ssize_t r;

	begin("sendfile");
	r = REAL(ssize_t (*)(int, int, off64_t *, size_t), "sendfile64")(to, from, off, len);
	end("sendfile", &count);
	return r;
}

int fdatasync(int fd)
{
	static int count;
	int r;

	begin("fdatasync");
	r = REAL(int (*)(int), "fdatasync")(fd);
	end("fdatasync", &count);
	return r;
}

/* What is removed is renamed first, which waits for nothing: not in the log. */
int rename(const char *from, const char *to)
{
	static int count;
	int r = REAL(int (*)(const char *, const char *), "rename")(from, to);

	end("rename", &count);
	return r;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int r = REAL(int (*)(clockid_t, struct timespec *), "clock_gettime")(clock, now);

	if (r == 0 && __atomic_load_n(&late, __ATOMIC_SEQ_CST))
		now->tv_sec += HOUR;
	return r;
}
