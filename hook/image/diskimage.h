/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diskimage.h - which file or block device a domain's disk is, and in what format */
#ifndef BUSFLIP_DISKIMAGE_H
#define BUSFLIP_DISKIMAGE_H

#include "hook/domain/domain.h"

struct disk_image {
	char path[4096], format[64];
};

/*
 * disk_image_of() - the image of a <disk>
 *
 * libvirt treats a disk without a format as raw, and so does busflip. ENOTSUP if it is neither
 * file nor block device and never will be; for a volume of a storage pool also the errors of
 * pool_volume().
 */
int disk_image_of(const xmlNode *disk, struct disk_image *image, struct error *err);

/* disk_image_is_volume() - true if the disk names a volume of a storage pool. */
bool disk_image_is_volume(const xmlNode *disk);

#endif
