/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sha256.h - names made from paths: virtlockd's lease of a disk, what is kept of an image */
#ifndef BUSFLIP_SHA256_H
#define BUSFLIP_SHA256_H

#include <stddef.h>

#define SHA256_TEXT 65

/* sha256_text() - SHA-256 (FIPS 180-4) of @len bytes, in lower-case hexadecimal. */
void sha256_text(const void *data, size_t len, char out[SHA256_TEXT]);

#endif
