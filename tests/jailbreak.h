/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jailbreak.h - in place of qemu-nbd: the worst that a process can try
 *
 * Each attempt reports whether it worked. An attempt that worked is reported on stderr, by
 * its name.
 */
#ifndef BUSFLIP_TESTS_JAILBREAK_H
#define BUSFLIP_TESTS_JAILBREAK_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/capability.h>

#include "tests/folder.h"

static bool as_mode_of_a_program(void)
{
	return chmod(in_folder("tool"), 04755) == 0 ||
	       fchmodat(AT_FDCWD, in_folder("tool"), 04755, 0) == 0;
}

static bool as_mode_of_the_image(void)
{
	int fd = open(in_folder("plain.qcow2"), O_RDONLY | O_CLOEXEC);

	return chmod(in_folder("plain.qcow2"), 04755) == 0 || fchmod(fd, 04755) == 0;
}

static bool as_owner_of_a_program(void)
{
	return chown(in_folder("tool"), 1, 1) == 0 || lchown(in_folder("tool"), 1, 1) == 0;
}

static bool as_owner_of_the_image(void)
{
	return chown(in_folder("plain.qcow2"), 1, 1) == 0;
}

static bool as_xattr(void)
{
	return setxattr(in_folder("tool"), "trusted.x", "1", 1, 0) == 0 ||
	       setxattr(in_folder("plain.qcow2"), "trusted.x", "1", 1, 0) == 0;
}

static bool connects(const char *name, bool abstract)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path + abstract, sizeof(address.sun_path) - 1, "%s", name);
	return fd >= 0 && connect(fd, (struct sockaddr *)&address,
				  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract +
					      strlen(name) + !abstract)) == 0;
}

static bool as_connect(void)
{
	return connects(in_folder("sock"), false);
}

static bool as_connect_abstract(void)
{
	return connects(folder, true);
}

static bool as_packets(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

static bool as_tcp(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool as_bpf(void)
{
	/* An array with one element. */
	const uint32_t attr[16] = { 2, 4, 4, 1 };

	return syscall(SYS_bpf, 0, attr, sizeof(attr)) >= 0;
}

static bool as_unshare(void)
{
	return unshare(CLONE_NEWUSER) == 0 || unshare(CLONE_NEWUTS) == 0;
}

static bool as_pidfd(void)
{
	return syscall(SYS_pidfd_open, getppid(), 0) >= 0;
}

static bool as_setns(void)
{
	return setns((int)syscall(SYS_pidfd_open, getppid(), 0), CLONE_NEWUTS) == 0;
}

static bool as_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ||
	       ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) == 0;
}

static bool as_kill(void)
{
	return kill(getppid(), 0) == 0 ||
	       syscall(SYS_tgkill, getppid(), getppid(), 0) == 0 ||
	       syscall(SYS_tkill, getppid(), 0) == 0;
}

static bool as_signal_of_a_file(void)
{
	return fcntl(2, F_SETOWN, getppid()) == 0 || fcntl(3, F_SETSIG, SIGKILL) == 0 ||
	       fcntl(3, F_SETFL, O_ASYNC) == 0;
}

static bool as_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool as_outliving(void)
{
	return prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) == 0;
}

static bool as_mount(void)
{
	return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0 ||
	       mount("x", "/usr", "tmpfs", 0, NULL) == 0 ||
	       syscall(430 /* fsopen */, "tmpfs", 0) >= 0;
}

static bool as_keys(void)
{
	return syscall(SYS_add_key, "user", "x", "y", 1, -2) >= 0 ||
	       syscall(SYS_keyctl, 0, -2, 1) >= 0;
}

static bool as_perf(void)
{
	/* A software clock of itself. */
	const uint32_t attr[32] = { 1, sizeof(attr) };

	return syscall(SYS_perf_event_open, attr, 0, -1, -1, 0) >= 0;
}

static bool as_module(void)
{
	return syscall(SYS_init_module, "", 0, "") == 0 || errno == ENOEXEC;
}

static bool as_io_uring(void)
{
	uint8_t parameters[256] = { 0 };

	return syscall(SYS_io_uring_setup, 1, parameters) >= 0;
}

static bool as_userfaultfd(void)
{
	return syscall(SYS_userfaultfd, O_CLOEXEC) >= 0 || syscall(SYS_userfaultfd, 1) >= 0;
}

static bool as_handle(void)
{
	return syscall(SYS_open_by_handle_at, AT_FDCWD, "", 0) >= 0 || errno != ENOSYS;
}

static bool as_stat(void)
{
	struct stat st;

	return stat("/etc/passwd", &st) == 0 || stat("/var/lib", &st) == 0 ||
	       stat(in_folder("victim"), &st) == 0 ||
	       open("/var/lib", O_PATH | O_CLOEXEC) >= 0;
}

static bool as_links(void)
{
	char target[256];

	return readlink("/proc/self/exe", target, sizeof(target)) > 0;
}

static bool as_name(void)
{
	return link(in_folder("plain.qcow2"), in_folder("new")) == 0 ||
	       unlink(in_folder("plain.qcow2")) == 0 || mkdir(in_folder("new"), 0700) == 0 ||
	       rename(in_folder("plain.qcow2"), in_folder("new")) == 0 ||
	       symlink("x", "/new") == 0;
}

