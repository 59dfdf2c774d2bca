// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * newroot.c - a new root that contains only what is named
 *
 * A tmpfs is mounted over /, reachable only by its descriptor: existing paths still begin below
 * it. It is filled, and becomes the root when it is complete. The calls are those of Linux 5.2
 * and 5.12, which need no intermediate folder to mount on; their numbers and flags are written
 * out because the build host's headers may be older than the kernel that it runs on.
 */

#include "helper/shared/newroot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same on every architecture since Linux 5.1. */
#define CALL_OPEN_TREE 428
#define CALL_MOVE_MOUNT 429
#define CALL_FSOPEN 430
#define CALL_FSCONFIG 431
#define CALL_FSMOUNT 432
#define CALL_MOUNT_SETATTR 442

#define TREE_CLONE 1u
#define TREE_CLOEXEC ((unsigned int)O_CLOEXEC)
#define EMPTY_PATH 0x1000u
#define MOVE_FROM_EMPTY_PATH 4u
#define CONFIG_STRING 1u
#define CONFIG_CREATE 6u
#define ATTR_RDONLY 1u
#define ATTR_NOSUID 2u
#define ATTR_NODEV 4u
#define ATTR_NOEXEC 8u

#define LINKS 40		/* as many as the kernel follows */
#define TREES 16

struct tree {
	int fd;				/* its root, a tmpfs */
	size_t n;
	char bound[TREES][64];		/* folders that exist in it, read-only */
};

