// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-nbdserver.c - nothing gets out of the jail of qemu-nbd
 *
 * Tested twice: with qemu-nbd and an image whose header names a file that the jail does not
 * contain, as if the header had changed after busflip checked it; and with this program in
 * place of qemu-nbd, which tries what an image that has taken over qemu-nbd could try
 * (jailbreak.h).
 */

#include "hook/disk/nbdserver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "helper/shared/refusal.h"
#include "hook/host/child.h"
#include "tests/jailbreak.h"
#include "tests/landlockabi.h"

#define QEMU_NBD "/usr/bin/qemu-nbd"

static void run(const char *command)
{
	if (system(command) != 0) {
		ok(false, "%s", command);
		exit(1);
	}
}

/* Is there an image behind it? qemu-nbd opens it before it greets anybody. */
static bool greets(const struct nbdserver *server)
{
	struct pollfd answer = { .fd = server->client, .events = POLLIN };
	char greeting[8];

	return poll(&answer, 1, 20000) == 1 &&
	       read(server->client, greeting, sizeof(greeting)) == sizeof(greeting) &&
	       memcmp(greeting, "NBDMAGIC", sizeof(greeting)) == 0;
}

/* @allowed: the file that is known to belong to @name, or NULL. */
static void opens(const char *name, const char *allowed, bool want, const char *what)
{
	char *link = in_folder("link");
	struct backing backing = { .count = allowed ? 1 : 0, .paths = {
		allowed ? in_folder(allowed) : NULL }, .names = { allowed ? link : NULL } };
	const struct nbdserver_image image = {
		.path = in_folder(name), .format = "qcow2", .backing = &backing,
		.grace_ms = 10000,
	};
	struct nbdserver server;
	struct error err = { 0 };

	if (!ok(nbdserver_start(QEMU_NBD, &image, true, &server, &err) == 0, "%s: starts", what))
		return;
	is_int(greets(&server), want, "%s", what);
	nbdserver_stop(&server, 10000, &err);
	if (!want) {
		nbdserver_explain(&server, name, &err);
		has_str(err.msg, "No such file or directory", "for that reason");
	}
	nbdserver_free(&server);
}

static void test_images(void)
{
	opens("plain.qcow2", NULL, true, "an image alone");
	opens("based.qcow2", "victim", true, "with the base that it may have");
	opens("based.qcow2", NULL, false, "a base that was not looked at");
	opens("based.qcow2", "other", false, "another base than was looked at");
	opens("linked.qcow2", "other", false, "a link to one");
	opens("linked.qcow2", "victim", true, "a link to the one that it may have");
	opens("deep.qcow2", NULL, false, "one behind json:");
	opens("data.qcow2", "other", false, "a data file");
}

/* ---- at its gate ---------------------------------------------------------------- */

/* It is in its jail by then, and has not opened the image. */
static void test_gate(void)
{
	struct backing none = { .count = 0 };
	const struct nbdserver_image image = {
		.path = in_folder("plain.qcow2"), .format = "qcow2", .backing = &none,
		.grace_ms = 10000,
		.live = true, .gated = true,
	};
	struct pollfd answer = { .events = POLLIN };
	struct nbdserver server;
	struct error err = { 0 };

	if (!ok(nbdserver_start(QEMU_NBD, &image, true, &server, &err) == 0, "gated: starts"))
		return;
	answer.fd = server.client;
	is_int(poll(&answer, 1, 300), 0, "gated: answers nobody");
	ok(nbdserver_open_gate(&server, &err) == 0, "its gate is opened");
	ok(greets(&server), "then it answers");
	ok(nbdserver_stop(&server, 10000, &err) == 0, "and ends");
	nbdserver_free(&server);

	if (!ok(nbdserver_start(QEMU_NBD, &image, true, &server, &err) == 0, "gated: starts"))
		return;
	cleanup_close(&server.client);	/* as when the helper has it */
	ok(nbdserver_stop(&server, 10000, &err) == 0, "ends well without having been opened");
	nbdserver_free(&server);
}

/* ---- its socket ------------------------------------------------------------------ */