static bool as_root(void)
{
	return getuid() == 0 || geteuid() == 0 || getgid() == 0 || setuid(0) == 0;
}

static bool as_nobody(void)
{
	return getuid() == 65534 || getgid() == 65534;
}

static bool as_groups(void)
{
	return getgroups(0, NULL) != 0;
}

/* "more capabilities": than to open files of others. */
static bool as_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	return data[0].permitted & ~((1u << CAP_DAC_OVERRIDE) | (1u << CAP_DAC_READ_SEARCH)) ||
	       data[1].permitted;
}

static bool as_memory(void)
{
	return mmap(NULL, 3ull << 30, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

static bool is_above(__rlimit_resource_t resource, rlim_t most)
{
	struct rlimit now, more = { RLIM_INFINITY, RLIM_INFINITY };

	return setrlimit(resource, &more) == 0 || getrlimit(resource, &now) < 0 ||
	       now.rlim_max > most;
}

static bool as_limits(void)
{
	return is_above(RLIMIT_CPU, 300) || is_above(RLIMIT_NOFILE, 1024) ||
	       is_above(RLIMIT_CORE, 0) || is_above(RLIMIT_AS, 4ull << 30);
}

static bool as_device(void)
{
	return open("/dev/zero", O_RDONLY | O_CLOEXEC) >= 0 ||
	       syscall(SYS_mknodat, AT_FDCWD, "/zero", S_IFCHR | 0666, 0x105) == 0 ||
	       syscall(SYS_mknodat, AT_FDCWD, in_folder("zero"), S_IFCHR | 0666, 0x105) == 0;
}

static bool as_file_of_the_caller(void)
{
	/* 3 is its socket. */
	for (int fd = 4; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return true;
	return false;
}

/* On every system, and in the jail. */
#define RELEASE "/usr/lib/os-release"

/* Zeros are mounted over it. */
static bool as_mounted_file(void)
{
	int fd = open(RELEASE, O_RDONLY | O_CLOEXEC);
	char byte = 'x';

	return fd < 0 || read(fd, &byte, 1) != 1 || !byte;
}

static const struct {
	const char *name;
	bool (*works)(void);
} attempts[] = {
	{ "a file of who started busflip", as_file_of_the_caller },	/* the others open some */
	{ "the mode of a program", as_mode_of_a_program },
	{ "the mode of the image", as_mode_of_the_image },
	{ "the owner of a program", as_owner_of_a_program },
	{ "the owner of the image", as_owner_of_the_image },
	{ "extended attributes", as_xattr },
	{ "connect", as_connect }, { "connect, abstract", as_connect_abstract },
	{ "packets", as_packets }, { "TCP", as_tcp }, { "bpf", as_bpf },
	{ "unshare", as_unshare }, { "pidfd", as_pidfd }, { "setns", as_setns },
	{ "ptrace", as_ptrace }, { "kill", as_kill },
	{ "signals of a file", as_signal_of_a_file }, { "a child", as_child },
	{ "outliving its parent", as_outliving }, { "mount", as_mount },
	{ "keys", as_keys }, { "perf", as_perf }, { "a module", as_module },
	{ "io_uring", as_io_uring }, { "userfaultfd", as_userfaultfd },
	{ "a handle", as_handle }, { "stat", as_stat }, { "readlink", as_links },
	{ "names of files", as_name }, { "a device", as_device }, { "root", as_root },
	{ "user nobody", as_nobody }, { "groups", as_groups },
	{ "more capabilities", as_capabilities }, { "3 GiB", as_memory },
	{ "limits", as_limits },
	{ "what is mounted below its libraries", as_mounted_file },
};

static void try_file(const char *path, const char *name, int flags, const char *does)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	close(fd);
	dprintf(2, "%s %s\n", does, name);
}

#define LOG_OF_STUBBORN 4096

/* It wants to stay, and to fill the host's memory with what it says. */
static void __attribute__((noreturn, unused)) be_stubborn(void)
{
	for (int i = 1; i < 32; i++)
		signal(i, SIG_IGN);
	dprintf(2, "a\033[31m\xc2\x9b \"b\" \n");
	for (int i = 0; i < 4096; i++)
		dprintf(2, "more\n");
	for (;;)
		pause();
}

/* In the place of qemu-nbd, in the folder of the image. */
static int break_out(const char *image)
{
	static const char *const files[] = { "plain.qcow2", "base", "victim", "tool", "new" };
	static const char *const others[] = {
		"/etc/passwd", "/proc/self/environ", "/dev/mem", "/root", "/etc", "/tmp",
		"/home", "/proc", "/sys", "/usr", "/usr/local", "/usr/share", "/usr/bin",
		"/usr/sbin", "/usr/local/lib", "/usr/bin/env",
	};

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(image, '/') - image), image);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		try_file(in_folder(files[i]), files[i], O_RDONLY, "reads");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		try_file(others[i], others[i], O_RDONLY, "reads");
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		try_file(in_folder(files[i]), files[i], O_WRONLY, "writes");
	try_file("/usr/bin/env", "env", O_WRONLY, "writes");
	try_file("/usr/new", "/usr/new", O_WRONLY | O_CREAT, "makes");
	try_file("/new", "/new", O_WRONLY | O_CREAT, "makes");
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
		errno = 0;
		if (attempts[i].works())
			dprintf(2, "%s\n", attempts[i].name);
	}
	return 0;
}

#endif
