// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hivecheck.c - is a hive whole?
 *
 * First all bins are walked from end to end, which gives the set of offsets where a cell in use
 * starts. Then the tree is walked, and each cell that it refers to is removed from that set:
 * one that is not in it (any more) is either not a cell, or shared by two owners.
 */

#include "helper/hive/hivecheck.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BIN_HEAD 32u
#define BIG_SEGMENT 16344u
#define SECURITY_SLOTS 16384u	/* a power of two */

struct security {
	uint32_t at, refs;	/* offset 0 is never a cell: a bin starts there */
	bool touched;
};

struct check {
	const struct hive *hive;
	const struct hive_marks *marks;	/* or NULL */
	bool touched;		/* one of the cells visited lies in changed bytes */
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
		uint32_t len = used ? -cell : cell;

		if (len < 8 || len % 8 || !range_ok(at, len, size))
			return damaged(err, bin + at, "cell of invalid size");
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

/* True if any page of [@at, @at + @len) of the bins differs from before. */
static bool in_changed(const struct check *c, uint32_t at, uint32_t len)
{
	uint64_t first = ((uint64_t)HIVE_BASE_SIZE + at) / HIVE_PAGE;
	uint64_t last = ((uint64_t)HIVE_BASE_SIZE + at + len) / HIVE_PAGE;

	for (uint64_t page = first; page <= last; page++)
		if (c->marks->changed[page])
			return true;
	return false;
}

/* Remove the cell at @at, with @len bytes in it, from the set of those without an owner. */
static int own(struct check *c, uint32_t at, uint32_t len, struct error *err)
{
	uint32_t slot = at / 8;
	uint8_t bit = (uint8_t)(1u << slot % 8);

	if (at % 8 || at >= c->hive->bins_size || !(c->starts[slot / 8] & bit))
		return damaged(err, at, "no cell, or one with two owners");
	c->starts[slot / 8] &= (uint8_t)~bit;
	c->stats.cells--;
	if (c->marks && !c->touched)
		c->touched = in_changed(c, at, len);
	return 0;
}

/* ---- values -------------------------------------------------------------- */

static int check_big(struct check *c, const struct hive_value *v,
		     struct error *err)
{
	uint32_t len;
	const uint8_t *list = hive_cell(c->hive, v->big_list, v->segments * 4u,
					&len, err);

	if (!list || own(c, v->big_list, len, err) < 0)
		return -1;
	for (uint16_t i = 0; i < v->segments; i++) {
		uint32_t at = get_le32(list + 4 * (size_t)i);
		uint32_t done = i * BIG_SEGMENT, left = v->len - done;

		if (!hive_cell(c->hive, at,
			       left < BIG_SEGMENT ? left : BIG_SEGMENT, &len,
			       err) || own(c, at, len, err) < 0)
			return -1;
	}
	return 0;
}

static int check_values(struct check *c, const struct hive_key *key,
			struct error *err)
{
	const uint8_t *list;
	struct hive_value v;
	uint32_t len;

