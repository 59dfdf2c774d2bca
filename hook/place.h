/* SPDX-License-Identifier: GPL-2.0-or-later */
/* place.h - which file or block device a domain's disk is, and in what format */
#ifndef BUSFLIP_PLACE_H
#define BUSFLIP_PLACE_H

#include "hook/domain.h"

struct place {
	char path[4096], format[64];
};

/*
 * place_of_disk() - the image of a <disk>
 *
 * libvirt takes a disk without a format as raw, and so do we. ENOTSUP when it is
 * neither file nor block device.
 */
int place_of_disk(const xmlNode *disk, struct place *place, struct error *err);

/* uuid_bytes() - "01234567-89ab-..." to 16 bytes in the order of the text. */
bool uuid_bytes(const char *text, uint8_t out[16]);

#endif
