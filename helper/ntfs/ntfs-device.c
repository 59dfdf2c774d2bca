// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ntfs-device.c - a byte range of an image as a device for libntfs-3g
 *
 * Runlists of a hostile volume reach these functions as offsets, so each is checked against the
 * range, not only against the disk: a volume can neither read nor change its neighbour. All
 * operations of the table are needed: the check of the boot sector seeks to the last sector and
 * reads without an offset.
 */

#include "helper/ntfs/ntfs-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/mount.h>

#include <ntfs-3g/device.h>

static struct window *window_of(const struct ntfs_device *dev)
{
	return dev->d_private;
}

static s64 note_failure(struct window *w, const struct error *err)
{
	if (!w->failed.code)
		w->failed = *err;
	errno = EIO;
	return -1;
}

static bool in_window(const struct window *w, s64 count, s64 off)
{
	return count >= 0 && off >= 0 &&
	       range_ok((uint64_t)off, (uint64_t)count, w->len);
}

static int dev_open(struct ntfs_device *dev, int flags)
{
	if (NDevOpen(dev)) {
		errno = EBUSY;
		return -1;
	}
	if ((flags & O_ACCMODE) == O_RDONLY)
		NDevSetReadOnly(dev);
	NDevSetOpen(dev);
	return 0;
}

/* The library's macros for these two cause warnings with -Wconversion. */
static int dev_close(struct ntfs_device *dev)
{
	dev->d_state &= ~(1ul << ND_Open);
	return 0;
}

static s64 dev_seek(struct ntfs_device *dev, s64 offset, int whence)
{
	struct window *w = window_of(dev);
	int64_t base = whence == SEEK_CUR ? w->pos
		: whence == SEEK_END ? (int64_t)w->len : 0;
	int64_t pos;

	if (__builtin_add_overflow(base, offset, &pos) || pos < 0) {
		errno = EINVAL;
		return -1;
	}
	w->pos = pos;
	return pos;
}

static s64 dev_pread(struct ntfs_device *dev, void *buf, s64 count, s64 off)
{
	struct window *w = window_of(dev);
	struct error err;

	if (!in_window(w, count, off)) {
		errno = EINVAL;
		return -1;
	}
	if (image_read(w->image, w->off + (uint64_t)off, buf, (size_t)count,
		       &err) < 0)
		return note_failure(w, &err);
	return count;
}

static s64 dev_pwrite(struct ntfs_device *dev, const void *buf, s64 count,
		      s64 off)
{
	struct window *w = window_of(dev);
	struct error err;

	if (NDevReadOnly(dev)) {
		errno = EROFS;
		return -1;
	}
	if (!in_window(w, count, off)) {
		errno = EINVAL;
		return -1;
	}
	if (image_write(w->image, w->off + (uint64_t)off, buf, (size_t)count,
			&err) < 0)
		return note_failure(w, &err);
	NDevSetDirty(dev);
	return count;
}

static s64 dev_read(struct ntfs_device *dev, void *buf, s64 count)
{
	struct window *w = window_of(dev);
	s64 n = dev_pread(dev, buf, count, w->pos);

	if (n > 0)
		w->pos += n;
	return n;
}

static s64 dev_write(struct ntfs_device *dev, const void *buf, s64 count)
{
	struct window *w = window_of(dev);
	s64 n = dev_pwrite(dev, buf, count, w->pos);

	if (n > 0)
		w->pos += n;
	return n;
}

static int dev_sync(struct ntfs_device *dev)
{
	dev->d_state &= ~(1ul << ND_Dirty);
	return 0;
}

static int dev_stat(struct ntfs_device *dev, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFBLK | 0600;
	st->st_size = (off_t)window_of(dev)->len;
	return 0;
}

static int dev_ioctl(struct ntfs_device *dev, unsigned long request, void *argp)
{
	switch (request) {
	case BLKGETSIZE64:
		memcpy(argp, &window_of(dev)->len, sizeof(uint64_t));
		return 0;
	case BLKSSZGET:
		memcpy(argp, &(int){ 512 }, sizeof(int));
		return 0;
	case BLKBSZSET:
		return 0;
	default:
		errno = EOPNOTSUPP;
		return -1;
	}
}

static struct ntfs_device_operations operations = {
	.open = dev_open, .close = dev_close, .seek = dev_seek,
	.read = dev_read, .write = dev_write,
	.pread = dev_pread, .pwrite = dev_pwrite,
	.sync = dev_sync, .stat = dev_stat, .ioctl = dev_ioctl,
};

/*
 * No other flags, ever. MAY_RDONLY falls back to a mount on which writes succeed and write
 * nothing; RECOVER empties Windows' journal; IGNORE_HIBERFILE writes to the volume of a
 * hibernated Windows.
 */
ntfs_volume *window_mount(struct window *w, bool writable)
{
	struct ntfs_device *dev = ntfs_device_alloc("guest", 0, &operations, w);
	ntfs_volume *vol;
	int saved;

	if (!dev)
		return NULL;
	vol = ntfs_device_mount(dev, writable ? 0 : NTFS_MNT_RDONLY);
	if (!vol) {
		saved = errno;
		ntfs_device_free(dev);
		errno = saved;
	}
	return vol;
}
