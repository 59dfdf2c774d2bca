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

#include "helper/base.h"

/*
 * imagelock_take() - before qemu-nbd is started; held until
 * imagelock_release()
 *
 * @writable: no other busflip may use the image, and nobody may have it open for
 * writing. Otherwise: nobody may have it open for writing, nor open it so while
 * we read. REFUSE_IN_USE when it isn't to be had. Where a file system knows no
 * such locks, this is logged and QEMU's own have to do, if any.
 */
int imagelock_take(const char *path, bool writable, int *fd,
		   struct error *err);

/* imagelock_release() - at once, even when a forked process has *@fd too; closes
 * *@fd and makes it -1, which is fine to begin with. */
void imagelock_release(int *fd);

#endif
