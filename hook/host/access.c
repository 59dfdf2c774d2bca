// SPDX-License-Identifier: GPL-2.0-or-later
/* access.c - may the user that QEMU runs as use a file? */

#include "hook/host/access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/refusal.h"

/* "+123" is a number, anything else is tried as a name first, then as a number. */
static bool parse_id(const char *text, bool group, unsigned long *id)
{
	const struct passwd *pw = *text == '+' || group ? NULL : getpwnam(text);
	const struct group *gr = *text == '+' || !group ? NULL : getgrnam(text);
	char *end;

	if (pw || gr) {
		*id = pw ? pw->pw_uid : gr->gr_gid;
		return true;
	}
	text += *text == '+';
	errno = 0;
	*id = strtoul(text, &end, 10);
	return !errno && end != text && !*end && *id < UINT32_MAX && *text != '-';
}

bool access_user_parse(const char *label, struct access_user *user)
{
	char name[256], *colon;
	unsigned long uid, gid;

	if (!str_fits(name, sizeof(name), label))
		return false;
	colon = strchr(name, ':');
	if (!colon)
		return false;
	*colon++ = '\0';
	if (!parse_id(name, false, &uid) || !parse_id(colon, true, &gid))
		return false;
	*user = (struct access_user) { .uid = (uid_t)uid, .gid = (gid_t)gid };
	return true;
}

/* With the groups that libvirt gives to QEMU: those of the user's entry. */
static bool become(const struct access_user *user)
{
	const struct passwd *pw;

	if (geteuid() == user->uid && getegid() == user->gid)
		return true;
	pw = getpwuid(user->uid);
	return (pw ? initgroups(pw->pw_name, user->gid) : setgroups(0, NULL)) == 0 &&
	       setresgid(user->gid, user->gid, user->gid) == 0 &&
	       setresuid(user->uid, user->uid, user->uid) == 0;
}

/* Find the first folder on the way to @path that can't be entered; false: none. */
static bool find_barrier(const char *path, char *where, size_t size)
{
	for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
		char folder[PATH_MAX];

		if (!str_printf(folder, sizeof(folder), "%.*s",
				(int)(slash == path ? 1 : slash - path), path))
			return false;
		if (faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) == 0)
			continue;
		return str_fits(where, size, folder);
	}
	return false;
}

static void try_access(const char *path, bool write, struct access_result *result)
{
	int mode = R_OK | (write ? W_OK : 0);
	struct statvfs fs;

	/* Check this first: for a file of another owner the kernel returns EACCES, and
	 * changing the owner would help only if the file could be written at all. */
	if (write && statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY))
		result->answer = ACCESS_READ_ONLY;
	else if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0)
		result->answer = ACCESS_OK;
	else if (errno == ENOENT || errno == ENOTDIR)
		result->answer = ACCESS_MISSING;
	else if (errno != EACCES && errno != EPERM)
		str_fits(result->where, sizeof(result->where), strerror(errno));
	else if (find_barrier(path, result->where, sizeof(result->where)))
		result->answer = ACCESS_NO_FOLDER;
	else
		result->answer = ACCESS_NO_FILE;
}

static void __attribute__((noreturn))
run_asker(int out, const struct access_user *user, const char *path, bool write)
{
	struct access_result result = { .answer = ACCESS_UNKNOWN };

	if (become(user))
		try_access(path, write, &result);
	else
		str_printf(result.where, sizeof(result.where),
			   "only root can become user %u to try it", (unsigned)user->uid);
	_exit(write_all(out, &result, sizeof(result), NULL) < 0);
}

/* Conditions that hold for every user. Whether a file is immutable or append-only is an inode
 * attribute, which most file systems return with statx(2), without opening the file. */
static void look_at_attributes(const char *path, bool write, struct access_result *result)
{
	bool others = result->answer == ACCESS_OK || result->answer == ACCESS_NO_FILE;
	struct statx st;
	struct statvfs fs;

	result->fixed = statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY);
	if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &st) < 0 ||
	    !(st.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)))
		return;
	result->fixed = true;
	if (write && others)
		result->answer = (st.stx_attributes & STATX_ATTR_IMMUTABLE) ? ACCESS_IMMUTABLE :
				 ACCESS_APPEND_ONLY;
}

void access_ask(const struct access_user *user, const char *path, bool write,
		struct access_result *result)
{
	AUTO_FD int in = -1;
	AUTO_FREE char *data = NULL;
	char real[PATH_MAX];
	int fds[2];
	size_t len;
	pid_t pid;

	*result = (struct access_result){ .answer = ACCESS_UNKNOWN };
	/* Folders behind a symbolic link are on the way, too. */
	if (realpath(path, real))
		path = real;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	in = fds[0];
	pid = fork();
	if (pid == 0)
		run_asker(fds[1], user, path, write);
	close(fds[1]);
	if (pid < 0)
		return;
	if (read_all(in, sizeof(*result) + 1, &data, &len, NULL) == 0 &&
	    len == sizeof(*result))
		memcpy(result, data, len);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	look_at_attributes(path, write, result);
}

int access_check(const struct access_user *user, const char *path, bool write,
		 struct error *err)
{
	struct access_result result = { .answer = ACCESS_UNKNOWN };

	if (user)
		access_ask(user, path, write, &result);
	if (result.answer == ACCESS_OK)
		return 0;
	return fail(err, REFUSE_READ_ONLY, "%s: libvirt does not give it to QEMU's user "
		    "(dynamic_ownership = 0, or relabel='no'), who may not %s it by himself, so "
		    "busflip does not: if it is the guest's, chown it to that user", path,
		    write ? "write" : "read");
}
