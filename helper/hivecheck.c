// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hivecheck.c - is a hive whole
 *
 * First all bins are walked from end to end, which gives the set of places
 * where a cell in use starts. Then the tree is walked, and each cell that it
 * names is taken out of that set: one that isn't in it (any more) is either no
 * cell, or shared by two owners.
 */

#include "helper/hivecheck.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BIN_HEAD 32u
#define BIG_SEGMENT 16344u
#define SECURITY_SLOTS 16384u	/* a power of two */

struct security {
	uint32_t at, refs;	/* at 0 is never a cell: a bin starts there */
};

struct check {
	const struct hive *hive;
	uint8_t *starts;	/* one bit for each 8 bytes of the bins */
	struct security *security;	/* hash table */
	uint32_t securities;
	struct hive_stats stats;
};

static int damaged(struct error *err, uint64_t at, const char *what)
{
	return fail(err, REFUSE_HIVE_DAMAGED, "damaged at offset %llu: %s",
		    (unsigned long long)at, what);
}

/* ---- bins and cells ------------------------------------------------------ */

static int scan_bin(struct check *c, uint32_t bin, uint32_t size,
		    struct error *err)
{
	const uint8_t *p = hive_at(c->hive, bin, size, err);
	uint32_t at = BIN_HEAD;

	if (!p)
		return -1;
	while (at < size) {
		uint32_t cell = get_le32(p + at);
		bool used = cell > INT32_MAX;
		uint32_t len = used ? (uint32_t)-cell : cell;

		if (len < 8 || len % 8 || !range_ok(at, len, size))
			return damaged(err, bin + at, "cell of impossible size");
		if (used) {
			uint32_t slot = (bin + at) / 8;

			c->starts[slot / 8] |= (uint8_t)(1u << slot % 8);
			c->stats.cells++;
		}
		at += len;
	}
	return 0;
}

static int scan_bins(struct check *c, struct error *err)
{
	uint32_t at = 0, size;
	const uint8_t *p;

	while (at < c->hive->bins_size) {
		p = hive_at(c->hive, at, BIN_HEAD, err);
		if (!p)
			return -1;
		size = get_le32(p + 8);
		if (memcmp(p, "hbin", 4) != 0 || get_le32(p + 4) != at ||
		    size < HIVE_PAGE || size % HIVE_PAGE ||
		    !range_ok(at, size, c->hive->bins_size))
			return damaged(err, at, "no bin of the hive");
		if (scan_bin(c, at, size, err) < 0)
			return -1;
		at += size;
	}
	return 0;
}

/* Takes the cell at @at out of the set of those that nothing owns yet. */
static int own(struct check *c, uint32_t at, struct error *err)
{
	uint32_t slot = at / 8;
	uint8_t bit = (uint8_t)(1u << slot % 8);

	if (at % 8 || at >= c->hive->bins_size || !(c->starts[slot / 8] & bit))
		return damaged(err, at, "no cell, or one with two owners");
	c->starts[slot / 8] &= (uint8_t)~bit;
	c->stats.cells--;
	return 0;
}

/* ---- values -------------------------------------------------------------- */

static int check_big(struct check *c, const struct hive_value *v,
		     struct error *err)
{
	uint32_t len;
	const uint8_t *list = hive_cell(c->hive, v->big_list, v->segments * 4u,
					&len, err);

	if (!list || own(c, v->big_list, err) < 0)
		return -1;
	for (uint16_t i = 0; i < v->segments; i++) {
		uint32_t at = get_le32(list + 4 * (size_t)i);
		uint32_t done = i * BIG_SEGMENT, left = v->len - done;

		if (!hive_cell(c->hive, at,
			       left < BIG_SEGMENT ? left : BIG_SEGMENT, &len,
			       err) || own(c, at, err) < 0)
			return -1;
	}
	return 0;
}

static int check_value(struct check *c, uint32_t at, struct error *err)
{
	uint32_t len;
	struct hive_value v;
	const uint8_t *p;

	if (hive_value_read(c->hive, at, &v, err) < 0 || own(c, at, err) < 0)
		return -1;
	c->stats.values++;
	p = hive_cell(c->hive, at, 20, &len, err);
	if (!p)
		return -1;
	if (v.data == p + 8)
		return 0;
	if (own(c, get_le32(p + 8), err) < 0)
		return -1;
	return v.data ? 0 : check_big(c, &v, err);
}

static int check_values(struct check *c, const struct hive_key *key,
			struct error *err)
{
	AUTO_FREE uint32_t *cells = NULL;
	ssize_t n = hive_values(c->hive, key, &cells, err);

	if (n < 0 || (n && own(c, key->value_list, err) < 0))
		return -1;
	for (ssize_t i = 0; i < n; i++)
		if (check_value(c, cells[i], err) < 0)
			return -1;
	return 0;
}

/* ---- security descriptors ------------------------------------------------ */

static int note_security(struct check *c, uint32_t at, struct error *err)
{
	uint32_t slot = at / 8 * UINT32_C(2654435761) % SECURITY_SLOTS, len;
	const uint8_t *p;

	while (c->security[slot].at && c->security[slot].at != at)
		slot = (slot + 1) % SECURITY_SLOTS;
	if (c->security[slot].at) {
		c->security[slot].refs++;
		return 0;
	}
	p = hive_cell(c->hive, at, 20, &len, err);
	if (!p || own(c, at, err) < 0)
		return -1;
	if (memcmp(p, "sk", 2) != 0 || !range_ok(20, get_le32(p + 16), len))
		return damaged(err, at, "no security descriptor");
	if (++c->securities > SECURITY_SLOTS / 2)
		return damaged(err, at, "too many security descriptors");
	c->security[slot] = (struct security) { .at = at, .refs = 1 };
	return 0;
}

