// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-sandbox.c - tries everything that must not work inside the sandbox
 *
 * Each attempt runs in its own process, which enters the sandbox first. "Denied" means an
 * error or death by the filter; what is on the list of things that must work must return
 * normally.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "helper/sandbox.h"
#include "helper/shared/log.h"
#include "helper/shared/refusal.h"
#include "tests/landlockabi.h"
#include "tests/passing.h"
#include "tests/tap.h"

static int folder = -1;		/* open, but what is in it isn't */
static int file = -1;		/* "a" in that folder, open */
static int memory = -1;		/* a memory file from before */
static pid_t other;		/* a process of nobody, as others of a host are */

/* true: it worked. */
/* Without a limit on all of them together they would fill the host's memory. */
static bool try_memory_file(void)
{
	return memfd_create("x", MFD_CLOEXEC) >= 0;
}

static bool try_read_passwd(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool try_list_root(void)
{
	return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0;
}

static bool try_write_tmp(void)
{
	return open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) >= 0;
}

static bool try_open_beneath(void)
{
	return openat(folder, "a", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool try_create_beneath(void)
{
	return openat(folder, "b", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static bool try_open_again(void)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return open(path, O_RDWR | O_CLOEXEC) >= 0;
}

static bool try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool try_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

__attribute__((unused))
static bool try_fork(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) > 0;
}

static bool try_exec(void)
{
	char *const argv[] = { NULL };

	return execve("/bin/true", argv, argv) == 0;
}

static bool try_kill_parent(void)
{
	return kill(getppid(), 0) == 0;
}

static bool try_kill_other(void)
{
	return syscall(SYS_tgkill, other, other, 0) == 0;
}

static bool try_tkill_other(void)
{
	return syscall(SYS_tkill, other, 0) == 0;
}

static bool try_signal_owner(void)
{
	return fcntl(file, F_SETOWN, other) == 0;
}

static bool try_signal_owner_ex(void)
{
	const struct f_owner_ex owner = { F_OWNER_PID, other };

	return fcntl(file, F_SETOWN_EX, &owner) == 0;
}

static bool try_signal_number(void)
{
	return fcntl(file, F_SETSIG, SIGKILL) == 0;
}

static bool try_signal_when(void)
{
	return fcntl(file, F_SETFL, O_ASYNC) == 0;
}

static bool try_lease(void)
{
	return fcntl(memory, F_SETLEASE, F_RDLCK) == 0;
}

static bool try_notify(void)
{
	return fcntl(folder, F_NOTIFY, DN_ACCESS) == 0;
}

static bool try_stat(void)
{
	struct stat st;

	return fstatat(AT_FDCWD, "/etc/passwd", &st, 0) == 0;
}

static bool try_statx(void)
{
	struct statx st;

	return statx(AT_FDCWD, "/root", 0, STATX_MODE, &st) == 0;
}

__attribute__((unused))
static bool try_processes(void)
{
	struct statx st;

	return statx(AT_FDCWD, "/proc/1", 0, STATX_MODE, &st) == 0;
}

__attribute__((unused))
static bool try_readlink(void)
{
	char target[256];

	return readlink("/proc/self/exe", target, sizeof(target)) > 0;
}

static bool try_o_path(void)
{
	return open("/etc", O_PATH | O_CLOEXEC) >= 0;
}

static bool try_executable(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0) != MAP_FAILED;
}

static bool try_made_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool try_shared_user(void)
{
	return getuid() == 65534 || getgid() == 65534 || getuid() == 0;
}

static bool try_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool try_root_again(void)
{
	return syscall(SYS_setuid, 0) == 0;
}

static bool try_mount(void)
{
	return syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL) == 0;
}

static bool try_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0) >= 0;
}

static bool try_io_uring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL) >= 0;
}

__attribute__((unused))
static bool try_much_memory(void)
{
	char *p = mmap(NULL, 1ull << 30, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED;
}

static bool try_long_loop(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_CPU, &limit);
	return limit.rlim_max > 60;
}

static bool try_core(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_CORE, &limit);
	return limit.rlim_max > 0;
}

static bool do_read_open(void)
{
	char c;

	return pread(file, &c, 1, 0) == 1 && c == 'x';
}

static bool do_memfd(void)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	return memory >= 0 && ftruncate(memory, 4096) == 0 &&
	       open(path, O_RDWR | O_CLOEXEC) >= 0;
}

static bool do_memory(void)
{
	char *p = malloc(64u << 20), *q;

	if (!p)
		return false;
	memset(p, 1, 64u << 20);
	q = realloc(p, 96u << 20);
	free(q ? q : p);
	return q != NULL;
}

static bool do_own_signal(void)
{
	return syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0) == 0;
}

static bool do_flags(void)
{
	return fcntl(file, F_SETFL, fcntl(file, F_GETFL) | O_NONBLOCK) == 0 &&
	       fcntl(file, F_SETFD, FD_CLOEXEC) == 0;
}

static bool do_log(void)
{
	log_msg(LOG_LEVEL_WARNING, "this doesn't end the helper");
	return true;
}

struct attempt {
	const char *name;
	bool (*run)(void);
	bool needs_landlock;
};

