/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.h - text that others chose, made safe for a terminal, the log, XML and a shell
 */
#ifndef BUSFLIP_TEXT_H
#define BUSFLIP_TEXT_H

#include <stdio.h>

#include "helper/shared/base.h"

/*
 * shell_word() - @text as one word of a shell's command line, in quotes where it needs
 * them, for commands that a message says to type. Names of domains and of files are
 * chosen by others. Return @buf, with "?" when it does not fit.
 */
const char *shell_word(const char *text, char *buf, size_t size);

/* utf8_character() - length of the UTF-8 character at @text, 0 when there is none; *@c is its
 * code then. */
size_t utf8_character(const char *text, uint32_t *c);

/*
 * is_printable() - may that character be shown, and be in XML? Not so control characters,
 * of 7 or 8 bits (U+0080 to U+009F, which some terminals obey), marks that reorder what is
 * shown, so that text can lie about itself, and U+FFFE and U+FFFF, which XML 1.0 forbids.
 */
bool is_printable(uint32_t c);

/* make_printable() - '?' in place for each byte of what is not such a character, or no UTF-8
 * at all. make_report_printable() lets tabs and ends of lines stay. NULL is fine. */
void make_printable(char *text);
void make_report_printable(char *text);

/* text_safe() - @text for people: control characters (also of C1, which some
 * terminals obey), marks that reorder text and broken UTF-8 become '?'. */
void text_safe(FILE *out, const char *text);

#endif