static int check_security_counts(struct check *c, struct error *err)
{
	uint32_t len;

	for (uint32_t i = 0; i < SECURITY_SLOTS; i++) {
		const struct security *s = &c->security[i];
		const uint8_t *p;

		if (!s->at)
			continue;
		p = hive_cell(c->hive, s->at, 20, &len, err);
		if (!p)
			return -1;
		if (get_le32(p + 12) != s->refs)
			return damaged(err, s->at, "security descriptor has "
				       "another number of users than it says");
	}
	return 0;
}

/* ---- keys ---------------------------------------------------------------- */

/* Upper-case ASCII copy of a name; false when it isn't all ASCII. */
static bool ascii_name(const struct hive_key *key, char text[256])
{
	size_t step = key->wide ? 2 : 1, n = key->name_len / step;

	for (size_t i = 0; i < n; i++) {
		unsigned int c = key->wide ? get_le16(key->name + 2 * i)
					   : key->name[i];

		if (c >= 0x80 || !c)
			return false;
		text[i] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
	}
	text[n] = '\0';
	return true;
}

/* Takes ownership of the list @at and the lists in it, and checks the hashes
 * against the names; hive_subkeys() has read the same lists before. */
static int check_list(struct check *c, uint32_t at, bool nested,
		      struct error *err)
{
	uint32_t len;
	const uint8_t *p = hive_cell(c->hive, at, 4, &len, err);
	struct hive_key child;
	char name[256];

	if (!p || own(c, at, err) < 0)
		return -1;
	for (uint32_t i = 0; i < get_le16(p + 2); i++) {
		uint32_t hash = 0;

		if (memcmp(p, "ri", 2) == 0 && !nested) {
			if (check_list(c, get_le32(p + 4 + 4 * (size_t)i), true,
				       err) < 0)
				return -1;
			continue;
		}
		if (memcmp(p, "lh", 2) != 0)
			continue;
		if (hive_key_read(c->hive, get_le32(p + 4 + 8 * (size_t)i),
				  &child, err) < 0)
			return -1;
		if (!ascii_name(&child, name))
			continue;
		for (const char *s = name; *s; s++)
			hash = hash * 37 + (unsigned char)*s;
		if (hash != get_le32(p + 8 + 8 * (size_t)i))
			return damaged(err, child.at, "wrong hash of a name");
	}
	return 0;
}

static int check_key(struct check *c, const struct hive_key *key,
		     unsigned int depth, struct error *err);

static int check_subkeys(struct check *c, const struct hive_key *key,
			 unsigned int depth, struct error *err)
{
	AUTO_FREE uint32_t *cells = NULL;
	ssize_t n = hive_subkeys(c->hive, key, &cells, err);
	char names[2][256] = { "", "" };
	bool comparable = false;

	if (n < 0 || (n && check_list(c, key->subkey_list, false, err) < 0))
		return -1;
	for (ssize_t i = 0; i < n; i++) {
		struct hive_key child;
		bool ascii;

		if (hive_key_read(c->hive, cells[i], &child, err) < 0)
			return -1;
		if (child.parent != key->at)
			return damaged(err, child.at, "key with another parent");
		ascii = ascii_name(&child, names[i % 2]);
		if (ascii && comparable &&
		    strcmp(names[(i + 1) % 2], names[i % 2]) >= 0)
			return damaged(err, child.at, "subkeys out of order");
		comparable = ascii;
		if (check_key(c, &child, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

static int check_key(struct check *c, const struct hive_key *key,
		     unsigned int depth, struct error *err)
{
	uint32_t len;

	if (depth > HIVE_DEPTH_LIMIT)
		return damaged(err, key->at, "too deep");
	if (own(c, key->at, err) < 0)
		return -1;
	c->stats.keys++;
	if (key->class_len &&
	    (!hive_cell(c->hive, key->class_at, key->class_len, &len, err) ||
	     own(c, key->class_at, err) < 0))
		return -1;
	if (note_security(c, key->security, err) < 0 ||
	    check_values(c, key, err) < 0)
		return -1;
	return check_subkeys(c, key, depth, err);
}

int hive_check(const struct hive *h, struct hive_stats *stats,
	       struct error *err)
{
	struct check c = { .hive = h };
	AUTO_FREE uint8_t *starts = calloc(h->bins_size / 64 + 1, 1);
	AUTO_FREE struct security *security =
		calloc(SECURITY_SLOTS, sizeof(*security));
	struct hive_key root;
	uint32_t all;

	if (!starts || !security)
		return fail(err, ENOMEM, "out of memory");
	c.starts = starts;
	c.security = security;
	if (scan_bins(&c, err) < 0)
		return -1;
	all = c.stats.cells;
	if (hive_root(h, &root, err) < 0 || check_key(&c, &root, 0, err) < 0 ||
	    check_security_counts(&c, err) < 0)
		return -1;
	c.stats.lost = c.stats.cells;
	c.stats.cells = all;
	if (stats)
		*stats = c.stats;
	return 0;
}
