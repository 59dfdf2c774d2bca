// SPDX-License-Identifier: GPL-2.0-or-later
/* test-access.c - may a user access a file: labels, folders, files, the kernel's ACLs */

#include "hook/host/access.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/folder.h"

/* Nobody has it: no group of a user's entry gets in the way. */
static const struct access_user stranger = { 64999, 64999 };

static void make_file(const char *name, mode_t mode)
{
	int fd = open(in_folder(name), O_WRONLY | O_CREAT, 0600);

	ok(fd >= 0 && fchmod(fd, mode) == 0, "file %s", name);
	close(fd);
}

static void asks(const char *name, bool write, enum access_answer answer, const char *where)
{
	struct access_result result;

	access_ask(&stranger, in_folder(name), write, &result);
	is_int(result.answer, answer, "%s, to %s", name, write ? "write" : "read");
	if (where)
		is_str(result.where, *where ? in_folder(where) : folder, "says where");
}

static void parses(const char *label, bool good, unsigned uid, unsigned gid)
{
	struct access_user user = { 1, 1 };

	is_int(access_user_parse(label, &user), good, "label \"%s\"", label);
	if (good) {
		is_int(user.uid, uid, "its user");
		is_int(user.gid, gid, "its group");
	}
}

static void test_labels(void)
{
	parses("+64055:+993", true, 64055, 993);
	parses("64055:993", true, 64055, 993);
	parses("root:root", true, 0, 0);
	parses("root:+7", true, 0, 7);
	parses("root", false, 0, 0);
	parses("+0:+0", true, 0, 0);
	parses("", false, 0, 0);
	parses(":", false, 0, 0);
	parses("+:+", false, 0, 0);
	parses("+root:+root", false, 0, 0);
	parses("+1:", false, 0, 0);
	parses("nobody-of-that-name:root", false, 0, 0);
	parses("-1:-1", false, 0, 0);
	parses("+4294967295:+0", false, 0, 0);
	parses("+99999999999999999999:+0", false, 0, 0);
	parses("+12x:+1", false, 0, 0);
	parses("+64998", false, 0, 0);
}

static void test_files(void)
{
	chmod(folder, 0711);
	make_file("closed", 0600);
	make_file("readable", 0644);
	make_file("open", 0666);
	asks("closed", false, ACCESS_NO_FILE, NULL);
	asks("readable", false, ACCESS_OK, NULL);
	asks("readable", true, ACCESS_NO_FILE, NULL);
	asks("open", true, ACCESS_OK, NULL);
	asks("none", false, ACCESS_MISSING, NULL);
	mkdir(in_folder("a"), 0755);
	mkdir(in_folder("a/b"), 0700);
	mkdir(in_folder("a/b/c"), 0755);
	make_file("a/b/c/d", 0666);
	asks("a/b/c/d", true, ACCESS_NO_FOLDER, "a/b");
	asks("a/b/none", true, ACCESS_NO_FOLDER, "a/b");
	ok(symlink("a/b/c/d", in_folder("link")) == 0, "a link to it");
	asks("link", true, ACCESS_NO_FOLDER, "a/b");
	chmod(in_folder("a/b"), 0711);
	asks("link", true, ACCESS_OK, NULL);
	chmod(folder, 0700);
	asks("open", true, ACCESS_NO_FOLDER, "");
}

/* Some file systems have no such attributes. */
static bool set_attributes(const char *name, int attributes)
{
	/* An int to the kernel, but a long by its number, as valgrind goes by. */
	const int value[2] = { attributes, 0 };
	int fd = open(in_folder(name), O_RDONLY);
	bool set = fd >= 0 && ioctl(fd, FS_IOC_SETFLAGS, value) == 0;

	close(fd);
	return set;
}

static void test_attributes(void)
{
	struct access_result result;

	chmod(folder, 0711);
	if (!set_attributes("open", FS_IMMUTABLE_FL)) {
		skip_one("files have no attributes here");
		return;
	}
	asks("open", true, ACCESS_IMMUTABLE, NULL);
	asks("open", false, ACCESS_OK, NULL);
	access_ask(&(struct access_user){ 0, 0 }, in_folder("open"), true, &result);
	is_int(result.answer, ACCESS_IMMUTABLE, "root may not either");
	ok(result.fixed, "nor give it to somebody");
	set_attributes("open", FS_APPEND_FL);
	asks("open", true, ACCESS_APPEND_ONLY, NULL);
	set_attributes("open", 0);
	asks("open", true, ACCESS_OK, NULL);
	set_attributes("closed", FS_IMMUTABLE_FL);
	asks("closed", false, ACCESS_NO_FILE, NULL);
	set_attributes("closed", 0);
	access_ask(&stranger, in_folder("closed"), false, &result);
	ok(result.answer == ACCESS_NO_FILE && !result.fixed, "an owner that can be changed");
	chmod(folder, 0700);
}

int main(void)
{
	struct access_result result;

	if (geteuid() != 0)
		skip_all("only root can become somebody else");
	begin_folder();
	test_labels();
	test_files();
	test_attributes();
	access_ask(&(struct access_user){ 0, 0 }, in_folder("closed"), true, &result);
	is_int(result.answer, ACCESS_OK, "root may");
	is_int(geteuid(), 0, "and we are who we were");
	end_folder();
	return done_testing();
}
