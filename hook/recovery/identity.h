/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * identity.h - identify an image independently of its path
 *
 * Root redoes a journal, so a journal must never be taken for that of another image. Paths,
 * inode numbers and device numbers are used again, often at once. Therefore:
 *
 * - A file is the same if its inode and time of birth are (statx(2), in nanoseconds of the
 *   host's clock, which no user can set), and either the device or the path: device numbers
 *   may differ after a boot of the host, a path after a rename. If both differ, the file may
 *   be on a clone of the file system.
 * - On a file system without times of birth (NFS), it is the same if path, inode and, within
 *   one boot of the host, device are. A renamed file is not found there.
 * - A block device is the same if the identifier of its driver is: the UUID of device-mapper
 *   (LVM, LUKS, multipath), or the WWID of the disk with the number of the partition. If no
 *   standard makes this identifier unique (a serial number), the path must be the same too.
 * - A block device without an identifier is the same, within one boot, if its sequence number
 *   is, which the kernel never gives twice (since Linux 5.15); after another boot, or without
 *   that number, if path and size are.
 */
#ifndef BUSFLIP_IDENTITY_H
#define BUSFLIP_IDENTITY_H

#include "helper/shared/base.h"

#define IDENTITY_ID 256

struct image_identity {
	char path[4096];	/* canonical; of a block device: as given */
	uint64_t dev, ino;	/* of a block device: st_rdev and 0 */
	uint64_t boot;		/* which one of the host; 0: not known */
	uint64_t born;		/* file: ns since 1970; 0: not known */
	uint64_t sequence;	/* device: of this boot; 0: not known */
	uint64_t bytes;		/* device: its size; 0: not known */
	char id[IDENTITY_ID];	/* device: its driver's; "": none */
	bool old;		/* from a journal that has path, device and inode only */
	uint64_t size;		/* of the virtual disk, bytes; not compared */
};

/*
 * identity_find() - identify the file or block device at @path
 *
 * An absolute @path of a block device is kept as it is: the target of /dev/vg/win (/dev/dm-3)
 * may be another disk after the next boot. EINVAL: neither a file nor a block device.
 */
int identity_find(const char *path, struct image_identity *out, struct error *err);

enum identity_match {
	IDENTITY_OTHER,
	IDENTITY_SAME_PATH,	/* another image at the same path, perhaps a copy */
	IDENTITY_SAME,
};

/* identity_match() - is @now the image that @noted describes? If @noted->old, path, device and
 * inode must all be the same. */
enum identity_match identity_match(const struct image_identity *noted,
				   const struct image_identity *now);

/* identity_is_device() - a block device, not a file. */
bool identity_is_device(const struct image_identity *image);

/* identity_device_exists() - is the device there, under any path? False if its identifier is
 * not unique. */
bool identity_device_exists(const struct image_identity *image);

/* identity_boot() - this boot of the host, as in struct image_identity. */
uint64_t identity_boot(void);

#endif