	if (!key->values)
		return 0;
	if (key->values > c->hive->bins_size / 8)
		return damaged(err, key->at, "invalid count of values");
	list = hive_cell(c->hive, key->value_list, key->values * 4, &len, err);
	if (!list || own(c, key->value_list, len, err) < 0)
		return -1;
	c->stats.values += key->values;
	for (uint32_t i = 0; i < key->values; i++) {
		uint32_t at = get_le32(list + 4 * (size_t)i);

		if (hive_value_read(c->hive, at, &v, err) < 0 ||
		    own(c, at, 20u + v.name_len, err) < 0)
			return -1;
		if (v.data_at != HIVE_NO_CELL &&
		    own(c, v.data_at, v.data ? v.len : 8, err) < 0)
			return -1;
		if (!v.data && check_big(c, &v, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- security descriptors ------------------------------------------------ */

static int add_security(struct check *c, uint32_t at, struct security *slot,
			struct error *err)
{
	uint32_t len;
	const uint8_t *p = hive_cell(c->hive, at, 20, &len, err);
	bool outside = c->touched;
	int same = 1;

	c->touched = false;
	if (!p || own(c, at, len, err) < 0)
		return -1;
	if (memcmp(p, "sk", 2) != 0 || !range_ok(20, get_le32(p + 16), len))
		return damaged(err, at, "no security descriptor");
	if (++c->securities > SECURITY_SLOTS / 2)
		return damaged(err, at, "too many security descriptors");
	if (c->touched)
		same = hive_same_security(c->marks->before, at, c->hive, at,
					  NULL);
	c->touched = outside;
	*slot = (struct security) { .at = at, .touched = same != 1 };
	return 0;
}

static int note_security(struct check *c, uint32_t at, struct error *err)
{
	uint32_t slot = at / 8 * UINT32_C(2654435761) % SECURITY_SLOTS;

	while (c->security[slot].at && c->security[slot].at != at)
		slot = (slot + 1) % SECURITY_SLOTS;
	if (!c->security[slot].at &&
	    add_security(c, at, &c->security[slot], err) < 0)
		return -1;
	c->security[slot].refs++;
	c->touched |= c->security[slot].touched;
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
			return damaged(err, s->at, "security descriptor has a wrong number of "
				       "users");
	}
	return 0;
}

/* ---- keys ---------------------------------------------------------------- */

/* The parent, while the list of its children is walked. */
struct parent {
	struct check *check;
	uint32_t at, children;
	unsigned int depth;
	bool comparable;		/* @last is set */
	char last[256];			/* upper-case name of the previous child */
};

/* Upper-case ASCII copy of a name, and its hash; false if it is not ASCII. */
static bool ascii_name(const struct hive_key *key, char text[256],
		       uint32_t *hash)
{
	size_t step = key->wide ? 2 : 1, n = key->name_len / step;

	*hash = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned int c = key->wide ? get_le16(key->name + 2 * i)
					   : key->name[i];

		if (c >= 0x80 || !c)
			return false;
		c = c >= 'a' && c <= 'z' ? c - 32 : c;
		*hash = *hash * 37 + c;
		text[i] = (char)c;
	}
	text[n] = '\0';
	return true;
}

static int check_key(struct check *c, const struct hive_key *key,
		     unsigned int depth, struct error *err);

static int check_child(void *opaque, const struct hive_list_entry *e,
		       struct error *err)
{
	struct parent *p = opaque;
	struct hive_key child;
	char name[256];
	uint32_t hash, len;

	if (e->list) {
		const uint8_t *list = hive_cell(p->check->hive, e->cell, 4,
						&len, err);

		return list ? own(p->check, e->cell, len, err) : -1;
	}
	p->children++;
	if (hive_key_read(p->check->hive, e->cell, &child, err) < 0)
		return -1;
	if (child.parent != p->at)
		return damaged(err, child.at, "key with another parent");
	if (!ascii_name(&child, name, &hash)) {
		p->comparable = false;
	} else {
		if (e->hashed && hash != e->hash)
			return damaged(err, child.at, "wrong hash of a name");
		if (p->comparable && strcmp(p->last, name) >= 0)
			return damaged(err, child.at, "subkeys out of order");
		memcpy(p->last, name, sizeof(p->last));
		p->comparable = true;
	}
	return check_key(p->check, &child, p->depth + 1, err);
}

static int check_parts(struct check *c, const struct hive_key *key,
		       unsigned int depth, struct error *err)
{
	struct parent p = { .check = c, .at = key->at, .depth = depth };
	uint32_t len;

	if (own(c, key->at, 76u + key->name_len, err) < 0)
		return -1;
	c->stats.keys++;
	if (key->class_len &&
	    (!hive_cell(c->hive, key->class_at, key->class_len, &len, err) ||
	     own(c, key->class_at, len, err) < 0))
		return -1;
	if (note_security(c, key->security, err) < 0 ||
	    check_values(c, key, err) < 0)
		return -1;
	if (key->subkeys &&
	    hive_list_each(c->hive, key->subkey_list, check_child, &p, err) < 0)
		return -1;
	if (p.children != key->subkeys)
		return damaged(err, key->at, "wrong number of subkeys");
	return 0;
}

static int check_key(struct check *c, const struct hive_key *key,
		     unsigned int depth, struct error *err)
{
	bool outside = c->touched;
	uint32_t slot = key->at / 8;

	if (depth > HIVE_DEPTH_LIMIT)
		return damaged(err, key->at, "too deep");
	c->touched = false;
	if (check_parts(c, key, depth, err) < 0)
		return -1;
	if (c->marks && !c->touched)
		c->marks->clean[slot / 8] |= (uint8_t)(1u << slot % 8);
	c->touched |= outside;
	return 0;
}

int hive_check_against(const struct hive *h, const struct hive_marks *marks,
		       struct hive_stats *stats, struct error *err)
{
	struct check c = { .hive = h, .marks = marks };
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

int hive_check(const struct hive *h, struct hive_stats *stats,
	       struct error *err)
{
	return hive_check_against(h, NULL, stats, err);
}

int hive_same_security(const struct hive *before, uint32_t a_at,
		       const struct hive *after, uint32_t b_at,
		       struct error *err)
{
	uint32_t a_len, b_len, len;
	const uint8_t *a = hive_cell(before, a_at, 20, &a_len, err);
	const uint8_t *b = hive_cell(after, b_at, 20, &b_len, err);

	if (!a || !b)
		return -1;
	len = get_le32(a + 16);
	if (len != get_le32(b + 16) || !range_ok(20, len, a_len) ||
	    !range_ok(20, len, b_len))
		return 0;
	return memcmp(a + 20, b + 20, len) == 0;
}
