/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay.h - a fuzzer's checks over files: its seeds, and inputs that once broke something
 */
#ifndef BUSFLIP_TESTS_REPLAY_H
#define BUSFLIP_TESTS_REPLAY_H

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/shared/base.h"
#include "helper/shared/file.h"
#include "tests/tap.h"

/* More than any input that a fuzzer makes. */
#define REPLAY_LIMIT (16u << 20)

typedef void replay_fn(const char *name, const char *bytes, size_t len);

static inline void replay_file(const char *path, replay_fn *replay)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *bytes = NULL, *exact = NULL;
	struct error err = { 0 };
	const char *name = strrchr(path, '/');
	size_t len;

	name = name ? name + 1 : path;
	if (fd < 0 || read_all(fd, REPLAY_LIMIT, &bytes, &len, &err) < 0) {
		ok(false, "%s can be read: %s", path, err.code ? err.msg : strerror(errno));
		return;
	}
	/* No byte more than there are, so that a tool sees who reads on. */
	exact = malloc(len ? len : 1);
	if (!exact) {
		ok(false, "%s: out of memory", name);
		return;
	}
	memcpy(exact, bytes, len);
	replay(name, exact, len);
}

static inline int replay_is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Return: how many files there were. */
static inline int replay_path(const char *path, replay_fn *replay)
{
	struct dirent **entries = NULL;
	struct stat st;
	char inside[PATH_MAX];
	int n, files = 0;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		replay_file(path, replay);
		return 1;
	}
	n = scandir(path, &entries, replay_is_file, alphasort);
	for (int i = 0; i < n; i++) {
		if (str_printf(inside, sizeof(inside), "%s/%s", path, entries[i]->d_name))
			files += replay_path(inside, replay);
		free(entries[i]);
	}
	free(entries);
	return files;
}

/* replay_find() - tests/data/@folder, upwards from the build folder or, when
 * the test is run by hand, from here. */
static inline bool replay_find(const char *folder, char *path, size_t size)
{
	const char *build = getenv("BUSFLIP_BUILD");
	char from[PATH_MAX];

	if (build && *build ? !str_fits(from, sizeof(from), build) :
			      !getcwd(from, sizeof(from)))
		return false;
	for (;;) {
		char *slash = strrchr(from, '/');

		if (!str_printf(path, size, "%s/tests/data/%s", from, folder))
			return false;
		if (access(path, F_OK) == 0)
			return true;
		if (!slash)
			return false;
		*slash = '\0';
	}
}

/* replay_all() - @replay for each file that argv names, or for each in
 * tests/data/@folder. Return: main's exit status. */
static inline int replay_all(int argc, char *argv[], const char *folder, replay_fn *replay)
{
	char path[PATH_MAX];

	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			replay_path(argv[i], replay);
	} else if (ok(replay_find(folder, path, sizeof(path)), "there are seeds")) {
		replay_path(path, replay);
	}
	return done_testing();
}

#endif
