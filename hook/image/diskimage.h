/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diskimage.h - which file or block device a domain's disk is, and in what format */
#ifndef BUSFLIP_PLACE_H
#define BUSFLIP_PLACE_H

#include "hook/domain/domain.h"

struct place {
	char path[4096], format[64];
};

/*
 * place_of_disk() - the image of a <disk>
 *
 * libvirt takes a disk without a format as raw, and so do we. ENOTSUP when it is
 * neither file nor block device, and never will be; of a volume of a storage pool also
 * as pool_volume().
 */
int place_of_disk(const xmlNode *disk, struct place *place, struct error *err);

/* place_is_volume() - is it named by a storage pool of its host? */
bool place_is_volume(const xmlNode *disk);

/* place_is_here() - is the host of a connection this one? */
bool place_is_here(const char *uri);

/* uuid_bytes() - "01234567-89ab-..." to 16 bytes in the order of the text. */
bool uuid_bytes(const char *text, uint8_t out[16]);

#endif
