/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.h - text from a guest, made safe for JSON and for terminals
 */
#ifndef BUSFLIP_JSON_H
#define BUSFLIP_JSON_H

#include "helper/base.h"

#include <stdio.h>

/* json_string() - @text in quotes; what isn't UTF-8 becomes U+FFFD. */
void json_string(FILE *out, const char *text);

/* json_bytes() - @len bytes as a string of hex digits. */
void json_bytes(FILE *out, const uint8_t *data, size_t len);

/* text_safe() - @text for people: control characters (also of C1, which some
 * terminals obey), marks that reorder text and broken UTF-8 become '?'. */
void text_safe(FILE *out, const char *text);

#endif
