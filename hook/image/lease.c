// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lease.c - the lease of libvirt's lock manager, while an image is written
 *
 * virtlockd ("lockd") locks byte 0 of a file with fcntl(): of the image itself, or with
 * file_lockspace_dir of a file there whose name is the SHA-256 of the path in the definition.
 * It removes that file before it releases the lock, so after locking it must be checked that
 * the file still has that name. With lvm_lockspace_dir and scsi_lockspace_dir the name is the
 * output of lvs(8) and scsi_id(8), and without auto_disk_leases it is in the definition;
 * busflip can't take these leases, nor those of sanlock. Source:
 * virLockManagerLockDaemonAddResource() in src/locking/lock_driver_lockd.c and
 * virLockSpaceResourceNew() in src/util/virlockspace.c, libvirt 9.0.0 and 11.3.0.
 */

#include "hook/image/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "helper/shared/refusal.h"
#include "helper/shared/text.h"
#include "hook/libvirt/libvirtconf.h"
#include "hook/recovery/sha256.h"

#define QEMU_CONF "qemu.conf"
#define LOCKD_CONF "qemu-lockd.conf"
#define CONF_FOLDER BUSFLIP_SYSCONFDIR "/libvirt/"

#define WAIT_MS 2000
#define WAIT_STEP_MS 20
/* How often to retry while others create and remove the lockspace file. */
#define ATTEMPTS 100

#ifndef F2FS_SUPER_MAGIC
#define F2FS_SUPER_MAGIC 0xf2f52010
#endif
#ifndef BCACHEFS_SUPER_MAGIC
#define BCACHEFS_SUPER_MAGIC 0xca451a4e
#endif
#define JFS_SUPER_MAGIC 0x3153464a
#define ZFS_SUPER_MAGIC 0x2fc12fc1

/* ---- which one ------------------------------------------------------------- */

static int lockd_setting(const char *key, char *value, size_t size, struct error *err)
{
	return libvirtconf_get(LOCKD_CONF, key, value, size, err);
}

/* -1: such a lease, or it can't be determined: @err. */
static int check_lockspaces(const char *path, struct error *err)
{
	static const char *const dirs[] = { "lvm_lockspace_dir", "scsi_lockspace_dir" };
	char value[4096];
	int r = lockd_setting("auto_disk_leases", value, sizeof(value), err);

	if (r < 0)
		return -1;
	if (r && strcmp(value, "0") == 0)
		return fail(err, ENOTSUP, "auto_disk_leases = 0 in " CONF_FOLDER LOCKD_CONF);
	for (size_t i = 0; i < ARRAY_SIZE(dirs) && strncmp(path, "/dev", 4) == 0; i++) {
		r = lockd_setting(dirs[i], value, sizeof(value), err);
		if (r < 0)
			return -1;
		if (r)
			return fail(err, ENOTSUP, "%s in " CONF_FOLDER LOCKD_CONF, dirs[i]);
	}
	return 0;
}

static int find_file(const char *path, struct lease *lease, struct error *err)
{
	char folder[4096], name[SHA256_TEXT];
	int r = lockd_setting("file_lockspace_dir", folder, sizeof(folder), err);

	if (r < 0)
		return -1;
	/* virtlockd creates it when it starts. */
	if (r > 0 && access(folder, R_OK | W_OK | X_OK) < 0)
		return fail_errno(err, "file_lockspace_dir %s", folder);
	lease->made = r > 0;
	sha256_text(path, strlen(path), name);
	if (r > 0 ? str_printf(lease->file, sizeof(lease->file), "%s/%s", folder, name) :
		    str_fits(lease->file, sizeof(lease->file), path))
		return 0;
	return fail(err, ENAMETOOLONG, "%s: name too long", path);
}

static enum lease_kind kind_of(const char *path, struct lease *lease, struct error *err)
{
	int r = libvirtconf_get(QEMU_CONF, "lock_manager", lease->manager,
				sizeof(lease->manager), err);