/* As a busflip leaves it that is killed. */
static char *leave(pid_t owner)
{
	char command[256], *path = in_folder("unused");

	snprintf(path, 64, BUSFLIP_RUNDIR "/nbd-%d.abcdef", (int)owner);
	snprintf(command, sizeof(command), "mkdir -m 700 -p %s && : > %s/socket", path, path);
	run(command);
	return path;
}

static void test_socket(void)
{
	struct backing none = { .count = 0 };
	const struct nbdserver_image image = {
		.path = in_folder("plain.qcow2"), .format = "qcow2", .backing = &none,
		.grace_ms = 10000,
	};
	pid_t gone = fork();
	struct nbdserver server;
	char *left, *used, command[128];
	struct error err = { 0 };
	struct stat st;

	if (gone == 0)
		_exit(0);
	waitpid(gone, NULL, 0);
	left = leave(gone);
	used = leave(getppid());
	ok(nbdserver_start(QEMU_NBD, &image, true, &server, &err) == 0, "its socket: starts");
	is_int(stat(left, &st), -1, "what a busflip left that was killed is gone");
	is_int(stat(used, &st), 0, "what one has that lives is there");
	snprintf(command, sizeof(command), "rm -r %s; ! ls " BUSFLIP_RUNDIR
		 "/nbd-%d.* 2> /dev/null", used, (int)getpid());
	is_int(system(command), 0, "and its own has no name");
	ok(stat(BUSFLIP_RUNDIR, &st) == 0 && (st.st_mode & 07777) == 0700 && st.st_uid == 0,
	   "where only root may enter");
	nbdserver_stop(&server, 10000, &err);
	nbdserver_free(&server);
}

/* ---- in its place --------------------------------------------------------------- */

static char self[4096];

/* It is called as qemu-nbd would be. What it says on stderr is in the log. */
static void break_in_its_place(bool writable, char *said, size_t size)
{
	struct backing backing = { .count = 1, .paths = { in_folder("base") } };
	const struct nbdserver_image image = {
		.path = in_folder("plain.qcow2"), .format = "qcow2", .backing = &backing,
		.grace_ms = 10000,
		.writable = writable,
	};
	struct nbdserver server;
	struct error err = { 0 };
	siginfo_t ended;
	ssize_t n;

	ok(nbdserver_start(self, &image, true, &server, &err) == 0, "another program");
	/* Or it would be told to end. */
	waitid(P_PID, (id_t)server.pid, &ended, WEXITED | WNOWAIT);
	is_int(ended.si_status, 0, "it has come to its end");
	n = pread(server.log, said, size - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	nbdserver_stop(&server, 10000, &err);
	nbdserver_free(&server);
}

/* One that does not end: @grace_ms after it was asked to it is killed, and so are its words
 * cut short. */
static void stays(const char *what, bool writable, int grace_ms, int timeout_ms, int code)
{
	struct backing none = { .count = 0 };
	const struct nbdserver_image image = {
		.path = in_folder("stubborn"), .format = "raw", .backing = &none,
		.writable = writable, .grace_ms = grace_ms,
	};
	struct nbdserver server;
	struct stat st;
	struct error err = { 0 };
	char byte;
	pid_t keeper;

	ok(nbdserver_start(self, &image, true, &server, &err) == 0, "%s: starts", what);
	while (pread(server.log, &byte, 1, LOG_OF_STUBBORN - 1) != 1 || !byte)
		pause_ms(10);
	keeper = server.pid;
	is_int(nbdserver_stop(&server, timeout_ms, &err), -1, "%s: does not end", what);
	is_int(err.code, code, "%s: %s", what, err.msg);
	if (code == ETIMEDOUT) {
		is_int(kill(keeper, 0), 0, "%s: its keeper waits", what);
		is_int(child_wait(keeper, 5000, &(int){ 0 }), 1, "%s: and ends with it", what);
	} else {
		is_int(kill(keeper, 0), -1, "%s: it is gone, and its keeper", what);
	}
	fstat(server.log, &st);
	is_int(st.st_size, 4096, "%s: its log does not grow", what);
	nbdserver_explain(&server, "x", &err);
	ok(strlen(err.msg) < 500 && strstr(err.msg, "x: qemu-nbd said: \"a?[31m?? 'b'  more "),
	   "%s: its words are marked as such, printable and short: %.60s", what, err.msg);
	nbdserver_free(&server);
}

static void test_stubborn(void)
{
	stays("to read", false, 300, 5000, EREMOTEIO);
	stays("to write", true, 1000, 300, ETIMEDOUT);
}

static int listen_at(const char *name, bool abstract)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path + abstract, sizeof(address.sun_path) - 1, "%s", name);
	ok(bind(fd, (struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(name) +
			    !abstract)) == 0 && listen(fd, 4) == 0, "a socket of root");
	return fd;
}

