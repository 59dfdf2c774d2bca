// SPDX-License-Identifier: GPL-2.0-or-later
/* baitimage.c - the image of the bait: who may read it, and whether QEMU can lock it */

#include "hook/host/baitimage.h"

#include <errno.h>
#include <time.h>
#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "helper/shared/log.h"
#include "helper/shared/text.h"
#include "hook/domain/domain.h"
#include "hook/host/qemuuser.h"
#include "hook/libvirt/files.h"
#include "hook/phase/bait.h"
#include "hook/state/lock.h"
#include "hook/state/pending.h"

/* A few MiB: some Windows tools fail on smaller disks. */
#define BAIT_SIZE (8u << 20)
/* A larger file was not created by busflip. */
#define BLANK_LIMIT (64u << 20)
#define LOCK_SECONDS 2

/* ---- what is wrong with it ------------------------------------------------- */

/* Return a descriptor, or -1; @err->code ENOENT: it does not exist. */
static int open_image(const char *path, struct stat *st, struct error *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return fail_errno(err, "cannot open the bait disk %s", path);
	if (fstat(fd, st) < 0)
		return fail_errno(err, "cannot stat the bait disk %s", path);
	if (!S_ISREG(st->st_mode))
		return fail(err, EINVAL, "the bait disk %s is not a file", path);
	return steal_fd(&fd);
}

/* From the permission to write, 101, to "nobody else may read", 200. The bytes between are not
 * locked by anybody who only reads, and QEMU may begin to check them. */
static bool is_held(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			   .l_start = 101, .l_len = 100 };

	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static const char *what_is_wrong(int fd, const struct stat *st)
{
	if (!st->st_size)
		return "is empty";
	if (is_held(fd))
		return "is locked by a process that would keep QEMU from using it";
	if (st->st_mode & S_IRWXO)
		return "can be opened by every user of this host, and a user's lock would keep "
		       "QEMU from using it";
	return NULL;
}

static bool is_blank(int fd, const struct stat *st)
{
	char piece[65536];
	ssize_t n = 0;

	for (off_t at = 0; at < st->st_size; at += n) {
		n = st->st_size > BLANK_LIMIT ? -1 : pread(fd, piece, sizeof(piece), at);
		if (n <= 0 || piece[0] || memcmp(piece, piece + 1, (size_t)n - 1) != 0)
			return false;
	}
	return true;
}

static int may_replace(const char *path, int fd, const struct stat *st, const char *wrong,
		       struct error *err)
{
	char name[256];

	if (libvirt_writes_file(path, name, sizeof(name)))
		return fail(err, EEXIST, "the bait disk %s %s, and is left as it is: it is a disk "
			    "of domain %s", path, wrong, name);
	return is_blank(fd, st) ? 0 :
	       fail(err, EEXIST, "the bait disk %s %s, and is left as it is: it holds "
		    "data", path, wrong);
}

bool baitimage_sound(const char *path, struct error *err)
{
	struct stat st = { 0 };
	AUTO_FD int fd = open_image(path, &st, err);
	const char *wrong = fd < 0 ? NULL : what_is_wrong(fd, &st);
	char name[256];

	if (fd >= 0 && !wrong && libvirt_writes_file(path, name, sizeof(name)))
		wrong = "is not only the bait";
	if (wrong && may_replace(path, fd, &st, wrong, err) == 0)
		fail(err, EPERM, "%s %s", path, wrong);
	return !wrong;
}

/* ---- who may read it ------------------------------------------------------- */

/* The format of the kernel's attribute, little-endian (include/uapi/linux/posix_acl_xattr.h). */
#define ACL "system.posix_acl_access"
#define ACL_VERSION 2
#define NOBODY UINT32_MAX
enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, MASK = 0x10, OTHER = 0x20, READ = 4, WRITE = 2 };

struct acl {
	uint32_t version;
	struct {
		uint16_t tag, perm;
		uint32_t id;
	} entries[64];
};

static void acl_put(struct acl *acl, size_t *count, uint16_t tag, uint16_t perm, uint32_t id)
{
	acl->entries[*count].tag = tag;
	acl->entries[*count].perm = perm;
	acl->entries[(*count)++].id = id;
}

/* Return the number of entries; -1: ACLs are not supported. */
static ssize_t acl_read(int fd, struct acl *acl)
{
	ssize_t size = fgetxattr(fd, ACL, acl, sizeof(*acl));

	if (size < 0)
		return errno == ENODATA ? 0 : -1;
	return (size - (ssize_t)sizeof(acl->version)) / (ssize_t)sizeof(acl->entries[0]);
}

static bool acl_has(int fd, const struct stat *st, uid_t uid)
{
	struct acl acl = { 0 };
	ssize_t count = acl_read(fd, &acl);

	/* With a mask, it is stored where the mode has the group. */
	while (count-- > 0)
		if (acl.entries[count].tag == USER && acl.entries[count].id == uid)
			return acl.entries[count].perm & READ && st->st_mode & S_IRGRP;
	return false;
}

