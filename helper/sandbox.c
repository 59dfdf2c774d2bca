// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sandbox.c - give up everything but the open descriptors
 *
 * DOC: why in this order
 *
 * limits      first, they need nothing
 * namespaces  need the privileges that "user" gives up
 * user        nobody, no groups, no capabilities, not even in the bounding set
 * files       Landlock: no file at all; sets no_new_privs, which the filter
 *             needs too
 * syscalls    last, because it forbids what the others do
 *
 * A stage says: done, can't be had here (an old kernel, a container, not root),
 * or failed. Not being root already is no failure: there is less to give up.
 */

#include "helper/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <seccomp.h>

#include "helper/landlock.h"
#include "helper/refusal.h"

/* The sanitizers reserve terabytes of addresses, look at /proc and ask for
 * things that nothing else does. A build with them is for tests only. */
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

#define NOBODY 65534
/* A patch of a 15 MB hive takes 60 MB of addresses and 45 MB of memory, 70 when its
 * logs are replayed. */
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
	static const struct {
		int resource;
		rlim_t limit;
	} limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_CPU, CPU_SECONDS },
		{ RLIMIT_FSIZE, FILE_LIMIT },
		{ RLIMIT_NOFILE, FILES },
		{ RLIMIT_AS, MEMORY_LIMIT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit now, want = { limits[i].limit, limits[i].limit };

		if (SANITIZED && limits[i].resource == RLIMIT_AS)
			continue;
		if (getrlimit((__rlimit_resource_t)limits[i].resource, &now) < 0)
			return failed(err, "getrlimit");
		if (now.rlim_max != RLIM_INFINITY &&
		    now.rlim_max < want.rlim_max)
			want = (struct rlimit){ now.rlim_max, now.rlim_max };
		if (setrlimit((__rlimit_resource_t)limits[i].resource,
			      &want) < 0)
			return failed(err, "setrlimit");
	}
	return STAGE_DONE;
}

static enum outcome leave_namespaces(struct error *err)
{
	int kinds = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS;

	(void)err;
	/* A user namespace gives an ordinary user the right to the others. */
	if (geteuid() != 0)
		kinds |= CLONE_NEWUSER;
	return unshare(kinds) < 0 ? STAGE_UNAVAILABLE : STAGE_DONE;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { { 0 }, { 0 } };

	return (int)syscall(SYS_capset, &header, none);
}

static enum outcome become_nobody(struct error *err)
{
	pid_t parent = getppid();

	if (geteuid() == 0) {
		/* EINVAL comes from the first that the kernel doesn't know;
		 * EPERM from a container: then there is nothing to drop. */
		for (unsigned long cap = 0; cap < 64; cap++)
			if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
				break;
		if (setgroups(0, NULL) < 0 ||
		    setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		    setresuid(NOBODY, NOBODY, NOBODY) < 0)
			return failed(err, "cannot become nobody");
		if (setuid(0) == 0) {
			errno = EPERM;
			return failed(err, "root came back");
		}
	}
	if (drop_capabilities() < 0)
		return failed(err, "cannot drop capabilities");
	/* Cleared by a change of user, so set it here. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return failed(err, "cannot ask to die with busflip");
	if (getppid() != parent) {
		errno = ECHILD;
		return failed(err, "busflip is gone");
	}
	return STAGE_DONE;
}

static enum outcome leave_files(struct error *err)
{
	/* The sanitizers read /proc/self/maps for their reports. */
	const struct landlock_rule proc = {
		.path = "/proc", .fd = -1, .access = LANDLOCK_READ,
	};

	switch (landlock_restrict(&proc, SANITIZED ? 1 : 0, err)) {
	case 0:
		return STAGE_DONE;
	case 1:
		return STAGE_UNAVAILABLE;
	default:
		return STAGE_FAILED;
	}
}

/* Who needs what. openat and the stat calls reach only what Landlock leaves. */
static const int allowed[] = {
	/* libc: memory, exit, abort(), clock, random seeds */
	SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect),
	SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(tgkill), SCMP_SYS(gettid),
	SCMP_SYS(getpid), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(futex),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(restart_syscall),
	/* files that are open, memory files */
	SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(readv), SCMP_SYS(write),
	SCMP_SYS(pwrite64), SCMP_SYS(writev), SCMP_SYS(lseek),
	SCMP_SYS(_llseek), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(fstat64),
	SCMP_SYS(statx), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64),
	SCMP_SYS(ftruncate), SCMP_SYS(fcntl), SCMP_SYS(fcntl64),
	SCMP_SYS(dup), SCMP_SYS(openat),
	SCMP_SYS(getdents64), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
	SCMP_SYS(fstatfs), SCMP_SYS(fadvise64), SCMP_SYS(fsync),
	/* libnbd on its connected socket */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(recvfrom), SCMP_SYS(sendto),
	SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(shutdown),
	SCMP_SYS(getsockopt),
	/* libntfs-3g: who creates a file, and how much memory there is */
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(sysinfo),
};

/* Asked for by libraries that go on without: syslog() makes a socket, localtime
 * looks for a zone, hivex may open by its old name. */
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
	{ "own namespaces (no network)", leave_namespaces },
	{ "user nobody, no capabilities", become_nobody },
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
					    "the sandbox can't have its stage "
					    "\"%s\" here: %s", stages[i].name,
					    strerror(errno));
			/* busflip puts the image's name in front, and logs it. */
			fprintf(stderr, "sandbox without its stage \"%s\": %s; "
				"sandbox = require in /etc/busflip.conf refuses "
				"to go on so\n", stages[i].name, strerror(errno));
			break;
		case STAGE_FAILED:
			error_prefix(err, "sandbox");
			/* What to do about memory is told with every error. */
			return err && err->code == ENOMEM ? -1 :
			       error_suffix(err, "see what confines busflip itself (container, "
					    "AppArmor, SELinux), and loosen that");
		}
	}
	return 0;
}