__attribute__((unused))
static void test_in_its_place(void)
{
	int sockets[] = { listen_at(in_folder("sock"), false), listen_at(folder, true) };
	struct stat before[2], after[2];
	char said[4096];

	stat(in_folder("tool"), &before[0]);
	stat(in_folder("plain.qcow2"), &before[1]);
	/* Landlock knows nothing of signals before 6, of shortening files before 3. */
	/* As of a program that has run busflip. */
	ok(dup2(sockets[0], 300) == 300, "a file that is open");
	ok(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	   mount(in_folder("victim"), RELEASE, NULL, MS_BIND, NULL) == 0,
	   "something is mounted below its libraries");
	for (abi_limit = 0; abi_limit < 2; abi_limit++) {
		break_in_its_place(false, said, sizeof(said));
		is_str(said, "reads plain.qcow2\nreads base\n", "it has its files, to read");
		break_in_its_place(true, said, sizeof(said));
		is_str(said, "reads plain.qcow2\nreads base\nwrites plain.qcow2\n",
		       "and to write the one that is for that");
	}
	abi_limit = 0;
	stat(in_folder("tool"), &after[0]);
	stat(in_folder("plain.qcow2"), &after[1]);
	for (size_t i = 0; i < 2; i++)
		ok(before[i].st_mode == after[i].st_mode && before[i].st_uid == after[i].st_uid &&
		   before[i].st_ino == after[i].st_ino, "owner and mode are as before");
	umount(RELEASE);
	close(300);
	close(sockets[0]);
	close(sockets[1]);
}

/* ---- where a layer can't be had ------------------------------------------------------ */

/* As on a kernel, or in a container, without @number. */
static void forbid(unsigned int number)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Return 0: as it should be. */
static int goes_without(const char *what, bool require)
{
	struct backing none = { .count = 0 };
	const struct nbdserver_image image = {
		.path = in_folder("plain.qcow2"), .format = "qcow2", .backing = &none,
		.grace_ms = 10000,
	};
	struct nbdserver server;
	struct error err = { 0 };
	char said[1024] = "";
	bool greeted;

	if (nbdserver_start(QEMU_NBD, &image, require, &server, &err) < 0)
		return 1;
	greeted = greets(&server);
	if (pread(server.notes, said, sizeof(said) - 1, 0) < 0)
		return 2;
	nbdserver_stop(&server, 10000, &err);
	nbdserver_explain(&server, image.path, &err);
	if (greeted == require)
		return 3;
	if (!require)
		return strstr(said, "sandboxed without") && strstr(said, what) ? 0 : 4;
	return err.code == REFUSE_SANDBOX && strstr(err.msg, what) ? 0 : 5;
}

static int in_child_without(unsigned int number, const char *what, bool require)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		forbid(number);
		_exit(goes_without(what, require));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static void test_missing(void)
{
	static const struct {
		unsigned int call;
		const char *what;
	} layers[] = {
		{ SYS_unshare, "namespaces of its own" },
		{ 430 /* fsopen */, "a root of its own" },
		{ SYS_landlock_create_ruleset, "Landlock" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(layers); i++) {
		is_int(in_child_without(layers[i].call, layers[i].what, false), 0,
		       "auto: goes on without %s, and says so", layers[i].what);
		is_int(in_child_without(layers[i].call, layers[i].what, true), 0,
		       "require: refused without %s", layers[i].what);
	}
}

/* ---- qemu-nbd itself -------------------------------------------------------------- */

static bool read_whole(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(text, 1, size - 1, file) : 0;

	text[n] = '\0';
	if (file)
		fclose(file);
	return n > 0;
}

/* The number after @key in /proc/PID/status. */
static unsigned long long status_of(const char *status, const char *key, int base)
{
	const char *line = strstr(status, key);

	return line ? strtoull(line + strlen(key), NULL, base) : ~0ull;
}

static void shares_none(pid_t pid)
{
	static const char *const kinds[] = { "net", "ipc", "uts", "mnt" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char path[64], own[64] = "", its[64] = "";

		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		ok(readlink(path, own, sizeof(own) - 1) > 0, "ours");
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kinds[i]);
		ok(readlink(path, its, sizeof(its) - 1) > 0 && strcmp(own, its) != 0,
		   "its namespace of kind %s is not ours", kinds[i]);
	}
}

