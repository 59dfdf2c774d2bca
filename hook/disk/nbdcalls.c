// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nbdcalls.c - the system calls that qemu-nbd may make in its jail
 *
 * Calls that are not listed return ENOSYS: libraries then fall back as on an older kernel, and
 * calls that a newer kernel adds stay closed. No sockets except those accepted from the
 * listening one; no processes, only threads; signals only to itself; of ioctl and prctl only
 * what it needs.
 *
 * The filter is hand-written and does not use libseccomp as the helper does: this runs between
 * fork() and execve() of a program that may have threads, where nothing can be loaded or
 * allocated safely, and each guest would wait for it.
 */

#include "hook/disk/nbdcalls.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/fiemap.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER == __LITTLE_ENDIAN
#define ARCHITECTURE AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCHITECTURE AUDIT_ARCH_S390X
#endif

#ifdef ARCHITECTURE

#define INSTRUCTIONS 512

static const int allowed[] = {
	/* descriptors that it has, and those derived from them */
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64,
	SYS_preadv, SYS_pwritev, SYS_preadv2, SYS_pwritev2, SYS_lseek, SYS_close,
	SYS_dup, SYS_dup3, SYS_pipe2, SYS_eventfd2, SYS_signalfd4, SYS_ppoll,
	SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait,
	SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime,
	/* files: limited by its root and Landlock */
	SYS_openat, SYS_newfstatat, SYS_fstat, SYS_statx, SYS_faccessat,
	SYS_readlinkat, SYS_getdents64, SYS_statfs, SYS_fstatfs, SYS_getcwd,
	SYS_chdir, SYS_umask, SYS_fallocate, SYS_ftruncate, SYS_fsync,
	SYS_fdatasync, SYS_sync_file_range, SYS_copy_file_range, SYS_fadvise64,
	SYS_readahead, SYS_flock,
	/* the listening socket and its connections */
	SYS_accept4, SYS_listen, SYS_sendto, SYS_sendmsg, SYS_recvfrom, SYS_recvmsg,
	SYS_shutdown, SYS_getsockname, SYS_getpeername, SYS_getsockopt, SYS_setsockopt,
	/* memory */
	SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk,
	SYS_msync, SYS_get_mempolicy, SYS_set_mempolicy,
	/* threads and time */
	SYS_futex, SYS_set_robust_list, SYS_get_robust_list, SYS_set_tid_address,
	SYS_rseq, SYS_membarrier, SYS_exit, SYS_exit_group, SYS_sched_yield,
	SYS_sched_getaffinity, SYS_sched_getparam, SYS_sched_getscheduler,
	SYS_getcpu, SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep,
	SYS_nanosleep, SYS_gettimeofday, SYS_times, SYS_restart_syscall,
	/* itself and its signals */
	SYS_execve, SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid,
	SYS_getgid, SYS_getegid, SYS_getgroups, SYS_prlimit64, SYS_getrusage,
	SYS_uname, SYS_sysinfo, SYS_getrandom, SYS_rt_sigaction,
	SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending,
	SYS_rt_sigtimedwait, SYS_rt_sigsuspend, SYS_sigaltstack,
#ifdef SYS_faccessat2
	SYS_faccessat2,
#endif
#ifdef SYS_epoll_pwait2
	SYS_epoll_pwait2,
#endif
#ifdef SYS_close_range
	SYS_close_range,
#endif
	/* the same calls under their old names */
#ifdef SYS_open
	SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_dup2, SYS_pipe,
	SYS_poll, SYS_epoll_create, SYS_epoll_wait,
#endif
#ifdef SYS_time
	SYS_time,
#endif
#ifdef SYS_select
	SYS_select,
#endif
#ifdef SYS_getrlimit
	SYS_getrlimit,
#endif
#ifdef SYS_accept
	SYS_accept,
#endif
#ifdef SYS_arch_prctl
	SYS_arch_prctl,
#endif
};

/* Queries on block devices; others are answered as on a file. Not SG_IO, which would write
 * whatever the image is. */
static const uint32_t ioctls[] = {
	BLKROGET, BLKGETSIZE, BLKSECTGET, BLKSSZGET, BLKPBSZGET, BLKIOMIN, BLKIOOPT,
	BLKALIGNOFF, BLKDISCARD, BLKZEROOUT, BLKDISCARDZEROES, BLKROTATIONAL,
	(uint32_t)BLKGETSIZE64, (uint32_t)BLKBSZGET, (uint32_t)FS_IOC_FIEMAP,
	(uint32_t)FS_IOC_GETFLAGS, 0x800c581eu /* XFS_IOC_DIOINFO */,
	0x5326u /* CDROM_DRIVE_STATUS */, FIONBIO, FIONREAD, 0x5401u /* TCGETS */,
};

