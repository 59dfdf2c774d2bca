/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crc32.h - the CRC of GPT, zlib and busflip's journal (polynomial 0xEDB88320) */
#ifndef BUSFLIP_CRC32_H
#define BUSFLIP_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* crc32_update() - @crc is 0 at the start, or the result of an earlier call. */
uint32_t crc32_update(uint32_t crc, const void *data, size_t len);

#endif
