// SPDX-License-Identifier: GPL-2.0-or-later
/* mark.c - marks in /run that one hook of a start leaves for the next one */

#include "hook/state/mark.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

void mark_continues(const char *uuid)
{
	char path[512];
	AUTO_FD int fd = -1;

	if (!continues_path(uuid, path, sizeof(path)))
		return;
	mkdir(BUSFLIP_RUNDIR, 0700);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		dprintf(fd, "%lld\n", (long long)uptime_ms());
}

bool mark_is_continuing(const char *uuid)
{
	char path[512], text[32] = "";
	AUTO_FD int fd = -1;
	long long age;

	if (!continues_path(uuid, path, sizeof(path)))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	/* Believe one for whose time there was no space: a guest may have memory to lose. */
	if (read(fd, text, sizeof(text) - 1) <= 0)
		return true;
	age = uptime_ms() - strtoll(text, NULL, 10);
	if (age >= 0 && age < CONTINUES_MS)
		return true;
	unlink(path);
	return false;
}

bool mark_continues_no_more(const char *uuid)
{
	char path[512];

	return continues_path(uuid, path, sizeof(path)) && unlink(path) == 0;
}
