// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * killer.c - preloaded into busflip by tests: die just before the n-th call that
 * changes something outside of the process
 *
 * Counted are the calls that matter for crash safety: requests to the image,
 * and what makes files of the host durable. KILLER_AT=n picks the call, 0 none;
 * KILLER_COUNT names a file that gets the number of calls. KILLER_WHO: parent
 * (busflip), server (qemu-nbd), all. With server the call itself still happens.
 *
 * KILLER_DETACH=n: a process that detaches itself waits n seconds before.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libnbd.h>

static long calls;
static pid_t owner;		/* forked processes of busflip don't count */

__attribute__((constructor))
static void remember_owner(void)
{
	owner = getpid();
}

/* All below @parent, the lowest first: qemu-nbd has a keeper of ours above it. */
static void kill_children(pid_t parent)
{
	char path[64], list[256] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent,
		 parent);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, list, sizeof(list) - 1) < 0)
		_exit(99);
	close(fd);
	for (char *p = list; *p;) {
		long pid = strtol(p, &p, 10);

		if (pid > 0) {
			kill_children((pid_t)pid);
			kill((pid_t)pid, SIGKILL);
		}
		while (*p == ' ')
			p++;
	}
}

static void count(void)
{
	const char *at = getenv("KILLER_AT"), *who = getenv("KILLER_WHO");
	const char *file = getenv("KILLER_COUNT");

	if (getpid() != owner)
		return;
	calls++;
	if (file) {
		FILE *out = fopen(file, "we");

		if (out) {
			fprintf(out, "%ld\n", calls);
			fclose(out);
		}
	}
	if (!at || atol(at) != calls || !who)
		return;
	if (strcmp(who, "parent") != 0)
		kill_children(getpid());
	if (strcmp(who, "server") != 0)
		kill(getpid(), SIGKILL);
}

/* The real function; POSIX promises that a pointer from dlsym() converts. */
#define REAL(type, name) \
	((type)(uintptr_t)dlsym(RTLD_NEXT, name))

int64_t nbd_aio_pwrite(struct nbd_handle *h, const void *buf, size_t len,
		       uint64_t off, nbd_completion_callback done,
		       uint32_t flags)
{
	count();
	return REAL(int64_t (*)(struct nbd_handle *, const void *, size_t,
				uint64_t, nbd_completion_callback, uint32_t),
		    "nbd_aio_pwrite")(h, buf, len, off, done, flags);
}

int64_t nbd_aio_flush(struct nbd_handle *h, nbd_completion_callback done,
		      uint32_t flags)
{
	count();
	return REAL(int64_t (*)(struct nbd_handle *, nbd_completion_callback,
				uint32_t), "nbd_aio_flush")(h, done, flags);
}

int fdatasync(int fd)
{
	count();
	return REAL(int (*)(int), "fdatasync")(fd);
}

int fsync(int fd)
{
	count();
	return REAL(int (*)(int), "fsync")(fd);
}

int rename(const char *from, const char *to)
{
	count();
	return REAL(int (*)(const char *, const char *), "rename")(from, to);
}

int unlink(const char *path)
{
	count();
	return REAL(int (*)(const char *), "unlink")(path);
}

pid_t setsid(void)
{
	const char *seconds = getenv("KILLER_DETACH");

	if (seconds)
		sleep((unsigned int)atoi(seconds));
	return REAL(pid_t (*)(void), "setsid")();
}
