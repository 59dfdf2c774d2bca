/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.h - untrusted text, made safe for a terminal, the log, XML and a shell
 */
#ifndef BUSFLIP_TEXT_H
#define BUSFLIP_TEXT_H

#include <stdio.h>

#include "helper/shared/base.h"

/*
 * shell_word() - @text as one word of a shell's command line, quoted if needed, for commands
 * that a message recommends. Others choose the names of domains and files. Return @buf, with
 * "?" if it does not fit.
 */
const char *shell_word(const char *text, char *buf, size_t size);

/* utf8_character() - length of the UTF-8 character at @text, 0 if there is none; *@c is then
 * its code point. */
size_t utf8_character(const char *text, uint32_t *c);

/*
 * is_printable() - may that character be shown, and be in XML? Not allowed are control
 * characters of 7 or 8 bits (U+0080 to U+009F, which some terminals obey), marks that reorder
 * the displayed text, which can make it misleading, and U+FFFE and U+FFFF, which XML 1.0
 * forbids.
 */
bool is_printable(uint32_t c);

/* make_printable() - replace in place each byte of other characters or of invalid UTF-8 by
 * '?'. make_report_printable() keeps tabs and newlines. NULL is allowed. */
void make_printable(char *text);
void make_report_printable(char *text);

/* text_safe() - print @text for people: control characters (also of C1, which some terminals
 * obey), marks that reorder text and invalid UTF-8 become '?'. */
void text_safe(FILE *out, const char *text);

#endif
