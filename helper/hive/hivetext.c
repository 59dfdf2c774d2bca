// SPDX-License-Identifier: GPL-2.0-or-later
/* hivetext.c - names, strings and typed values of a registry hive */

#include "helper/hive/hivetree.h"

#include <string.h>

/* Append one code point to @dst; false if it does not fit with a NUL. */
static bool put_utf8(char *dst, size_t size, size_t *used, uint32_t c)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };

	if (*used + n >= size)
		return false;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		dst[*used + i] = (char)(0x80 | (c & 0x3f));
	dst[*used] = (char)(lead[n] | c);
	*used += n;
	return true;
}

size_t utf16_to_utf8(char *dst, size_t size, const uint8_t *src, size_t len)
{
	size_t at = 0, used = 0;
	bool room = true;

	while (at + 2 <= len) {
		uint32_t c = get_le16(src + at);

		at += 2;
		if (!c)
			break;
		if (c >= 0xd800 && c < 0xdc00 && at + 2 <= len &&
		    (get_le16(src + at) & 0xfc00) == 0xdc00) {
			c = 0x10000 + ((c & 0x3ff) << 10) +
			    (get_le16(src + at) & 0x3ffu);
			at += 2;
		} else if (c >= 0xd800 && c < 0xe000) {
			c = 0xfffd;
		}
		room = room && put_utf8(dst, size, &used, c);
	}
	dst[used] = '\0';
	return at;
}

void hive_name_utf8(const uint8_t *name, uint16_t len, bool wide,
		    char text[HIVE_NAME_UTF8])
{
	size_t used = 0;

	if (wide) {
		utf16_to_utf8(text, HIVE_NAME_UTF8, name, len);
		return;
	}
	for (uint16_t i = 0; i < len; i++)
		if (!put_utf8(text, HIVE_NAME_UTF8, &used, name[i]))
			break;
	text[used] = '\0';
}

int hive_get_dword(const struct hive *h, const struct hive_key *key,
		   const char *name, uint32_t *number, struct error *err)
{
	struct hive_value v;
	int found = hive_get(h, key, name, &v, err);

	if (found <= 0)
		return found;
	if ((v.type != HIVE_DWORD && v.type != HIVE_PROPERTY_U32) || v.len != 4)
		return 0;
	*number = get_le32(v.data);
	return 1;
}

int hive_get_text(const struct hive *h, const struct hive_key *key,
		  const char *name, char *text, size_t size, struct error *err)
{
	struct hive_value v;
	int found = hive_get(h, key, name, &v, err);

	if (found <= 0)
		return found;
	if ((v.type != HIVE_SZ && v.type != HIVE_EXPAND_SZ &&
	     v.type != HIVE_PROPERTY_STRING) || !v.data)
		return 0;
	utf16_to_utf8(text, size, v.data, v.len);
	return 1;
}

int hive_get_filetime(const struct hive *h, const struct hive_key *key,
		      const char *name, uint64_t *time, struct error *err)
{
	struct hive_value v;
	int found = hive_get(h, key, name, &v, err);

	if (found <= 0)
		return found;
	if ((v.type != HIVE_BINARY && v.type != HIVE_PROPERTY_FILETIME) ||
	    v.len != 8)
		return 0;
	*time = get_le64(v.data);
	return 1;
}