/* For root, the users who may read it already, and @uid. */
static int acl_add(int fd, const struct stat *st, uid_t uid)
{
	struct acl old = { 0 }, acl = { .version = ACL_VERSION };
	ssize_t had = acl_read(fd, &old);
	uint16_t group = had ? 0 : (st->st_mode >> 3) & READ;
	size_t count = 0;

	if (had < 0)
		return -1;
	acl_put(&acl, &count, USER_OBJ, READ | WRITE, NOBODY);
	acl_put(&acl, &count, USER, READ, uid);
	for (ssize_t i = 0; i < had && count + 3 < ARRAY_SIZE(acl.entries); i++) {
		if (old.entries[i].tag == USER && old.entries[i].id != uid)
			acl_put(&acl, &count, USER, READ, old.entries[i].id);
		if (old.entries[i].tag == GROUP_OBJ)
			group = old.entries[i].perm & READ;
	}
	acl_put(&acl, &count, GROUP_OBJ, group, NOBODY);
	acl_put(&acl, &count, MASK, READ, NOBODY);
	acl_put(&acl, &count, OTHER, 0, NOBODY);
	return fsetxattr(fd, ACL, &acl,
			 sizeof(acl.version) + count * sizeof(acl.entries[0]), 0);
}

/* On a file system without ACLs: for one group, and if a domain's QEMU is in another one, for
 * everybody. */
static void open_without_acl(int fd, const char *path, const struct access_user *user)
{
	struct stat st = { 0 };

	if (fstat(fd, &st) < 0)
		return;
	if ((!st.st_gid || st.st_gid == user->gid) && fchown(fd, (uid_t)-1, user->gid) == 0 &&
	    fchmod(fd, 0640) == 0)
		return;
	log_msg(LOG_LEVEL_WARNING, "the file system of the bait disk %s has no ACLs, so every user "
		"may read it and, by a lock, keep guests on SATA from starting: set bait in "
		"/etc/busflip.conf to another place", path);
	fchmod(fd, 0644);
}

/* With numbers for users and groups that have no names. */
static int cannot_read(const char *path, const struct access_user *user,
		       const struct access_result *result, struct error *err)
{
	const struct passwd *pw = getpwuid(user->uid);
	bool folder = result->answer == ACCESS_NO_FOLDER;
	char name[64], word[4400];

	if (!pw || !str_fits(name, sizeof(name), pw->pw_name))
		snprintf(name, sizeof(name), "%u", user->uid);
	shell_word(folder ? result->where : path, word, sizeof(word));
	return fail(err, EACCES, "QEMU runs as user %s, which can't read the bait disk %s: setfacl "
		    "-m u:%s:%s %s, or set bait in /etc/busflip.conf to another place",
		    name, path, name, folder ? "x" : "r", word);
}

static bool is_denied(const char *path, const struct access_user *user,
		      struct access_result *result)
{
	access_ask(user, path, false, result);
	return result->answer == ACCESS_NO_FOLDER || result->answer == ACCESS_NO_FILE;
}

static int admit(const char *path, const struct access_user *user, struct error *err)
{
	struct access_result result;
	struct error ignored;
	struct stat st = { 0 };
	AUTO_FD int fd = -1;

	if (!is_denied(path, user, &result) && result.answer != ACCESS_UNKNOWN)
		return 0;
	fd = open_image(path, &st, err);
	if (fd < 0)
		return -1;
	/* A disk that a domain has there must not be opened to other users. */
	if (!acl_has(fd, &st, user->uid) &&
	    may_replace(path, fd, &st, "is", &ignored) == 0 &&
	    acl_add(fd, &st, user->uid) < 0 && errno == EOPNOTSUPP)
		open_without_acl(fd, path, user);
	return is_denied(path, user, &result) ? cannot_read(path, user, &result, err) : 0;
}

/* ---- a new one ------------------------------------------------------------- */

/* Two processes at once would each drop the user whom the other has added. Without the lock
 * that is only less likely. */
static void take_lock(int *lock)
{
	struct error ignored;

	*lock = shared_lock("bait", LOCK_SECONDS, &ignored);
}

static int keep_label(int old, int fd, const char *path, struct error *err)
{
	static const char name[] = "security.selinux";
	char label[256];
	ssize_t size = old < 0 ? -1 : fgetxattr(old, name, label, sizeof(label));

	/* With another label SELinux would not let QEMU read it. */
	if (size > 0 && access("/sys/fs/selinux/enforce", F_OK) == 0 &&
	    fsetxattr(fd, name, label, (size_t)size, 0) < 0)
		return fail_errno(err, "cannot give %s the SELinux label of the old one", path);
	return 0;
}

