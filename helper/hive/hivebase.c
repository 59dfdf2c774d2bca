// SPDX-License-Identifier: GPL-2.0-or-later
/* hivebase.c - the base block that starts every registry hive and every log */

#include "helper/hive/hivebase.h"

#include <string.h>

enum {
	AT_SEQ1 = 4, AT_SEQ2 = 8, AT_TIMESTAMP = 12, AT_MAJOR = 20,
	AT_MINOR = 24, AT_TYPE = 28, AT_FORMAT = 32, AT_ROOT = 36,
	AT_BINS_SIZE = 40, AT_FLAGS = 144, AT_CHECKSUM = 508,
};

uint32_t hive_base_checksum(const uint8_t *block)
{
	uint32_t sum = 0;

	for (unsigned int at = 0; at < AT_CHECKSUM; at += 4)
		sum ^= get_le32(block + at);
	if (sum == 0)
		return 1;
	return sum == UINT32_MAX ? UINT32_MAX - 1 : sum;
}

/* What is wrong with a decoded base block, or NULL. */
static const char *base_fault(const uint8_t *block, const struct hive_base *b)
{
	if (get_le32(block + AT_CHECKSUM) != hive_base_checksum(block))
		return "wrong checksum";
	if (b->major != 1 || b->minor < 3 || b->minor > 6)
		return "unknown version";
	if (get_le32(block + AT_FORMAT) != 1)
		return "unknown format";
	if (b->bins_size == 0 || b->bins_size % HIVE_PAGE)
		return "bins size not a multiple of 4096";
	if (b->bins_size > HIVE_LIMIT - HIVE_BASE_SIZE)
		return "too large";
	if (!range_ok(b->root, 4, b->bins_size))
		return "root key outside of the bins";
	return NULL;
}

bool hive_base_read(const uint8_t *block, struct hive_base *base,
		    const char **why)
{
	memset(base, 0, sizeof(*base));
	if (memcmp(block, "regf", 4) != 0) {
		*why = "no regf signature";
		return false;
	}
	base->seq1 = get_le32(block + AT_SEQ1);
	base->seq2 = get_le32(block + AT_SEQ2);
	base->timestamp = get_le64(block + AT_TIMESTAMP);
	base->major = get_le32(block + AT_MAJOR);
	base->minor = get_le32(block + AT_MINOR);
	base->type = get_le32(block + AT_TYPE);
	base->root = get_le32(block + AT_ROOT);
	base->bins_size = get_le32(block + AT_BINS_SIZE);
	base->flags = get_le32(block + AT_FLAGS);
	*why = base_fault(block, base);
	return *why == NULL;
}

void hive_base_seal(uint8_t *block, uint32_t sequence)
{
	put_le32(block + AT_SEQ1, sequence);
	put_le32(block + AT_SEQ2, sequence);
	put_le32(block + AT_CHECKSUM, hive_base_checksum(block));
}

static unsigned int upper(unsigned int c)
{
	return c >= 'a' && c <= 'z' ? c - 32 : c;
}

bool hive_name_is(const uint8_t *name, uint16_t len, bool wide,
		  const char *text, size_t text_len)
{
	size_t step = wide ? 2 : 1;

	if (len != text_len * step)
		return false;
	for (size_t i = 0; i < text_len; i++) {
		unsigned int c = wide ? get_le16(name + 2 * i) : name[i];

		if (upper(c) != upper((unsigned char)text[i]))
			return false;
	}
	return true;
}
