// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-nbdserver.c - what gets out of the jail of qemu-nbd: nothing
 *
 * Twice: with qemu-nbd and an image whose header names a file that it was not let have,
 * as if the header had changed after it was looked at; and with a shell in its place,
 * which tries what a qemu-nbd could that an image has taken over.
 */

#include "hook/nbdserver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/folder.h"

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
	struct pollfd answer = { .fd = server->clients[0], .events = POLLIN };
	char greeting[8];

	return poll(&answer, 1, 20000) == 1 &&
	       read(server->clients[0], greeting, sizeof(greeting)) == sizeof(greeting) &&
	       memcmp(greeting, "NBDMAGIC", sizeof(greeting)) == 0;
}

/* @allowed: the file that is known to belong to @name, or NULL. */
static void opens(const char *name, const char *allowed, bool want, const char *what)
{
	struct backing backing = { .count = allowed ? 1 : 0, .paths = {
		allowed ? in_folder(allowed) : NULL } };
	const struct nbdserver_image image = {
		.path = in_folder(name), .format = "qcow2", .backing = &backing, .clients = 1,
	};
	struct nbdserver server;
	struct error err = { 0 };

	if (!ok(nbdserver_start(QEMU_NBD, &image, true, &server, &err) == 0, "%s: starts", what))
		return;
	is_int(greets(&server), want, "%s", what);
	nbdserver_stop(&server, 10000, &err);
	if (!want) {
		nbdserver_explain(&server, name, &err);
		has_str(err.msg, "Permission denied", "for that reason");
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
	opens("deep.qcow2", NULL, false, "one behind json:");
	opens("data.qcow2", "other", false, "a data file");
}

/* It is called as "sh -e 2 ...", and 2 is a file in this folder that it may read. What it
 * says on stderr is in the log. */
static void try_as_shell(bool writable, char *said, size_t size)
{
	struct backing backing = { .count = 2, .paths = { in_folder("2"), in_folder("base") } };
	const struct nbdserver_image image = {
		.path = in_folder("plain.qcow2"), .format = "qcow2", .backing = &backing,
		.writable = writable, .clients = 1,
	};
	struct nbdserver server;
	struct error err = { 0 };
	siginfo_t ended;
	ssize_t n;

	ok(nbdserver_start("/bin/sh", &image, true, &server, &err) == 0, "a shell in its place");
	/* Or it would be told to end. */
	waitid(P_PID, (id_t)server.pid, &ended, WEXITED | WNOWAIT);
	nbdserver_stop(&server, 10000, &err);
	n = pread(server.log, said, size - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	nbdserver_free(&server);
}

static void write_script(void)
{
	FILE *file = fopen(in_folder("2"), "w");

	fprintf(file,
		"for f in plain.qcow2 base victim /etc/passwd /proc/self/environ /dev/zero; do\n"
		"	if ( : < $f ) 2> /dev/null; then echo \"reads $f\" >&2; fi\n"
		"done\n"
		"for f in plain.qcow2 base 2 victim new /dev/zero; do\n"
		"	if ( : >> $f ) 2> /dev/null; then echo \"writes $f\" >&2; fi\n"
		"done\n"
		"if ( /usr/bin/env -i /usr/bin/true ) 2> /dev/null; then echo 'runs true' >&2; fi\n"
		"for d in . /root /etc /tmp /home; do\n"
		"	set -- $d/*\n"
		"	if [ \"$1\" != \"$d/*\" ]; then echo \"lists $d\" >&2; fi\n"
		"done\n");
	ok(file && fclose(file) == 0, "a script");
}

static void test_shell(void)
{
	char said[4096];

	write_script();
	/* Programs are in /usr, as its own is; they have no more than it has. */
	try_as_shell(false, said, sizeof(said));
	is_str(said, "reads plain.qcow2\nreads base\nruns true\n", "it has its files, to read");
	try_as_shell(true, said, sizeof(said));
	is_str(said, "reads plain.qcow2\nreads base\nwrites plain.qcow2\nruns true\n",
	       "and to write the one that is for that");
}

int main(void)
{
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1u) < 1)
		skip_all("this kernel has no Landlock");
	if (access(QEMU_NBD, X_OK) < 0)
		skip_all("qemu-nbd is not installed");
	begin_folder();
	if (chdir(folder) < 0)
		return 1;
	run("qemu-img create -q -f raw victim 1M && cp victim other && cp victim base");
	run("qemu-img create -q -f qcow2 plain.qcow2 1M");
	run("qemu-img create -q -f qcow2 -F raw -b $PWD/victim based.qcow2");
	run("ln -s victim link && qemu-img create -q -f qcow2 -F raw -b $PWD/link linked.qcow2");
	run("qemu-img create -q -f qcow2 -F raw -b 'json:{\"driver\":\"raw\",\"file\":"
	    "{\"driver\":\"file\",\"filename\":\"'$PWD'/victim\"}}' deep.qcow2");
	run("qemu-img create -q -f qcow2 -o data_file=$PWD/data,data_file_raw=on data.qcow2 1M");
	test_images();
	test_shell();
	end_folder();
	return done_testing();
}
