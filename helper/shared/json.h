/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.h - text from a guest, made safe for JSON and for terminals; and JSON from a
 * process that a guest may have taken over
 */
#ifndef BUSFLIP_JSON_H
#define BUSFLIP_JSON_H

#include "helper/shared/base.h"

#include <stdio.h>

/* json_string() - @text in quotes; what isn't UTF-8 becomes U+FFFD, and what may not be shown
 * (is_printable()) an escape. */
void json_string(FILE *out, const char *text);

/* json_bytes() - @len bytes as a string of hex digits. */
void json_bytes(FILE *out, const uint8_t *data, size_t len);

/*
 * json_check() - is @text one object, and nothing else?
 *
 * @taken: names that none of its members may have, ended by NULL: who prints it puts
 * members of these names beside its own. What makes it hard to say which name a member
 * has is refused: one that is there twice, or has an escape. Return 0, or -1 and EPROTO.
 */
int json_check(const char *text, const char *const taken[], struct error *err);

#endif
