// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * installed.c - is busflip's hook where libvirt runs it from, and does libvirt know?
 *
 * libvirt keeps in mind whether there was any hook for QEMU when it started or got a
 * SIGHUP; when there was none, it runs none (virHookInitialize() and virHookCall() in
 * src/util/virhook.c, daemonReloadHandler() in src/remote/remote_daemon.c, 9.0.0).
 */

#include "hook/host/installed.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "hook/state/session.h"

#define HOOK_LIMIT (8u << 20)
/* conf/setup.sh has reloaded the daemons: when. */
#define RELOADED BUSFLIP_RUNDIR "/reloaded"
#define SECOND INT64_C(1000000000)

/* ---- the hook, and what it runs ----------------------------------------------- */

static char *read_program(const char *path, size_t *len)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *data = NULL;

	if (fd < 0 || read_all(fd, HOOK_LIMIT, &data, len, NULL) < 0)
		return NULL;
	return data;
}

/* As conf/setup.sh tells it: a program with its name in it. */
static bool is_our_hook(const char *path)
{
	size_t len = 0;
	AUTO_FREE char *data = read_program(path, &len);

	return data && access(path, X_OK) == 0 && len > 4 &&
	       memcmp(data, "\x7f" "ELF", 4) == 0 &&
	       memmem(data, len, "busflip-hook", strlen("busflip-hook"));
}

bool hook_is_installed(const char **where)
{
	static const char *const places[] = {
		HOOK_FOLDER "/qemu", HOOK_FOLDER "/qemu.d/50-busflip",
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (!is_our_hook(places[i]))
			continue;
		if (where)
			*where = places[i];
		return true;
	}
	return false;
}

/* It may be another installation's (a package beside install.sh), so it is asked of the
 * hook: the one path in it that ends with this. */
bool hook_can_run(const char *where, char *program, size_t size)
{
	static const char name[] = "/busflip";
	size_t len = 0;
	AUTO_FREE char *data = read_program(where, &len);
	const char *end = data ? memmem(data, len, name, sizeof(name)) : NULL;
	const char *begin = end;

	while (begin && begin > data && isgraph((unsigned char)begin[-1]))
		begin--;
	if (!begin || !str_fits(program, size, begin))
		str_fits(program, size, BUSFLIP_SBINDIR "/busflip");
	return access(program, X_OK) == 0;
}

/* ---- does libvirt know? ------------------------------------------------------- */

static int64_t in_ns(struct timespec time)
{
	return time.tv_sec * SECOND + time.tv_nsec;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return in_ns(now);
}

/* When a process was started, by the clock of today: field 22 of proc(5)'s stat, in ticks
 * since the host came up. A tick later at most. -1: no such process. */
static int64_t started_at(const char *pid)
{
	const int64_t tick = SECOND / sysconf(_SC_CLK_TCK);
	char path[64], text[1024] = "", *field;
	AUTO_FD int fd = -1;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -1;
	/* The second one is its name, with whatever is in it. */
	field = strrchr(text, ')');
	for (int i = 2; field && i < 22; i++)
		field = strchr(field + 1, ' ');
	return field ? clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) +
		       (strtoll(field, NULL, 10) + 1) * tick : -1;
}

/* One of this host, neither of a user's session nor of a container. */
static const char *which_daemon(const char *pid)
{
	static const char *const names[] = { "virtqemud", "libvirtd" };
	char path[64], text[32] = "";
	struct stat st, own;
	AUTO_FD int fd = -1;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != 0 ||
	    read(fd, text, sizeof(text) - 1) <= 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", pid);
	if (stat("/proc/self/ns/mnt", &own) == 0 && stat(path, &st) == 0 &&
	    st.st_ino != own.st_ino)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(text, names[i]) == 0)
			return names[i];
	return NULL;
}

/* The oldest, if there are several. -1: none. */
static int64_t find_daemon(const char **daemon)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	int64_t oldest = -1;

	*daemon = NULL;
	while (folder && (entry = readdir(folder))) {
		const char *name = isdigit((unsigned char)*entry->d_name) ?
				   which_daemon(entry->d_name) : NULL;
		int64_t since = name ? started_at(entry->d_name) : -1;

		if (since < 0 || (oldest >= 0 && oldest <= since))
			continue;
		oldest = since;
		*daemon = name;
	}
	if (folder)
		closedir(folder);
	return oldest;
}

/* When the last hook began a session, as far as that is noted. */
static int64_t last_run(void)
{
	DIR *folder = opendir(SESSION_FOLDER);
	const struct dirent *entry;
	struct session_note note;
	uint64_t newest = 0;

	while (folder && (entry = readdir(folder)))
		if (session_read(entry->d_name, &note) && note.from > newest)
			newest = note.from;
	if (folder)
		closedir(folder);
	return newest ? clock_ns(CLOCK_REALTIME) - (int64_t)(filetime_now() - newest) * 100 : 0;
}

/* Any hook will do, whoever it belongs to. */
static bool any_was_there(int64_t then)
{
	glob_t files = { 0 };
	struct stat st;
	bool found = false;

	glob(HOOK_FOLDER "/qemu", 0, NULL, &files);
	glob(HOOK_FOLDER "/qemu.d/*", GLOB_APPEND, NULL, &files);
	for (size_t i = 0; i < files.gl_pathc && !found; i++)
		found = stat(files.gl_pathv[i], &st) == 0 && S_ISREG(st.st_mode) &&
			(st.st_mode & 0111) && in_ns(st.st_ctim) < then;
	globfree(&files);
	return found;
}

int hook_is_known(const char **daemon)
{
	int64_t looked = find_daemon(daemon), run = last_run();
	struct stat st;

	if (looked < 0)
		return -1;
	if (stat(RELOADED, &st) == 0 && in_ns(st.st_mtim) > looked)
		looked = in_ns(st.st_mtim);
	return any_was_there(run > looked ? run : looked);
}