static int make_tmpfs(void)
{
	AUTO_FD int fs = (int)syscall(CALL_FSOPEN, "tmpfs", 1u);
	int fd;

	if (fs < 0 || syscall(CALL_FSCONFIG, fs, CONFIG_STRING, "mode", "755", 0) < 0 ||
	    syscall(CALL_FSCONFIG, fs, CONFIG_STRING, "size", "256k", 0) < 0 ||
	    syscall(CALL_FSCONFIG, fs, CONFIG_CREATE, NULL, NULL, 0) < 0)
		return -1;
	fd = (int)syscall(CALL_FSMOUNT, fs, 1u, ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC);
	if (fd >= 0 && syscall(CALL_MOVE_MOUNT, fd, "", AT_FDCWD, "/",
			       MOVE_FROM_EMPTY_PATH) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int set_flags(int fd, unsigned int flags)
{
	const struct {
		uint64_t set, clear, propagation, userns;
	} attr = { flags, 0, MS_PRIVATE, 0 };

	return (int)syscall(CALL_MOUNT_SETATTR, fd, "", EMPTY_PATH, &attr, sizeof(attr));
}

/* Programs and settings: /lib64 of most systems is inside /usr. */
static bool is_there(const struct tree *tree, const char *path)
{
	for (size_t i = 0; i < tree->n; i++) {
		size_t n = strlen(tree->bound[i]);

		if (strncmp(path, tree->bound[i], n) == 0 &&
		    (path[n] == '/' || path[n] == '\0'))
			return true;
	}
	return false;
}

static void remember(struct tree *tree, const char *path)
{
	if (tree->n < TREES && str_fits(tree->bound[tree->n], sizeof(tree->bound[0]), path))
		tree->n++;
}

/* @path has no symbolic link. Of what is mounted below it nothing comes along. */
static int bind_one(struct tree *tree, const char *path, mode_t mode,
		    enum landlock_access access)
{
	AUTO_FD int fd = -1;
	bool writes = access == LANDLOCK_READ_WRITE;

	if (!writes && S_ISDIR(mode) && is_there(tree, path))
		return 0;
	if ((S_ISDIR(mode) ? mkdirat(tree->fd, path + 1, 0755)
			   : mknodat(tree->fd, path + 1, S_IFREG | 0644, 0)) < 0 &&
	    errno != EEXIST)
		return -1;
	fd = (int)syscall(CALL_OPEN_TREE, AT_FDCWD, path, TREE_CLONE | TREE_CLOEXEC);
	if (fd < 0 ||
	    set_flags(fd, ATTR_NOSUID | (writes ? 0 : ATTR_RDONLY) |
		      (S_ISDIR(mode) ? ATTR_NODEV : 0)) < 0 ||
	    syscall(CALL_MOVE_MOUNT, fd, "", tree->fd, path + 1, MOVE_FROM_EMPTY_PATH) < 0)
		return -1;
	if (!writes && S_ISDIR(mode))
		remember(tree, path);
	return 0;
}

/* The target of the link @now, followed by @rest. */
static int follow(struct tree *tree, char *now, const char *rest, char *next, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlink(now, target, sizeof(target) - 1);

	if (n < 0)
		return -1;
	target[n] = '\0';
	if (symlinkat(target, tree->fd, now + 1) < 0 && errno != EEXIST)
		return -1;
	*strrchr(now, '/') = '\0';
	if (str_printf(next, size, "%s%s%s%s%s", *target == '/' ? "" : now,
		       *target == '/' ? "" : "/", target, *rest ? "/" : "", rest))
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* Add each folder on the way to @path, and the file at its end, unless @links only. Return 1:
 * a link, and the way continues in @next. */
static int walk(struct tree *tree, const char *path, bool links,
		enum landlock_access access, char *next, size_t size)
{
	char now[PATH_MAX];
	size_t n = 0;

	for (const char *p = path; *p;) {
		size_t len = strcspn(++p, "/");
		struct stat st;

		if (!len)
			continue;
		if (n + len + 2 > sizeof(now)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		now[n++] = '/';
		memcpy(now + n, p, len);
		now[n += len] = '\0';
		p += len;
		if (lstat(now, &st) < 0)
			return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
		if (S_ISLNK(st.st_mode))
			return follow(tree, now, *p ? p + 1 : p, next, size) < 0 ? -1 : 1;
		if (!*p)
			return links ? 0 : bind_one(tree, now, st.st_mode, access);
		if (mkdirat(tree->fd, now + 1, 0755) < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static int place(struct tree *tree, const char *path, bool links,
		 enum landlock_access access)
{
	char ways[2][PATH_MAX];
	int r = 1;

	if (*path != '/')
		return 0;
	for (int i = 0; r == 1; i++) {
		if (i == LINKS) {
			errno = ELOOP;
			return -1;
		}
		r = walk(tree, i ? ways[i % 2] : path, links, access, ways[(i + 1) % 2],
			 sizeof(ways[0]));
	}
	return r;
}

static int fill(struct tree *tree, const struct landlock_rule *rules, size_t n,
		const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n; i++)
		if (place(tree, rules[i].path, false, rules[i].access) < 0)
			return -1;
	for (size_t i = 0; i < n_names; i++)
		if (names[i] && place(tree, names[i], true, LANDLOCK_READ) < 0)
			return -1;
	return set_flags(tree->fd, ATTR_RDONLY);
}

/* The root of a system that runs from its initramfs, or of a chroot, can't be replaced. Then
 * it remains: without CAP_SYS_CHROOT and without a descriptor of a folder outside, there is no
 * way back. */
static int change_root(const struct tree *tree)
{
	if (fchdir(tree->fd) < 0)
		return -1;
	if (syscall(SYS_pivot_root, ".", ".") == 0)
		return umount2(".", MNT_DETACH) < 0 ? -1 : chdir("/");
	return chroot(".") < 0 ? -1 : chdir("/");
}

int newroot_enter(const struct landlock_rule *rules, size_t n,
		  const char *const *names, size_t n_names)
{
	struct tree tree = { .fd = -1 };
	mode_t mask;
	int r;

	/* Otherwise it would be visible in the parent namespace. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	tree.fd = make_tmpfs();
	if (tree.fd < 0)
		return -1;
	/* The later user must be able to enter it. */
	mask = umask(022);
	r = fill(&tree, rules, n, names, n_names) < 0 ? -1 : change_root(&tree);
	umask(mask);
	cleanup_close(&tree.fd);
	return r;
}
