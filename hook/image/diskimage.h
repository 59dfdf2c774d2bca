/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diskimage.h - which file or block device a domain's disk is, and in what format */
#ifndef BUSFLIP_PLACE_H
#define BUSFLIP_PLACE_H

#include "hook/domain/domain.h"

struct disk_image {
	char path[4096], format[64];
};

/*
 * disk_image_of() - the image of a <disk>
 *
 * libvirt takes a disk without a format as raw, and so do we. ENOTSUP when it is
 * neither file nor block device, and never will be; of a volume of a storage pool also
 * as pool_volume().
 */
int disk_image_of(const xmlNode *disk, struct disk_image *place, struct error *err);

/* disk_image_is_volume() - is it named by a storage pool of its host? */
bool disk_image_is_volume(const xmlNode *disk);

/* virt_is_this_host() - is the host of a connection this one? */
bool virt_is_this_host(const char *uri);

/* uuid_bytes() - "01234567-89ab-..." to 16 bytes in the order of the text. */
bool uuid_bytes(const char *text, uint8_t out[16]);

#endif
