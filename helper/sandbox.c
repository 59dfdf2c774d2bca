// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sandbox.c - give up everything except the open descriptors
 *
 * DOC: why in this order
 *
 *   limits      first, they need nothing
 *   namespaces  need the privileges that "user" gives up; the root is empty, except for
 *               the process's own descriptors
 *   user        its own, no groups, no capabilities, not even in the bounding set
 *   files       Landlock: no file at all; sets no_new_privs, which the filter
 *               needs too
 *   syscalls    last, because it forbids what the other steps do
 *
 * A stage is done, is not available here (an old kernel, a container, not root), or fails. Not
 * being root is not a failure: there is less to give up.
 */

#include "helper/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <seccomp.h>

#include "helper/shared/jail.h"
#include "helper/shared/landlock.h"
#include "helper/shared/newroot.h"
#include "helper/shared/refusal.h"

/* The sanitizers reserve terabytes of address space, read /proc and make calls that nothing
 * else makes. Builds with them are for tests only. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* A patch of a 15 MB hive takes 60 MB of address space and 45 MB of memory, 70 if its logs are
 * replayed. */
#define MEMORY_LIMIT (768ull * 1024 * 1024)
#define FILE_LIMIT (512ull * 1024 * 1024)
#define CPU_SECONDS 20
#define FILES 128

enum outcome { STAGE_DONE, STAGE_UNAVAILABLE, STAGE_FAILED };

static enum outcome failed(struct error *err, const char *what)
{
	fail_errno(err, "%s", what);
	return STAGE_FAILED;
}

static enum outcome limit_resources(struct error *err)
{
	static const struct jail_limit limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_CPU, CPU_SECONDS },
		{ RLIMIT_FSIZE, FILE_LIMIT },
		{ RLIMIT_NOFILE, FILES },
		{ RLIMIT_AS, MEMORY_LIMIT },
	};
	/* The last one does not work with the sanitizers. */
	size_t n = ARRAY_SIZE(limits) - (SANITIZED ? 1 : 0);

	return jail_limits(limits, n, err) < 0 ? STAGE_FAILED : STAGE_DONE;
}

/* hivex opens a memory file by its name there; the sanitizers read more. */
static const struct landlock_rule in_root = {
	.path = SANITIZED ? "/proc" : "/proc/self/fd", .fd = -1, .access = LANDLOCK_READ,
};

static enum outcome leave_namespaces(struct error *err)
{
	int kinds = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS;
	/* A user namespace gives an ordinary user the right to the others, but not to create
	 * files in its new root. */
	bool ordinary = geteuid() != 0;

	(void)err;
	if (unshare(kinds | (ordinary ? CLONE_NEWUSER : 0)) < 0)
		return STAGE_UNAVAILABLE;
	if (ordinary || newroot_enter(&in_root, 1, NULL, 0) == 0)
		return STAGE_DONE;
	return STAGE_UNAVAILABLE;
}

/* The user is not mapped if a container has few users. */
static enum outcome change_user(struct error *err)
{
	uid_t user = jail_user();

	if (geteuid() != 0)
		return jail_drop(0) < 0 ? failed(err, "cannot drop capabilities") : STAGE_DONE;
	if (jail_become(user, 0, err) == 0)
		return STAGE_DONE;
	if (!err || err->code != EINVAL || jail_become(JAIL_NOBODY, 0, err) < 0)
		return STAGE_FAILED;
	errno = EINVAL;
	return STAGE_UNAVAILABLE;
}

static enum outcome become_user(struct error *err)
{
	pid_t parent = getppid();
	enum outcome r = change_user(err);

	if (r == STAGE_FAILED)
		return r;
	/* A change of user clears it, so set it here. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return failed(err, "cannot set the parent death signal");
	if (getppid() != parent) {
		errno = ECHILD;
		return failed(err, "busflip has exited");
	}
	errno = EINVAL;
	return r;
}

static enum outcome leave_files(struct error *err)
{
	switch (landlock_restrict(&in_root, SANITIZED ? 1 : 0, err)) {
	case 0:
		return STAGE_DONE;
	case 1:
		return STAGE_UNAVAILABLE;
	default:
		return STAGE_FAILED;
	}
}

/* Which call is needed by what. openat and the stat calls reach only what Landlock allows. */
static const int allowed[] = {
	/* libc: memory, exit, abort(), clock, random seeds */
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(gettid),
	SCMP_SYS(getpid), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(futex),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(restart_syscall),
	/* open files, memory files */
	SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(readv), SCMP_SYS(write),
	SCMP_SYS(pwrite64), SCMP_SYS(writev), SCMP_SYS(lseek),
	SCMP_SYS(_llseek), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(fstat64),
	SCMP_SYS(statx), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64),
	SCMP_SYS(ftruncate),
	SCMP_SYS(dup), SCMP_SYS(openat),
	SCMP_SYS(getdents64), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
	SCMP_SYS(fstatfs), SCMP_SYS(fadvise64), SCMP_SYS(fsync),
	/* libnbd on its connected socket; not sendmsg and recvmsg, by which descriptors are
	 * handed to qemu-nbd, or taken from one that an image has taken over */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(recvfrom), SCMP_SYS(sendto),
	SCMP_SYS(shutdown), SCMP_SYS(getsockopt),
	/* libntfs-3g: owner of a new file, and size of the memory */
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(sysinfo),
};

