// SPDX-License-Identifier: GPL-2.0-or-later
/* nbdsocket.c - a listening socket that nobody else can connect to, and a connection to it */

#include "hook/disk/nbdsocket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "helper/shared/file.h"

/* Each socket has a folder of its own: its number is that of the process that made it. */
#define PREFIX "nbd-"	/* the process, a dot, and six characters */
#define SOCKET "socket"

static void sweep(const char *rundir)
{
	DIR *folder = opendir(rundir);
	const struct dirent *entry;
	char path[512];

	while (folder && (entry = readdir(folder))) {
		const char *number = entry->d_name + strlen(PREFIX);
		pid_t pid = strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 ?
			(pid_t)strtol(number, NULL, 10) : 0;

		if (pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH)
			continue;
		if (str_printf(path, sizeof(path), "%s/" SOCKET, entry->d_name))
			unlinkat(dirfd(folder), path, 0);
		unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR);
	}
	if (folder)
		closedir(folder);
}

static int connect_in(const char *folder, int *listener, int *client, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r = -1;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" SOCKET, folder);
	*listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*listener >= 0 &&
	    bind(*listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(*listener, 1) == 0)
		*client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*client >= 0)
		r = connect(*client, (struct sockaddr *)&address, sizeof(address));
	if (r < 0)
		fail_errno(err, "cannot make a socket for qemu-nbd");
	unlink(address.sun_path);
	return r;
}

int nbdsocket_pair(int *listener, int *client, struct error *err)
{
	const char *where = geteuid() == 0 ? BUSFLIP_RUNDIR : "/tmp";
	char folder[80];
	int r;

	*listener = *client = -1;
	if (geteuid() == 0) {
		if (folder_make(where, 0700, err) < 0)
			return -1;
		sweep(where);
	}
	if (!str_printf(folder, sizeof(folder), "%s/" PREFIX "%d.XXXXXX", where, (int)getpid()))
		return fail(err, ENAMETOOLONG, "%s: name too long", where);
	if (!mkdtemp(folder))
		return fail_errno(err, "cannot create a folder in %s", where);
	r = connect_in(folder, listener, client, err);
	rmdir(folder);
	return r;
}