/* @mode: of the image; @capabilities: that it has to open it. */
static void look_at_it(mode_t mode, bool writable, unsigned long long capabilities,
		       const char *what)
{
	struct backing none = { .count = 0 };
	const struct nbdserver_image image = {
		.path = in_folder("plain.qcow2"), .format = "qcow2", .backing = &none,
		.grace_ms = 10000,
		.writable = writable,
	};
	char path[64], text[4096];
	struct nbdserver server;
	struct error err = { 0 };
	pid_t pid;

	chmod(image.path, mode);
	if (!ok(nbdserver_start(QEMU_NBD, &image, true, &server, &err) == 0, "%s: starts", what))
		return;
	ok(greets(&server), "%s: opens its image", what);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)server.pid,
		 (int)server.pid);
	read_whole(path, text, sizeof(text));
	pid = (pid_t)strtol(text, NULL, 10);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	ok(read_whole(path, text, sizeof(text)), "%s: its status", what);
	is_int((long long)status_of(text, "\nUid:", 10), 0x7f000000 + pid % (1 << 22),
	       "%s: user", what);
	is_int((long long)status_of(text, "\nGid:", 10), 0x7f000000 + pid % (1 << 22),
	       "%s: group", what);
	is_int((long long)status_of(text, "\nCapEff:", 16), (long long)capabilities,
	       "%s: capabilities", what);
	is_int((long long)status_of(text, "\nCapBnd:", 16), (long long)capabilities,
	       "%s: that could be had", what);
	is_int((long long)status_of(text, "\nNoNewPrivs:", 10), 1, "%s: no new ones", what);
	is_int((long long)status_of(text, "\nSeccomp:", 10), 2, "%s: a filter", what);
	shares_none(pid);
	nbdserver_stop(&server, 10000, &err);
	nbdserver_free(&server);
}

static void test_itself(void)
{
	look_at_it(0600, false, 1 << 2, "to read root's image");
	look_at_it(0600, true, 1 << 1, "to write root's image");
	look_at_it(0444, false, 0, "to read one that all may read");
	look_at_it(0666, true, 0, "to write one that all may write");
	chmod(in_folder("plain.qcow2"), 0600);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strstr(argv[argc - 1], "/stubborn"))
		be_stubborn();
	if (argc > 1)
		return break_out(argv[argc - 1]);
	if (geteuid() != 0)
		skip_all("this test must be run by root, as busflip is");
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1u) < 1)
		skip_all("this kernel has no Landlock");
	if (access(QEMU_NBD, X_OK) < 0)
		skip_all("qemu-nbd is not installed");
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0)
		return 1;
	begin_folder();
	if (chdir(folder) < 0)
		return 1;
	run("qemu-img create -q -f raw victim 1M && cp victim other && cp victim base && "
	    "cp victim tool && cp victim stubborn && chmod 600 *");
	run("qemu-img create -q -f qcow2 plain.qcow2 1M");
	run("qemu-img create -q -f qcow2 -F raw -b $PWD/victim based.qcow2");
	run("ln -s victim link && qemu-img create -q -f qcow2 -F raw -b $PWD/link linked.qcow2");
	run("qemu-img create -q -f qcow2 -F raw -b 'json:{\"driver\":\"raw\",\"file\":"
	    "{\"driver\":\"file\",\"filename\":\"'$PWD'/victim\"}}' deep.qcow2");
	run("qemu-img create -q -f qcow2 -o data_file=$PWD/data,data_file_raw=on data.qcow2 1M");
	test_images();
	test_gate();
	test_socket();
#ifndef __SANITIZE_ADDRESS__	/* which needs more addresses than it may have */
	test_in_its_place();
	test_stubborn();
#endif
	test_missing();
	test_itself();
	end_folder();
	return done_testing();
}