static const struct attempt denied[] = {
	{ "reading /etc/passwd", try_read_passwd, true },
	{ "listing /", try_list_root, true },
	{ "a file in /tmp", try_write_tmp, true },
	{ "a file beneath an open folder", try_open_beneath, true },
	{ "creating one there", try_create_beneath, true },
	{ "opening an open file again, to write", try_open_again, true },
	{ "a memory file more", try_memory_file, false },
	{ "handing a descriptor over", try_send, false }, { "taking one", try_take, false },
	{ "a network socket", try_socket, false },
	{ "a local socket", try_unix_socket, false },
#ifndef __SANITIZE_ADDRESS__	/* which needs them itself */
	{ "a child", try_fork, false },
#endif
	{ "another program", try_exec, false },
	{ "signalling the parent", try_kill_parent, false },
	{ "signalling another process", try_kill_other, false },
	{ "or its thread", try_tkill_other, false },
	{ "being signalled for another, by number", try_signal_owner, false },
	{ "or by kind and number", try_signal_owner_ex, false },
	{ "with a signal of choice", try_signal_number, false },
	{ "when a file is ready", try_signal_when, false },
	{ "or is opened", try_lease, false },
	{ "or a folder is", try_notify, false },
	{ "stat of a file of the host", try_stat, false },
	{ "statx of a folder", try_statx, false },
#ifndef __SANITIZE_ADDRESS__	/* which reads /proc */
	{ "statx of another process", try_processes, false },
	{ "where a link leads", try_readlink, false },
#endif
	{ "a folder without reading it", try_o_path, false },
	{ "memory to execute", try_executable, false },
	{ "memory to execute, by a change", try_made_executable, false },
	{ "a user that others have", try_shared_user, false },
	{ "tracing the parent", try_ptrace, false },
	{ "becoming root", try_root_again, false },
	{ "mounting", try_mount, false },
	{ "bpf", try_bpf, false },
	{ "io_uring", try_io_uring, false },
#ifndef __SANITIZE_ADDRESS__
	{ "a GiB of memory", try_much_memory, false },
#endif
	{ "a minute of processor time", try_long_loop, false },
	{ "a core dump", try_core, false },
};

static const struct attempt works[] = {
	{ "reading a file that is open", do_read_open, false },
	{ "a memory file, opened by path", do_memfd, false },
	{ "memory", do_memory, false },
	{ "a signal to itself", do_own_signal, false },
	{ "flags of a descriptor", do_flags, false },
	{ "a line for the log", do_log, false },
};

/* Exit status of the attempt: 0 worked, 1 an error, 2 no sandbox, 128 + n
 * death by signal n. */
static int attempt(bool (*run)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct error err;

		if (sandbox_enter(false, &err) < 0) {
			printf("# %s\n", err.msg);
			_exit(2);
		}
		_exit(run() ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static bool have_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1u) >= 1;
}

/* As on a kernel without @number: ENOSYS. */
static void forbid(unsigned int number)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int enter_without(unsigned int number, bool require)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct error err = { 0 };

		forbid(number);
		if (sandbox_enter(require, &err) == 0)
			_exit(0);
		_exit(err.code == REFUSE_SANDBOX ? 1 :
		      strstr(err.msg, "sandbox: ") && strstr(err.msg, "; check what confines") ?
		      2 : 3);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static bool make_folder(char *work, char *path, size_t size)
{
	int fd;

	if (!mkdtemp(work) || chmod(work, 0777) < 0)
		return false;
	snprintf(path, size, "%s/a", work);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || fchmod(fd, 0666) < 0 || write(fd, "x", 1) != 1)
		return false;
	close(fd);
	folder = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	file = open(path, O_RDONLY | O_CLOEXEC);
	return folder >= 0 && file >= 0;
}

static void test_denied(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(denied); i++) {
		int r = attempt(denied[i].run);

		if (denied[i].needs_landlock && !have_landlock())
			skip_one("Landlock");
		else
			ok(r == 1 || r == 128 + SIGSYS, "denied%s: %s (%d)",
			   abi_limit ? " by an old kernel" : "", denied[i].name, r);
	}
}

/* Of the user that many programs of a host share. */
static pid_t begin_other(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0)
			pause();
		_exit(1);
	}
	return pid;
}

int main(void)
{
	char work[] = "/tmp/busflip-sandbox.XXXXXX", path[64];

	if (geteuid() != 0)
		skip_all("this test must be run by root, as busflip is");
	memory = memfd_create("before", MFD_CLOEXEC);
	if (!make_folder(work, path, sizeof(path)) || !begin_passing())
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(works); i++) {
		int r = attempt(works[i].run);

		ok(r == 0, "works: %s (%d)", works[i].name, r);
	}
	other = begin_other();
	test_denied();
	/* The first of Landlock, and the last one that leaves signals open. */
	for (abi_limit = 1; abi_limit <= 5; abi_limit += 4)
		test_denied();
	abi_limit = 0;
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	ok(enter_without(SYS_landlock_create_ruleset, true) == 1,
	   "require: refused without Landlock");
	ok(enter_without(SYS_landlock_create_ruleset, false) == 0,
	   "auto: goes on without Landlock");
	ok(enter_without(SYS_unshare, true) == 1,
	   "require: refused without namespaces");
	ok(enter_without(SYS_unshare, false) == 0,
	   "auto: goes on without namespaces");
	ok(enter_without(430 /* fsopen */, true) == 1, "require: refused without a root");
	ok(enter_without(430, false) == 0, "auto: goes on without a root");
	ok(enter_without(SYS_prlimit64, false) == 2,
	   "auto: nothing goes on without limits, and it is said where to look");
	unlink(path);
	rmdir(work);
	return done_testing();
}