/* Called by libraries that continue without: syslog() creates a socket, localtime reads a time
 * zone, hivex may open by its old name. */
static const int answered_no[] = {
	SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(open), SCMP_SYS(access),
	SCMP_SYS(stat), SCMP_SYS(ioctl), SCMP_SYS(prctl),
	SCMP_SYS(sched_getaffinity),
};

static const int for_sanitizers[] = {
	SCMP_SYS(sigaltstack), SCMP_SYS(sched_yield), SCMP_SYS(prlimit64),
	SCMP_SYS(getppid), SCMP_SYS(clone), SCMP_SYS(wait4), SCMP_SYS(kill),
	SCMP_SYS(uname),
};

/* Of fcntl, allow commands on descriptors and locks, not those that send signals: to whom, and
 * when. */
static const int fcntls[] = {
	F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_GETLK, F_SETLK, F_SETLKW,
	F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_ADD_SEALS, F_GET_SEALS,
};

#define INT_BITS 0xffffffffu

static int allow_if(scmp_filter_ctx ctx, int call, unsigned int n, struct scmp_arg_cmp first,
		    struct scmp_arg_cmp second)
{
	const struct scmp_arg_cmp conditions[] = { first, second };

	return call < 0 ? 0 : seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, n, conditions);
}

static int add_fcntl(scmp_filter_ctx ctx, int call)
{
	const struct scmp_arg_cmp set = SCMP_A1(SCMP_CMP_MASKED_EQ, INT_BITS, F_SETFL);
	int r = allow_if(ctx, call, 2, set, SCMP_A2(SCMP_CMP_MASKED_EQ, O_ASYNC, 0));

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(fcntls); i++)
		r = allow_if(ctx, call, 1, SCMP_A1(SCMP_CMP_MASKED_EQ, INT_BITS,
						   (scmp_datum_t)fcntls[i]), set);
	return r;
}

/* Signals to itself, for abort(); memory without executable code. */
static int add_by_argument(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_MASKED_EQ, INT_BITS,
						 (scmp_datum_t)getpid());
	const struct scmp_arg_cmp data = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int r = allow_if(ctx, SCMP_SYS(tgkill), 1, self, self);

	if (r == 0)
		r = allow_if(ctx, SCMP_SYS(mmap), 1, data, data);
	if (r == 0)
		r = allow_if(ctx, SCMP_SYS(mmap2), 1, data, data);
	if (r == 0)
		r = allow_if(ctx, SCMP_SYS(mprotect), 1, data, data);
	if (r == 0)
		r = add_fcntl(ctx, SCMP_SYS(fcntl));
	return r == 0 ? add_fcntl(ctx, SCMP_SYS(fcntl64)) : r;
}

static int add_all(scmp_filter_ctx ctx, uint32_t action, const int *calls,
		   size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* Negative: this architecture has no such call. */
		int r = calls[i] < 0 ? 0
			: seccomp_rule_add(ctx, action, calls[i], 0);

		if (r < 0)
			return r;
	}
	return 0;
}

static enum outcome filter_syscalls(struct error *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = ctx ? 0 : -ENOMEM;

	if (r == 0)
		r = add_all(ctx, SCMP_ACT_ALLOW, allowed, ARRAY_SIZE(allowed));
	if (r == 0)
		r = add_by_argument(ctx);
	if (r == 0)
		r = add_all(ctx, SCMP_ACT_ERRNO(EACCES), answered_no,
			    ARRAY_SIZE(answered_no));
	if (r == 0 && SANITIZED)
		r = add_all(ctx, SCMP_ACT_ALLOW, for_sanitizers,
			    ARRAY_SIZE(for_sanitizers));
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r == 0)
		return STAGE_DONE;
	errno = -r;
	return r == -EINVAL || r == -ENOSYS || r == -EFAULT || r == -ECANCELED
		? STAGE_UNAVAILABLE : failed(err, "seccomp");
}

static const struct {
	const char *name;
	enum outcome (*enter)(struct error *err);
} stages[] = {
	{ "limits of memory and time", limit_resources },
	{ "own namespaces (no network, an empty root)", leave_namespaces },
	{ "a user of its own, no capabilities", become_user },
	{ "Landlock (no files)", leave_files },
	{ "seccomp (system calls)", filter_syscalls },
};

int sandbox_enter(bool require, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
		switch (stages[i].enter(err)) {
		case STAGE_DONE:
			break;
		case STAGE_UNAVAILABLE:
			if (require)
				return fail(err, REFUSE_SANDBOX,
					    "the sandbox stage \"%s\" is not available here: "
					    "%s", stages[i].name,
					    strerror(errno));
			/* busflip adds the image's name, and logs it. */
			fprintf(stderr, "sandbox without the stage \"%s\": %s; sandbox = require "
				"in /etc/busflip.conf makes this an "
				"error\n", stages[i].name, strerror(errno));
			break;
		case STAGE_FAILED:
			error_prefix(err, "sandbox");
			/* busflip adds the cure for lack of memory to every such error. */
			return err && err->code == ENOMEM ? -1 :
			       error_suffix(err, "check what confines busflip itself (container, "
					    "AppArmor, SELinux) and relax it");
		}
	}
	return 0;
}
