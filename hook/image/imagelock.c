// SPDX-License-Identifier: GPL-2.0-or-later
/* imagelock.c - a lock on an image that is stricter than QEMU's own */

#include "hook/image/imagelock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/log.h"
#include "helper/shared/refusal.h"
#include "hook/host/cure.h"

/* QEMU: a lock on 100 + n means "I use permission n", on 200 + n "nobody else may use it".
 * Permission 1 is to write. */
#define QEMU_WRITES 101
#define QEMU_FORBIDS_WRITING 201
/* busflip's own: shared by readers, exclusive for a writer. */
#define BUSFLIP_BYTE 0x62666c70

static int lock(int fd, off_t byte, bool exclusive)
{
	struct flock l = {
		.l_type = exclusive ? F_WRLCK : F_RDLCK,
		.l_whence = SEEK_SET, .l_start = byte, .l_len = 1,
	};

	return fcntl(fd, F_OFD_SETLK, &l);
}

/* True if anybody else holds a lock on @byte. */
static bool is_locked(int fd, off_t byte)
{
	struct flock l = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET,
		.l_start = byte, .l_len = 1,
	};

	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static int refuse(const char *path, const char *who, struct error *err)
{
	return fail(err, REFUSE_IN_USE, "%s: the image is in use by another "
		    "process, %s", path, who);
}

static int check_lock(const char *path, int r, const char *who,
		      struct error *err)
{
	if (r == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return refuse(path, who, err);
	log_msg(LOG_LEVEL_WARNING, "%s can't be locked: %s; make sure that nothing else uses it "
		"meanwhile", path, strerror(errno));
	return 0;
}

struct imagelock imagelock_none(void)
{
	return (struct imagelock){ .fd = -1, .lease = { .fd = -1 } };
}

int imagelock_take(const char *path, bool writable, const char *named, bool by_hand,
		   struct imagelock *out, struct error *err)
{
	/* Without O_NONBLOCK this would wait for whoever has a lease on the file. */
	AUTO_FD int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK |
			      O_NOCTTY);

	if (fd < 0 && errno == EWOULDBLOCK)
		return refuse(path, "which has a lease on it: stop that process (/proc/locks "
			      "shows its number)", err);
	if (fd < 0 && writable && !cure_is_root(errno) &&
	    (errno == EROFS || errno == EACCES || errno == EPERM))
		return fail(err, REFUSE_READ_ONLY, "%s can't be written: %s",
			    path, strerror(errno));
	if (fd < 0)
		return fail_errno(err, "%s", path);
	if (check_lock(path, lock(fd, BUSFLIP_BYTE, writable),
		       "another busflip: try again when that has ended", err) < 0)
		return -1;
	/* First set the lock that forbids others to write, then check for writers: a guest
	 * that starts does the same, and one of the two sees the other. */
	if (!writable &&
	    check_lock(path, lock(fd, QEMU_FORBIDS_WRITING, false),
		       "QEMU: shut that guest down first", err) < 0)
		return -1;
	if (is_locked(fd, QEMU_WRITES))
		return refuse(path, "probably a running guest: "
			      "shut that down first", err);
	out->fd = steal_fd(&fd);
	return writable ? lease_take(named, by_hand, &out->lease, err) : 0;
}

void imagelock_release(struct imagelock *lock)
{
	struct flock l = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	lease_release(&lock->lease);
	if (lock->fd >= 0)
		fcntl(lock->fd, F_OFD_SETLK, &l);
	cleanup_close(&lock->fd);
}
