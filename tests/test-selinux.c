// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-selinux.c - which labels a process with another label may access
 *
 * SELinux does not run here. A folder with the same files replaces its file system, and a
 * terminal replaces the file for access queries: a process of this test behind it reads and
 * writes what sel_write_access() in security/selinux/selinuxfs.c of Linux 6.1 does. The
 * labels are real extended attributes of files.
 */

#include "hook/checkup/selinux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

#include "tests/folder.h"

#define QEMU "system_u:system_r:svirt_t:s0"
#define LABEL(type) "system_u:object_r:" type ":s0"

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(in_folder(name), "w");

	if (!ok(file && fputs(text, file) >= 0 && fclose(file) == 0, "file %s", name))
		exit(1);
}

static void make_folder(const char *name)
{
	if (mkdir(in_folder(name), 0755) < 0)
		exit(1);
}

static void put_label(const char *name, const char *label)
{
	if (setxattr(in_folder(name), "security.selinux", label, strlen(label) + 1, 0) < 0)
		ok(false, "label of %s: %s", name, strerror(errno));
}

/* The policy: class 6 is file, with read 2, write 3, open 18; 7 is dir, search 5. */
static const struct rule {
	const char *question, *answer;
} rules[] = {
	{ QEMU " " LABEL("svirt_image_t") " 6", "20006 ffffffff 0 ffffffff 9 0" },
	{ QEMU " " LABEL("virt_content_t") " 6", "20002 ffffffff 0 ffffffff 9 0" },
	{ QEMU " " LABEL("no_open_t") " 6", "2 ffffffff 0 ffffffff 9 0" },
	{ QEMU " " LABEL("home_t") " 7", "2 ffffffff 0 ffffffff 9 0" },
	{ QEMU " " LABEL("dir_t") " 7", "12 ffffffff 0 ffffffff 9 0" },
	{ QEMU " " LABEL("old_t") " 6", "20002 ffffffff 0 ffffffff 9" },
	{ QEMU " " LABEL("broken_t") " 6", "x" },
	{ "permissive " LABEL("home_t") " 6", "0 ffffffff 0 ffffffff 9 1" },
};

static void __attribute__((noreturn)) run_kernel(int master)
{
	char question[2048];

	for (;;) {
		ssize_t n = read(master, question, sizeof(question) - 1);
		const char *answer;

		if (n < 0 && errno == EIO)
			continue;	/* nobody has it open */
		if (n <= 0)
			_exit(1);
		question[n] = '\0';
		/* Folders above those of this test have labels where SELinux runs. */
		answer = question[n - 1] == '7' ? "ffffffff ffffffff 0 ffffffff 9 0" :
			 "0 ffffffff 0 ffffffff 9 0";
		for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
			if (strcmp(question, rules[i].question) == 0)
				answer = rules[i].answer;
		if (write(master, answer, strlen(answer)) < 0)
			_exit(1);
	}
}

static pid_t start_kernel(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct termios raw;
	pid_t pid;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		return -1;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (slave < 0 || tcgetattr(slave, &raw) < 0)
		return -1;
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	if (symlink(ptsname(master), in_folder("access")) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		run_kernel(master);	/* with the slave open, so that it stays raw */
	return pid;
}

static void make_policy(void)
{
	static const char *const folders[] = {
		"class", "class/file", "class/file/perms", "class/dir", "class/dir/perms",
	};

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		make_folder(folders[i]);
	write_file("class/file/index", "6");
	write_file("class/file/perms/read", "2");
	write_file("class/file/perms/write", "3");
	write_file("class/file/perms/open", "18");
	write_file("class/dir/index", "7");
	write_file("class/dir/perms/search", "5");
}

static void allows(const char *type, const char *class, const char *permission, int want)
{
	const char *const permissions[] = { "open", permission, NULL };
	char label[256];

	snprintf(label, sizeof(label), "system_u:object_r:%s:s0", type);
	is_int(selinux_allows(folder, QEMU, label, class, permissions), want, "%s: %s %s", type,
	       permission, class);
}

static void test_questions(void)
{
	static const char *const search[] = { "search", NULL }, *const reading[] = { "read", NULL };

	allows("svirt_image_t", "file", "read", 1);
	allows("svirt_image_t", "file", "write", 1);
	allows("virt_content_t", "file", "read", 1);
	allows("virt_content_t", "file", "write", 0);
	allows("no_open_t", "file", "read", 0);
	allows("home_t", "file", "read", 0);
	allows("old_t", "file", "read", 1);
	allows("broken_t", "file", "read", -1);
	allows("svirt_image_t", "file", "none", -1);
	allows("svirt_image_t", "socket", "read", -1);
	is_int(selinux_allows(folder, QEMU, LABEL("dir_t"), "dir", search), 1, "a folder");
	is_int(selinux_allows(folder, QEMU, LABEL("home_t"), "dir", search), 0, "to be read only");
	is_int(selinux_allows(folder, "permissive", LABEL("home_t"), "file", reading), 1,
	       "a domain that is permissive");
	is_int(selinux_allows("/nonexistent", QEMU, LABEL("home_t"), "file", reading), -1,
	       "no SELinux");
}

static void way(const char *name, bool file, bool write, int want, const char *where)
{
	struct selinux_barrier barrier = { .path = "" };
	char real[4096], path[4096];

	snprintf(path, sizeof(path), "%s", in_folder(name));
	is_int(selinux_way(folder, QEMU, path, file, write, &barrier), want, "%s, %s %s", name,
	       file ? "with its label," : "relabelled,", write ? "to write" : "to read");
	if (where && realpath(in_folder(where), real)) {
		is_str(barrier.path, real, "says where");
		ok(strstr(barrier.label, "_t:s0"), "and its label");
		is_int(barrier.folder, strcmp(name, where) != 0, "and what it is");
	}
}

static void test_way(void)
{
	make_folder("home");
	make_folder("home/images");
	write_file("home/images/a", "x");
	put_label("home/images", LABEL("dir_t"));
	put_label("home/images/a", LABEL("virt_content_t"));
	put_label("home", LABEL("home_t"));
	way("home/images/a", false, true, 0, "home");
	put_label("home", LABEL("dir_t"));
	way("home/images/a", true, true, 0, "home/images/a");
	way("home/none", true, true, -1, NULL);
	put_label("home/images", LABEL("home_t"));
	way("home/images/a", true, false, 0, "home/images");
}

static void test_labels(void)
{
	char label[SELINUX_LABEL];

	write_file("plain", "x");
	ok(!selinux_label(in_folder("none"), label), "no such file");
	put_label("plain", LABEL("home_t"));
	ok(selinux_label(in_folder("plain"), label), "a label");
	is_str(label, LABEL("home_t"), "as it is");
	put_label("plain", "two words");
	ok(!selinux_label(in_folder("plain"), label), "not one that would be two words");
	write_file("enforce", "1");
	ok(selinux_enforces(folder), "enforcing");
	write_file("enforce", "0");
	ok(!selinux_enforces(folder), "permissive");
	ok(selinux_enforces("/nonexistent"), "where it is not told, as if it were enforcing");
}

int main(void)
{
	const char *label = LABEL("dir_t");
	pid_t kernel;

	begin_folder();
	if (setxattr(folder, "security.selinux", label, strlen(label) + 1, 0) < 0) {
		rmdir(folder);
		skip_all("labels can't be written here");
	}
	make_policy();
	kernel = start_kernel();
	ok(kernel > 0, "a kernel to ask");
	test_labels();
	test_questions();
	test_way();
	kill(kernel, SIGKILL);
	waitpid(kernel, NULL, 0);
	end_folder();
	return done_testing();
}