/* fcntl() may select a signal and its receiver. */
static const uint32_t fcntls_refused[] = {
	F_SETOWN, F_SETOWN_EX, F_SETSIG, F_SETLEASE, F_NOTIFY,
};

static const uint32_t prctls[] = { PR_SET_TIMERSLACK, PR_SET_NAME, PR_GET_NAME, 0x53564d41u };

struct program {
	struct sock_filter code[INSTRUCTIONS];
	unsigned short n;
};

static void add(struct program *p, struct sock_filter one)
{
	p->code[p->n++] = one;
}

static void add_load(struct program *p, size_t offset)
{
	add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* The kernel uses only these 32 bits of the arguments checked here. */
static void add_argument(struct program *p, unsigned int number)
{
	add_load(p, offsetof(struct seccomp_data, args) + number * sizeof(uint64_t) +
		 (__BYTE_ORDER == __BIG_ENDIAN ? sizeof(uint32_t) : 0));
}

static void add_return(struct program *p, uint32_t action)
{
	add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* If the loaded value is @value: @action. */
static void add_case(struct program *p, uint32_t value, uint32_t action)
{
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
	add_return(p, action);
}

/* Begin the checks for the call @number only; end them with end_call(). */
static unsigned short begin_call(struct program *p, long number)
{
	add_load(p, offsetof(struct seccomp_data, nr));
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 0));
	return (unsigned short)(p->n - 1);
}

static void end_call(struct program *p, unsigned short begin, uint32_t otherwise)
{
	add_return(p, otherwise);
	p->code[begin].jf = (uint8_t)(p->n - begin - 1);
}

static void add_values(struct program *p, long call, unsigned int argument,
		       const uint32_t *values, size_t n, uint32_t otherwise)
{
	unsigned short begin = begin_call(p, call);

	add_argument(p, argument);
	for (size_t i = 0; i < n; i++)
		add_case(p, values[i], SECCOMP_RET_ALLOW);
	end_call(p, begin, otherwise);
}

static void add_fcntl(struct program *p)
{
	unsigned short begin = begin_call(p, SYS_fcntl);

	add_argument(p, 1);
	for (size_t i = 0; i < ARRAY_SIZE(fcntls_refused); i++)
		add_case(p, fcntls_refused[i], SECCOMP_RET_ERRNO | EPERM);
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETFL, 0, 3));
	add_argument(p, 2);
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_ASYNC, 0, 1));
	add_return(p, SECCOMP_RET_ERRNO | EPERM);
	end_call(p, begin, SECCOMP_RET_ALLOW);
}

/* clone3() has its flags where a filter can't see them: report ENOSYS, so that glibc uses
 * clone(). */
static void add_clone(struct program *p)
{
	unsigned short begin = begin_call(p, SYS_clone);

#ifdef __s390x__
	add_argument(p, 1);
#else
	add_argument(p, 0);
#endif
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0));
	add_return(p, SECCOMP_RET_ERRNO | EPERM);
	end_call(p, begin, SECCOMP_RET_ALLOW);
}

static void write_program(struct program *p)
{
	const uint32_t self = (uint32_t)getpid();

	add_load(p, offsetof(struct seccomp_data, arch));
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
	add_return(p, SECCOMP_RET_KILL_PROCESS);
	add_load(p, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		add_case(p, (uint32_t)allowed[i], SECCOMP_RET_ALLOW);
	add_fcntl(p);
	add_clone(p);
	add_values(p, SYS_ioctl, 1, ioctls, ARRAY_SIZE(ioctls), SECCOMP_RET_ERRNO | ENOTTY);
	add_values(p, SYS_prctl, 0, prctls, ARRAY_SIZE(prctls), SECCOMP_RET_ERRNO | EINVAL);
	add_values(p, SYS_tgkill, 0, &self, 1, SECCOMP_RET_ERRNO | EPERM);
	add_values(p, SYS_kill, 0, &self, 1, SECCOMP_RET_ERRNO | EPERM);
	add_return(p, SECCOMP_RET_ERRNO | ENOSYS);
}

/* Two instructions for each call; fcntl, ioctl and the others need fewer than the rest. */
static_assert(ARRAY_SIZE(allowed) * 2 + 150 < INSTRUCTIONS, "the program has room");

int nbdcalls_filter(void)
{
	struct program p = { .n = 0 };
	struct sock_fprog program = { 0, p.code };

	write_program(&p);
	program.len = p.n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

#else

/* 32-bit calls have other numbers. */
int nbdcalls_filter(void)
{
	errno = ENOSYS;
	return -1;
}

#endif
