/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * imagelock.h - a lock on an image that is stricter than QEMU's own
 *
 * QEMU marks how it uses an image, and what it lets others do, by locks on single bytes of the
 * file (block/file-posix.c of QEMU). qemu-nbd lets others write to a raw image: it would read
 * the disk of a running guest without an error, and two of them could write at once. A guest
 * lets nobody write, but lets others read.
 */
#ifndef BUSFLIP_IMAGELOCK_H
#define BUSFLIP_IMAGELOCK_H

#include "hook/image/lease.h"

struct imagelock {
	int fd;			/* -1: not taken */
	struct lease lease;	/* to write: the lease of libvirt's lock manager */
};

/* imagelock_none() - a lock that is not taken */
struct imagelock imagelock_none(void);

struct imagelock_wish {
	const char *path;	/* of the image */
	const char *named;	/* its name in the definition, for lease_take() */
	bool writable;
	bool by_hand;		/* on request of a user: see also lease_take() */
	int64_t deadline;	/* monotonic_ms() */
};

/*
 * imagelock_take() - take it before qemu-nbd is started; held until imagelock_release()
 *
 * @wish->writable: no other busflip may use the image, nobody may have it open for writing or
 * forbid that, and libvirt's lock manager must allow it. Otherwise: nobody may have it open for
 * writing, nor open it so while it is read. If another busflip uses the image, or for a hook
 * anybody, this waits until @wish->deadline. REFUSE_IN_USE if it is not available then. On a
 * file system without such locks this is logged, and only QEMU's own locks apply, if any.
 */
int imagelock_take(const struct imagelock_wish *wish, struct imagelock *out, struct error *err);

/* imagelock_release() - takes effect at once, even if a forked process has it too; afterwards
 * it is imagelock_none(), which may be released again. */
void imagelock_release(struct imagelock *lock);

#endif
