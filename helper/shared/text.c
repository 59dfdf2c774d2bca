// SPDX-License-Identifier: GPL-2.0-or-later
/* text.c - untrusted text, made safe for a terminal, the log, XML and a shell */

#include "helper/shared/text.h"

#include <string.h>

static bool is_plain_word(const char *text)
{
	return *text && *text != '-' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		      "0123456789_./:@%+=,-") == strlen(text);
}

const char *shell_word(const char *text, char *buf, size_t size)
{
	size_t used = 0;

	if (is_plain_word(text) && str_fits(buf, size, text))
		return buf;
	/* A quote is closed, escaped, and opened again; the end needs two bytes. */
	str_fits(buf, size, "'");
	used = strlen(buf);
	for (; *text; text++) {
		const char *piece = *text == '\'' ? "'\\''" : (const char[]){ *text, '\0' };
		size_t n = strlen(piece);

		if (used + n + 2 > size) {
			str_fits(buf, size, "?");
			return buf;
		}
		str_fits(buf + used, size - used, piece);
		used += n;
	}
	str_fits(buf + used, size - used, "'");
	return buf;
}

size_t utf8_character(const char *text, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;
	size_t n = *p < 0x80 ? 1 : *p >= 0xf0 && *p < 0xf5 ? 4
		 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xc2 && *p < 0xe0 ? 2 : 0;

	if (n < 2) {
		*c = *p;
		return n;
	}
	*c = *p & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3fu);
	}
	return *c < least[n] || (*c >= 0xd800 && *c < 0xe000) || *c > 0x10ffff
		? 0 : n;
}

bool is_printable(uint32_t c)
{
	return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0x200e && c != 0x200f &&
	       !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) &&
	       c != 0xfffe && c != 0xffff;
}

static void replace_unprintable(char *text, const char *keep)
{
	uint32_t c;

	for (char *p = text; p && *p; ) {
		size_t n = utf8_character(p, &c);
		bool good = n && (is_printable(c) || strchr(keep, *p));

		if (!good)
			memset(p, '?', n ? n : 1);
		p += n ? n : 1;
	}
}

void make_printable(char *text)
{
	replace_unprintable(text, "");
}

void make_report_printable(char *text)
{
	replace_unprintable(text, "\t\n");
}

void text_safe(FILE *out, const char *text)
{
	const char *p = text;
	uint32_t c;

	while (*p) {
		size_t n = utf8_character(p, &c);

		if (!n || !is_printable(c))
			fputc('?', out);
		else
			fwrite(p, 1, n, out);
		p += n ? n : 1;
	}
}
