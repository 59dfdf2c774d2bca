/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bootid.h - which boot of the host this is, and how long ago it was */
#ifndef BUSFLIP_BOOTID_H
#define BUSFLIP_BOOTID_H

#include <stdbool.h>

#define BOOT_ID 40

/* boot_id_read() - the kernel's random UUID of this boot; false, and "", when it can't be
 * read. */
bool boot_id_read(char id[BOOT_ID]);

/* boot_age_ms() - time since then, in which the host was suspended as well. No step of the
 * clock changes it. */
long long boot_age_ms(void);

#endif
