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

#define WAIT_STEP_MS 20

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

/* One attempt. */
struct attempt {
	const char *path;
	bool writable, by_hand;
	bool passes;		/* refused because of a lock that will be gone soon */
};

static int refuse(const char *path, const char *who, struct error *err)
{
	return fail(err, REFUSE_IN_USE, "%s: the image is in use by another "
		    "process, %s", path, who);
}

/* Each run of busflip has a time limit. */
static int refuse_second(struct attempt *a, struct error *err)
{
	a->passes = true;
	return refuse(a->path, "another busflip: try again when that has ended", err);
}

/* To a user it is said at once, since it is usually a guest. A hook runs before the guest that
 * it is for, or after it: another process has the image, and most have it for a moment. */
static int refuse_beside_qemu(struct attempt *a, const char *who, struct error *err)
{
	a->passes = !a->by_hand;
	return refuse(a->path, who, err);
}

/* Return 0, 1 if it is not available, -1 if it can't be locked at all. */
static int take_lock(const char *path, int fd, off_t byte, bool exclusive)
{
	if (lock(fd, byte, exclusive) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return 1;
	log_msg(LOG_LEVEL_WARNING, "%s can't be locked: %s; make sure that nothing else uses it "
		"meanwhile", path, strerror(errno));
	return -1;
}

struct imagelock imagelock_none(void)
{
	return (struct imagelock){ .fd = -1, .lease = { .fd = -1 } };
}

static int open_image(const char *path, bool writable, struct error *err)
{
	/* Without O_NONBLOCK this would wait for whoever has a lease on the file. */
	int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0)
		return fd;
	if (errno == EWOULDBLOCK)
		return refuse(path, "which has a lease on it: stop that process (/proc/locks "
			      "shows its number)", err);
	if (writable && !cure_is_root(errno) &&
	    (errno == EROFS || errno == EACCES || errno == EPERM))
		return fail(err, REFUSE_READ_ONLY, "%s can't be written: %s",
			    path, strerror(errno));
	return fail_errno(err, "%s", path);
}

/* Return a descriptor with the locks, or -1. */
static int try_locks(struct attempt *a, struct error *err)
{
	AUTO_FD int fd = open_image(a->path, a->writable, err);

	if (fd < 0)
		return -1;
	/* QEMU can't start its guest while another busflip reads, so a hook waits for that, too. */
	if ((!a->by_hand && is_locked(fd, BUSFLIP_BYTE)) ||
	    take_lock(a->path, fd, BUSFLIP_BYTE, a->writable) > 0)
		return refuse_second(a, err);
	/* First set the lock that forbids others to write, then check for writers: a guest
	 * that starts does the same, and one of the two sees the other. */
	if (!a->writable && take_lock(a->path, fd, QEMU_FORBIDS_WRITING, false) > 0)
		return refuse_beside_qemu(a, "QEMU: shut that guest down first", err);
	if (is_locked(fd, QEMU_WRITES))
		return refuse_beside_qemu(a, "probably a running guest: shut that down first", err);
	if (a->writable && is_locked(fd, QEMU_FORBIDS_WRITING))
		return refuse_beside_qemu(a, "which lets nobody write: wait until that has ended, "
					  "or stop it", err);
	return steal_fd(&fd);
}

int imagelock_take(const struct imagelock_wish *wish, struct imagelock *out, struct error *err)
{
	struct attempt a = { .path = wish->path, .writable = wish->writable,
			     .by_hand = wish->by_hand };
	struct error why;

	/* Nothing is held while it waits: it might be what the other one waits for. */
	while ((out->fd = try_locks(&a, &why)) < 0) {
		if (!a.passes || monotonic_ms() >= wish->deadline) {
			if (err)
				*err = why;
			return -1;
		}
		a.passes = false;
		pause_ms(WAIT_STEP_MS);
	}
	return wish->writable ? lease_take(wish->named, wish->by_hand, &out->lease, err) : 0;
}

void imagelock_release(struct imagelock *lock)
{
	struct flock l = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	lease_release(&lock->lease);
	if (lock->fd >= 0)
		fcntl(lock->fd, F_OFD_SETLK, &l);
	cleanup_close(&lock->fd);
}
