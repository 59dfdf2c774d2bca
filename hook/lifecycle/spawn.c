// SPDX-License-Identifier: GPL-2.0-or-later
/* spawn.c - start a process that outlives the hook */

#include "hook/lifecycle/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Only async-signal-safe calls from here on: this is a forked child. */
static void become(const char *command, const char *uuid, const char *more)
{
	char name[] = "busflip", word[16], id[40], last[16];
	char *const args[] = { name, word, id, *more ? last : NULL, NULL };
	char *const env[] = { (char[]){ "LC_ALL=C" },
			      (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, NULL };
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || !str_fits(id, sizeof(id), uuid) ||
	    !str_fits(word, sizeof(word), command) || !str_fits(last, sizeof(last), more))
		_exit(EXIT_FAILED);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close_range(3, ~0u, 0);
	if (chdir("/") < 0)
		_exit(EXIT_FAILED);
	execve("/proc/self/exe", args, env);
	_exit(EXIT_FAILED);
}

static int spawn(const char *command, const char *uuid, const char *more, struct error *err)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return fail_errno(err, "cannot start busflip %s", command);
	if (child == 0) {
		setsid();
		child = fork();
		if (child == 0)
			become(command, uuid, more);
		_exit(child < 0 ? EXIT_FAILED : EXIT_DONE);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return fail_errno(err, "cannot start busflip %s", command);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_DONE)
		return fail(err, EAGAIN, "cannot start busflip %s", command);
	return 0;
}

int spawn_settle(const char *uuid, struct error *err)
{
	return spawn("settle", uuid, "", err);
}

int spawn_watch(const char *uuid, int id, struct error *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", id);
	return spawn("watch", uuid, text, err);
}
