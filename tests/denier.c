// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * denier.c - preloaded into busflip or its helper by tests: makes one call fail
 *
 * It numbers the places in the program itself, not in its libraries, that ask for memory,
 * descriptors, space or bytes. DENIER_LIST names a file that gets a line "offset call" for
 * each place when it is reached; DENIER_AT=offset makes that place fail the first time, as
 * the kernel or libc would.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dlfcn.h>

#define LINE 32			/* bytes */
#define PLACES 1024

static uintptr_t base, start, end;	/* of the program; its code */
static char *list;			/* shared: the sandbox lets no file be opened */
static uintptr_t denied_place;
static bool denied;

/* The first one is the program. */
static int find_code(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	base = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && p->p_flags & PF_X) {
			start = base + p->p_vaddr;
			end = start + p->p_memsz;
		}
	}
	return 1;
}

__attribute__((constructor))
static void begin(void)
{
	const char *file = getenv("DENIER_LIST"), *at = getenv("DENIER_AT");
	int fd = file ? open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	void *map = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, LINE * PLACES) == 0)
		map = mmap(NULL, LINE * PLACES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	list = map == MAP_FAILED ? NULL : map;
	denied_place = at ? strtoul(at, NULL, 16) : 0;
	dl_iterate_phdr(find_code, NULL);
}

static void note(uintptr_t place, const char *call)
{
	char line[LINE + 1];

	snprintf(line, sizeof(line), "%08lx %-*s\n", (unsigned long)place, LINE - 10, call);
	for (size_t i = 0; i < PLACES; i++) {
		char *at = list + i * LINE;

		if (!*at)
			memcpy(at, line, LINE);
		if (memcmp(at, line, LINE) == 0)
			return;
	}
}

static bool deny(const void *from, const char *call)
{
	uintptr_t at = (uintptr_t)from;

	if (at < start || at >= end)
		return false;
	if (list)
		note(at - base, call);
	if (!denied_place || at - base != denied_place || denied)
		return false;
	denied = true;
	return true;
}

#define FROM __builtin_return_address(0)

/* POSIX promises that a pointer from dlsym() converts. */
#define CALL(type, name, number, failure, parameters, arguments) \
	type name parameters; \
	type name parameters \
	{ \
		static type (*real) parameters; \
		if (deny(FROM, #name)) { \
			errno = number; \
			return failure; \
		} \
		if (!real) \
			real = (type (*) parameters)(uintptr_t)dlsym(RTLD_NEXT, #name); \
		return real arguments; \
	}

/* glibc's own names: dlsym() itself asks for memory. */
#define MEMORY(name, parameters, arguments) \
	void *__libc_##name parameters; \
	void *name parameters \
	{ \
		if (deny(FROM, #name)) { \
			errno = ENOMEM; \
			return NULL; \
		} \
		return __libc_##name arguments; \
	}

#define OPEN(name, parameters, passed) \
	int name parameters; \
	int name parameters \
	{ \
		static int (*real) parameters; \
		va_list ap; \
		int mode; \
		if (deny(FROM, #name)) { \
			errno = EMFILE; \
			return -1; \
		} \
		va_start(ap, flags); \
		mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, int) : 0; \
		va_end(ap); \
		if (!real) \
			real = (int (*) parameters)(uintptr_t)dlsym(RTLD_NEXT, #name); \
		return real passed; \
	}

MEMORY(malloc, (size_t size), (size))
MEMORY(calloc, (size_t n, size_t size), (n, size))
MEMORY(realloc, (void *old, size_t size), (old, size))
CALL(void *, reallocarray, ENOMEM, NULL, (void *old, size_t n, size_t size), (old, n, size))
CALL(char *, strdup, ENOMEM, NULL, (const char *text), (text))
CALL(char *, strndup, ENOMEM, NULL, (const char *text, size_t n), (text, n))
CALL(void *, mmap64, ENOMEM, MAP_FAILED,
     (void *at, size_t len, int prot, int flags, int fd, off64_t off),
     (at, len, prot, flags, fd, off))
CALL(FILE *, open_memstream, ENOMEM, NULL, (char **text, size_t *len), (text, len))
CALL(pid_t, fork, EAGAIN, -1, (void), ())

OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat64, (int dir, const char *path, int flags, ...), (dir, path, flags, mode))
CALL(int, __open64_2, EMFILE, -1, (const char *path, int flags), (path, flags))
CALL(FILE *, fopen64, EMFILE, NULL, (const char *path, const char *mode), (path, mode))
CALL(DIR *, opendir, EMFILE, NULL, (const char *path), (path))
CALL(DIR *, fdopendir, ENOMEM, NULL, (int fd), (fd))
CALL(int, memfd_create, EMFILE, -1, (const char *name, unsigned int flags), (name, flags))
CALL(int, pipe2, EMFILE, -1, (int fds[2], int flags), (fds, flags))
CALL(int, socket, EMFILE, -1, (int domain, int type, int protocol), (domain, type, protocol))
CALL(int, bind, EACCES, -1, (int fd, __CONST_SOCKADDR_ARG at, socklen_t len), (fd, at, len))
CALL(int, listen, EADDRINUSE, -1, (int fd, int backlog), (fd, backlog))
CALL(int, connect, ECONNREFUSED, -1, (int fd, __CONST_SOCKADDR_ARG to, socklen_t len),
     (fd, to, len))

CALL(int, mkdir, ENOSPC, -1, (const char *path, mode_t mode), (path, mode))
CALL(char *, mkdtemp, ENOSPC, NULL, (char *name), (name))
CALL(int, mkostemp64, ENOSPC, -1, (char *name, int flags), (name, flags))
CALL(int, fallocate64, ENOSPC, -1, (int fd, int mode, off64_t off, off64_t len),
     (fd, mode, off, len))
CALL(int, ftruncate64, ENOSPC, -1, (int fd, off64_t len), (fd, len))
CALL(ssize_t, write, ENOSPC, -1, (int fd, const void *data, size_t len), (fd, data, len))
CALL(ssize_t, sendfile64, ENOSPC, -1, (int to, int from, off64_t *off, size_t len),
     (to, from, off, len))
CALL(int, fsync, EIO, -1, (int fd), (fd))
CALL(int, fdatasync, EIO, -1, (int fd), (fd))
CALL(int, fchmod, EPERM, -1, (int fd, mode_t mode), (fd, mode))
CALL(int, rename, EIO, -1, (const char *from, const char *to), (from, to))
CALL(int, unlink, EIO, -1, (const char *path), (path))

CALL(ssize_t, read, EIO, -1, (int fd, void *data, size_t len), (fd, data, len))
CALL(ssize_t, pread64, EIO, -1, (int fd, void *data, size_t len, off64_t off),
     (fd, data, len, off))
CALL(off64_t, lseek64, EIO, -1, (int fd, off64_t off, int whence), (fd, off, whence))
CALL(int, fstat64, EIO, -1, (int fd, struct stat64 *st), (fd, st))
CALL(int, stat64, EIO, -1, (const char *path, struct stat64 *st), (path, st))
