// SPDX-License-Identifier: GPL-2.0-or-later
/* json.c - text from a guest, made safe for JSON and for terminals */

#include "helper/json.h"

void json_string(FILE *out, const char *text)
{
	const char *p = text;
	uint32_t c;

	fputc('"', out);
	while (*p) {
		size_t n = utf8_character(p, &c);

		if (!n)
			fputs("\\ufffd", out);
		else if (c == '"' || c == '\\')
			fprintf(out, "\\%c", (int)c);
		else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			fprintf(out, "\\u%04x", c);
		else
			fwrite(p, 1, n, out);
		p += n ? n : 1;
	}
	fputc('"', out);
}

void json_bytes(FILE *out, const uint8_t *data, size_t len)
{
	fputc('"', out);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%02x", data[i]);
	fputc('"', out);
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
