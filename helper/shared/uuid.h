/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uuid.h - UUIDs as text and as bytes */
#ifndef BUSFLIP_UUID_H
#define BUSFLIP_UUID_H

#include <stdbool.h>
#include <stdint.h>

/* uuid_ok() - 36 characters, hexadecimal with dashes: safe as a file name. */
bool uuid_ok(const char *text);

/* uuid_bytes() - the 16 bytes in the order of the text, with or without the dashes, and the
 * braces that Windows puts around it. False: it has not 32 digits, or something else. */
bool uuid_bytes(const char *text, uint8_t out[16]);

#endif
