// SPDX-License-Identifier: GPL-2.0-or-later
/* uuid.c - UUIDs as text and as bytes */

#include "helper/shared/uuid.h"

#include <ctype.h>
#include <string.h>

bool uuid_ok(const char *text)
{
	static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i;

	for (i = 0; i < sizeof(pattern) - 1; i++)
		if (pattern[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != '-')
			return false;
	return !text[i];
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0'
	     : c >= 'a' && c <= 'f' ? c - 'a' + 10
	     : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool uuid_bytes(const char *text, uint8_t out[16])
{
	unsigned int n = 0;

	memset(out, 0, 16);
	for (; *text; text++) {
		int digit = hex_digit(*text);

		if (digit < 0 && strchr("{}-", *text))
			continue;
		if (digit < 0 || n == 32)
			return false;
		out[n / 2] = (uint8_t)(out[n / 2] << 4 | digit);
		n++;
	}
	return n == 32;
}