	if (r == 0 || (r > 0 && strcmp(lease->manager, "nop") == 0)) {
		lease->manager[0] = '\0';
		return LEASE_NONE;
	}
	if (r < 0)
		return LEASE_ELSEWHERE;
	make_printable(lease->manager);
	if (strcmp(lease->manager, "lockd") == 0)
		return check_lockspaces(path, err) == 0 && find_file(path, lease, err) == 0 ?
		       LEASE_FILE : LEASE_ELSEWHERE;
	fail(err, ENOTSUP, "lock_manager = \"%s\" in " CONF_FOLDER QEMU_CONF, lease->manager);
	return LEASE_ELSEWHERE;
}

void lease_find(const char *path, struct lease *lease)
{
	/* A definition has no relative path; a command may. */
	AUTO_FREE char *real = *path == '/' ? NULL : realpath(path, NULL);

	memset(lease, 0, sizeof(*lease));
	lease->fd = -1;
	lease->kind = kind_of(real ? real : path, lease, &lease->why);
}

/* ---- whether it is needed --------------------------------------------------- */

/* A file system of one host: mounting it on two at once would damage it already. */
static bool is_local(const char *path)
{
	static const unsigned long kinds[] = {
		EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
		BCACHEFS_SUPER_MAGIC, JFS_SUPER_MAGIC, ZFS_SUPER_MAGIC, TMPFS_MAGIC,
	};
	struct stat st;
	struct statfs fs;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || statfs(path, &fs) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (((unsigned long)fs.f_type & 0xffffffff) == kinds[i])
			return true;
	return false;
}

int lease_allows(const char *path, const struct lease *lease, struct error *err)
{
	if (lease->kind != LEASE_ELSEWHERE || is_local(path))
		return 0;
	return fail(err, ENOLCK, "%s may be in use on another host, and busflip can't take the "
		    "lock of libvirt's lock manager (%s), so no hook writes to it", path,
		    lease->why.msg);
}

/* ---- the lock --------------------------------------------------------------- */

static int set_lock(int fd, short type)
{
	struct flock l = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1,
	};

	return fcntl(fd, F_OFD_SETLK, &l);
}

bool lease_is_held(const struct lease *lease)
{
	struct flock l = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1,
	};
	AUTO_FD int fd = lease->kind == LEASE_FILE ?
			 open(lease->file, O_RDONLY | O_CLOEXEC) : -1;

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

/* A file that was locked but has been removed by its former holder is not a lease. */
static bool is_still_there(int fd, const char *file)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(file, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Return 0, or -1 with errno: EAGAIN if somebody else holds it. */
static int try_lock(struct lease *lease)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		AUTO_FD int fd = open(lease->file, O_RDWR | O_CLOEXEC |
				      (lease->made ? O_CREAT | O_NOFOLLOW : 0), 0600);

		if (fd < 0)
			return -1;
		if (set_lock(fd, F_WRLCK) < 0) {
			if (errno == EACCES)
				errno = EAGAIN;
			return -1;
		}
		if (!lease->made || is_still_there(fd, lease->file)) {
			lease->fd = steal_fd(&fd);
			return 0;
		}
	}
	errno = EAGAIN;
	return -1;
}

static int wait_for_lock(struct lease *lease)
{
	const struct timespec nap = { 0, WAIT_STEP_MS * 1000000L };
	int64_t end = monotonic_ms() + WAIT_MS;

	while (try_lock(lease) < 0) {
		if (errno != EAGAIN || monotonic_ms() >= end)
			return -1;
		nanosleep(&nap, NULL);
	}
	return 0;
}

static int in_use(const char *path, const struct lease *lease, struct error *err)
{
	return fail(err, REFUSE_IN_USE, "%s: the image is in use, on this or another host: "
		    "somebody holds the lock of libvirt's lock manager (%s) on %s; shut that "
		    "guest down first", path, lease->manager, lease->file);
}

int lease_take(const char *path, bool by_hand, struct lease *lease, struct error *err)
{
	lease_find(path, lease);
	if (lease->kind == LEASE_FILE && wait_for_lock(lease) < 0) {
		if (errno == EAGAIN)
			return in_use(path, lease, err);
		fail_errno(&lease->why, "%s", lease->file);
		lease->kind = LEASE_ELSEWHERE;
	}
	return by_hand ? 0 : lease_allows(path, lease, err);
}

void lease_release(struct lease *lease)
{
	if (lease->fd < 0)
		return;
	if (lease->made)
		unlink(lease->file);
	set_lock(lease->fd, F_UNLCK);
	cleanup_close(&lease->fd);
}