/* Put it in place of @old, or -1. */
static int make_new(const char *path, int old, const struct stat *st, struct error *err)
{
	struct access_user user;
	struct error ignored;
	char new[4096];
	AUTO_FD int fd = -1;

	if (!str_printf(new, sizeof(new), "%s.busflip-new", path))
		return fail(err, ENAMETOOLONG, "%s: name too long", path);
	unlink(new);
	fd = open(new, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail_errno(err, "cannot create the bait disk %s", path);
	if (ftruncate(fd, old < 0 || !st->st_size ? BAIT_SIZE : st->st_size) < 0) {
		fail_errno(err, "cannot make the bait disk %s", path);
		goto out;
	}
	if (keep_label(old, fd, path, err) < 0)
		goto out;
	if (qemu_user(NULL, NULL, &user))
		admit(new, &user, &ignored);
	if (rename(new, path) == 0)
		return 0;
	fail_errno(err, "cannot move %s into place", new);
out:
	unlink(new);
	return -1;
}

/* If a domain would start anyway, the file is left as it is and a warning logged. */
static int replace(const char *path, int fd, const struct stat *st, struct error *err)
{
	const char *wrong = what_is_wrong(fd, st);
	struct error why;

	if (!wrong || (may_replace(path, fd, st, wrong, &why) == 0 &&
		       make_new(path, fd, st, &why) == 0))
		return 0;
	if (!st->st_size || is_held(fd)) {
		*err = why;
		return -1;
	}
	log_msg(LOG_LEVEL_WARNING, "%s", why.msg);
	return 0;
}

/* Without ACLs, and with more than one group of readers, there is no better mode. */
static bool is_best(int fd, const struct stat *st)
{
	return st->st_gid && fgetxattr(fd, ACL, NULL, 0) < 0 && errno == EOPNOTSUPP &&
	       st->st_size && !is_held(fd);
}

static int ready(const char *path, struct error *err)
{
	struct stat st = { 0 };
	struct error why;
	AUTO_FD int fd = open_image(path, &st, &why);
	AUTO_FD int lock = -1;

	if (fd >= 0 && (!what_is_wrong(fd, &st) || is_best(fd, &st)))
		return 0;
	if (fd >= 0 || why.code == ENOENT) {
		take_lock(&lock);
		cleanup_close(&fd);
		fd = open_image(path, &st, &why);
	}
	if (fd >= 0)
		return replace(path, fd, &st, err);
	if (why.code == ENOENT)
		return make_new(path, -1, NULL, err);
	*err = why;
	return -1;
}

int baitimage_ready(const char *path, struct error *err)
{
	return ready(path, err) == 0 ? 0 :
	       error_suffix(err, "set bait in /etc/busflip.conf to another place");
}

int baitimage_admit(const char *path, const struct access_user *user, struct error *err)
{
	struct access_result result;
	AUTO_FD int lock = -1;

	if (!is_denied(path, user, &result) && result.answer != ACCESS_UNKNOWN)
		return 0;
	take_lock(&lock);
	return admit(path, user, err);
}

bool baitimage_leave_out(const char *path)
{
	struct error err;
	struct stat st = { 0 };
	AUTO_FD int lock = -1, fd = -1;

	take_lock(&lock);
	fd = open_image(path, &st, &err);
	return fd < 0 ? err.code == ENOENT :
	       may_replace(path, fd, &st, "", &err) == 0 && unlink(path) == 0;
}

int qemu_reads_bait(struct virt *virt, const struct domain *domain, const char *path,
		    struct error *err)
{
	struct access_user user;

	return domain_bait(domain) && qemu_user(virt, domain, &user) ?
	       baitimage_admit(path, &user, err) : 0;
}

/* ---- overlays that libvirt has left ---------------------------------------- */

/* An overlay that is just being made is not in any file of libvirt yet. */
#define SWEEP_AGE (10 * 60)

static bool is_overlay(const char *name, const char *stem, size_t stem_len)
{
	const char *seconds = name + stem_len;

	return strncmp(name, stem, stem_len) == 0 && *seconds++ == '.' && *seconds &&
	       seconds[strspn(seconds, "0123456789")] == '\0';
}

void bait_sweep(const char *path)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
	const char *stem = slash ? slash + 1 : path;
	size_t len = dot && dot > stem ? (size_t)(dot - stem) : strlen(stem);
	char file[4096];
	struct dirent *entry;
	struct stat st = { 0 };
	DIR *folder;

	/* libvirt_names_file() searches for the path unescaped. */
	if (!slash || strpbrk(path, "<>&'\"") ||
	    !str_printf(file, sizeof(file), "%.*s", (int)(slash - path + 1), path))
		return;
	folder = opendir(file);
	while (folder && (entry = readdir(folder)))
		if (is_overlay(entry->d_name, stem, len) &&
		    str_printf(file, sizeof(file), "%.*s%s", (int)(slash - path + 1), path,
			       entry->d_name) &&
		    lstat(file, &st) == 0 && S_ISREG(st.st_mode) &&
		    time(NULL) - st.st_mtime > SWEEP_AGE && !libvirt_names_file(file))
			unlink(file);
	if (folder)
		closedir(folder);
}
