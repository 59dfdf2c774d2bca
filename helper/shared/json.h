/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.h - text from a guest, made safe for JSON and for terminals; checks of JSON from a
 * process that a guest may have compromised
 */
#ifndef BUSFLIP_JSON_H
#define BUSFLIP_JSON_H

#include "helper/shared/base.h"

#include <stdio.h>

/* json_string() - print @text in quotes; invalid UTF-8 becomes U+FFFD, and characters that
 * must not be shown (is_printable()) become escapes. */
void json_string(FILE *out, const char *text);

/* json_member() - "name": "text" of an object; @name needs no escape. */
void json_member(FILE *out, const char *name, const char *text);

/* json_bytes() - @len bytes as a string of hex digits. */
void json_bytes(FILE *out, const uint8_t *data, size_t len);

/*
 * json_check() - check that @text is one object, and nothing else
 *
 * @taken: names that none of its members may have, ended by NULL: the caller prints its own
 * members with these names beside it. Anything that makes the name of a member ambiguous is
 * refused: a duplicate, or an escape. Return 0, or -1 and EPROTO.
 */
int json_check(const char *text, const char *const taken[], struct error *err);

#endif
