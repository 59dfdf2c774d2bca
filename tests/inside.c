// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inside.c - preloaded into busflip-helper by tests: an ISO that takes over libarchive
 *
 * When the ISO of virtio_win is first read, it prints a line on stderr with the user that it
 * runs as, and whether it can read files of the host. Then it does what INSIDE names, as an
 * ISO would that has taken over libarchive. Another line has the number of directories of
 * the host that are open in the sandbox.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dlfcn.h>

#define FD_DISK 3	/* as helper/shared/job.h has them */
#define FD_DRIVERS 4
#define DESCRIPTORS 128

/* The real function; POSIX promises that a pointer from dlsym() converts. */
#define REAL(type, name) \
	((type)(uintptr_t)dlsym(RTLD_NEXT, name))

static void do_worst(void)
{
	const char *what = getenv("INSIDE");

	if (!what)
		return;
	if (strcmp(what, "crash") == 0)
		raise(SIGSEGV);
	while (strcmp(what, "loop") == 0)
		;
	if (strcmp(what, "execute") == 0)
		execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
	if (strcmp(what, "write") == 0)
		dprintf(2, "written: %s\n",
			pwrite(FD_DRIVERS, "x", 1, 0) < 0 ? strerror(errno) : "yes");
}

ssize_t read(int fd, void *buf, size_t len)
{
	static bool done;
	struct stat st;

	if (fd == FD_DRIVERS && !done && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		done = true;
		dprintf(2, "parsed by %s, with files of the host: %s\n",
			geteuid() < 0x7f000000 ? "a user of the host" : "a user of its own",
			open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? "no" : "yes");
		do_worst();
	}
	return REAL(ssize_t (*)(int, void *, size_t), "read")(fd, buf, len);
}

/* The last step into the sandbox. */
int seccomp_load(void *ctx);
int seccomp_load(void *ctx)
{
	int r = REAL(int (*)(void *), "seccomp_load")(ctx), n = 0;
	struct stat st;

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		n += fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
	dprintf(2, "%d directories are open\n", n);
	return r;
}
