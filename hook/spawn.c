// SPDX-License-Identifier: GPL-2.0-or-later
/* spawn.c - leave a process behind that outlives the hook */

#include "hook/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Only async-signal-safe calls from here on: this is a forked child. */
static void become_settle(const char *uuid)
{
	char name[] = "busflip", command[] = "settle", id[40];
	char *const args[] = { name, command, id, NULL };
	char *const env[] = { (char[]){ "LC_ALL=C" },
			      (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, NULL };
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || !str_fits(id, sizeof(id), uuid))
		_exit(EXIT_FAILED);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close_range(3, ~0u, 0);
	if (chdir("/") < 0)
		_exit(EXIT_FAILED);
	execve("/proc/self/exe", args, env);
	_exit(EXIT_FAILED);
}

int spawn_settle(const char *uuid, struct error *err)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return fail_errno(err, "cannot start busflip settle");
	if (child == 0) {
		setsid();
		child = fork();
		if (child == 0)
			become_settle(uuid);
		_exit(child < 0 ? EXIT_FAILED : EXIT_DONE);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return fail_errno(err, "cannot start busflip settle");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_DONE)
		return fail(err, EAGAIN, "cannot start busflip settle");
	return 0;
}
