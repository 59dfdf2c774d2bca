// SPDX-License-Identifier: GPL-2.0-or-later
/* mark.c - marks in /run that one hook of a start leaves for the next one */

#include "hook/state/mark.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/uuid.h"

static void preparing_path(int front, char *path, size_t size)
{
	snprintf(path, size, BUSFLIP_RUNDIR "/%d.preparing", front);
}

void mark_preparing(int front)
{
	char path[512];
	int fd;

	mkdir(BUSFLIP_RUNDIR, 0700);
	preparing_path(front, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	cleanup_close(&fd);
}

bool mark_was_preparing(int front)
{
	char path[512];

	preparing_path(front, path, sizeof(path));
	return unlink(path) == 0;
}

/* A mark of an earlier start that failed soon is out of date. */
#define CONTINUES_MS 120000

static bool continues_path(const char *uuid, char *path, size_t size)
{
	return uuid_ok(uuid) && str_printf(path, size, BUSFLIP_RUNDIR "/%s.continues", uuid);
}

int mark_continues(const char *uuid)
{
	char path[512], at[24];
	AUTO_FD int fd = -1;

	if (!continues_path(uuid, path, sizeof(path)))
		return -1;
	mkdir(BUSFLIP_RUNDIR, 0700);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	snprintf(at, sizeof(at), "%lld", (long long)uptime_ms());
	return fd < 0 ? -1 : write_all(fd, at, strlen(at), NULL);
}

/* Of a mark without a time it is not known that it is out of date. */
static bool is_recent(const char *at)
{
	char *end;
	long long age = uptime_ms() - strtoll(at, &end, 10);

	return end == at || *end || (age >= 0 && age < CONTINUES_MS);
}

bool mark_is_continuing(const char *uuid)
{
	char path[512], at[24] = "";
	AUTO_FD int fd = -1;

	if (continues_path(uuid, path, sizeof(path)))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || read(fd, at, sizeof(at) - 1) < 0)
		return fd >= 0;
	return is_recent(at);
}

void mark_continues_no_more(const char *uuid)
{
	char path[512];

	if (continues_path(uuid, path, sizeof(path)))
		unlink(path);
}
