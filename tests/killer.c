// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * killer.c - preloaded into busflip by tests: kill it just before the n-th call that
 * changes something outside the process
 *
 * Counts the calls that matter for crash safety: requests to the image, and calls that make
 * files of the host durable. KILLER_AT=n selects the call, 0 none; KILLER_COUNT names a file
 * that gets the number of calls. KILLER_WHO: parent (busflip), server (qemu-nbd), all. With
 * server, the call itself is still executed. KILLER_LOG names a file that gets a line for
 * each call: its name, and what it was called on.
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

static void tell(const char *file, const char *mode, const char *text, const char *of)
{
	FILE *out = file ? fopen(file, mode) : NULL;

	if (out) {
		fprintf(out, "%s%s\n", text, of);
		fclose(out);
	}
}

static void count(const char *call, const char *of)
{
	const char *at = getenv("KILLER_AT"), *who = getenv("KILLER_WHO");
	char number[24];
	long n;

	if (getpid() != owner)
		return;
	n = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
	snprintf(number, sizeof(number), "%ld", n);
	tell(getenv("KILLER_COUNT"), "we", number, "");
	tell(getenv("KILLER_LOG"), "ae", call, of);
	if (!at || atol(at) != n || !who)
		return;
	if (strcmp(who, "parent") != 0)
		kill_children(getpid());
	if (strcmp(who, "server") != 0)
		kill(getpid(), SIGKILL);
}

static void count_file(const char *call, int fd)
{
	char link[32], path[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	count(call, path);
}

/* The real function; POSIX promises that a pointer from dlsym() converts. */
#define REAL(type, name) \
	((type)(uintptr_t)dlsym(RTLD_NEXT, name))

int64_t nbd_aio_pwrite(struct nbd_handle *h, const void *buf, size_t len,
		       uint64_t off, nbd_completion_callback done,
		       uint32_t flags)
{
	count("write", "");
	return REAL(int64_t (*)(struct nbd_handle *, const void *, size_t,
				uint64_t, nbd_completion_callback, uint32_t),
		    "nbd_aio_pwrite")(h, buf, len, off, done, flags);
}

int64_t nbd_aio_flush(struct nbd_handle *h, nbd_completion_callback done,
		      uint32_t flags)
{
	count("flush", "");
	return REAL(int64_t (*)(struct nbd_handle *, nbd_completion_callback,
				uint32_t), "nbd_aio_flush")(h, done, flags);
}

int fdatasync(int fd)
{
	count_file("fdatasync ", fd);
	return REAL(int (*)(int), "fdatasync")(fd);
}

int fsync(int fd)
{
	count_file("fsync ", fd);
	return REAL(int (*)(int), "fsync")(fd);
}

int rename(const char *from, const char *to)
{
	count("rename ", to);
	return REAL(int (*)(const char *, const char *), "rename")(from, to);
}

int unlink(const char *path)
{
	count("unlink ", path);
	return REAL(int (*)(const char *), "unlink")(path);
}
