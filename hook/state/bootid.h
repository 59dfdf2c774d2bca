/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bootid.h - which boot of the host this is */
#ifndef BUSFLIP_BOOTID_H
#define BUSFLIP_BOOTID_H

#include <stdbool.h>

#define BOOT_ID 40

/* boot_id_read() - the kernel's random UUID of this boot; false, and "", when it can't be
 * read. */
bool boot_id_read(char id[BOOT_ID]);

#endif
