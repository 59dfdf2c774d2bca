/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fat.h - a FAT volume: does it have the boot loader that UEFI starts by itself?
 */
#ifndef BUSFLIP_FAT_H
#define BUSFLIP_FAT_H

#include "helper/image/image.h"

/*
 * fat_has_loader() - is there a \EFI\BOOT\BOOTX64.EFI, or that of another architecture?
 *
 * UEFI starts it where its variables name no other loader (UEFI specification, 3.5.1.1). @off and
 * @len: the volume, which must lie on the disk. Return 1, 0, or -1: this is no valid FAT volume,
 * or it can't be read.
 */
int fat_has_loader(struct image *image, uint64_t off, uint64_t len, struct error *err);

#endif
