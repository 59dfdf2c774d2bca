/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * imagelock.h - what QEMU's locks leave open, closed
 *
 * QEMU marks what it does with an image, and what it lets others do, as locks on
 * single bytes of the file (block/file-posix.c of QEMU). qemu-nbd lets others
 * write to a raw image: it would read the disk of a running guest without a
 * word, and two of them could write at once. A guest lets nobody write, but lets
 * others read.
 */
#ifndef BUSFLIP_IMAGELOCK_H
#define BUSFLIP_IMAGELOCK_H

#include "hook/image/lease.h"

struct imagelock {
	int fd;			/* -1: not taken */
	struct lease lease;	/* to write: that of libvirt's lock manager */
};

/* imagelock_none() - one that is not taken */
struct imagelock imagelock_none(void);

/*
 * imagelock_take() - before qemu-nbd is started; held until
 * imagelock_release()
 *
 * @writable: no other busflip may use the image, and nobody may have it open for
 * writing; and libvirt's lock manager lets us, see lease_take() for @by_hand and for
 * @named, the image by its name in the definition. Otherwise: nobody may have it open
 * for writing, nor open it so while we read. REFUSE_IN_USE when it isn't to be had.
 * Where a file system knows no such locks, this is logged and QEMU's own have to do,
 * if any.
 */
int imagelock_take(const char *path, bool writable, const char *named, bool by_hand,
		   struct imagelock *out, struct error *err);

/* imagelock_release() - at once, even when a forked process has it too; then it is
 * imagelock_none(), which is fine to begin with. */
void imagelock_release(struct imagelock *lock);

#endif
