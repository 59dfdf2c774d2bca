// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hivetree.c - keys and values of a registry hive, read directly from its bytes
 *
 * Cell layouts are from the public description in msuhanov/regf. A cell is a signed 32-bit size
 * (negative: in use) and its contents; "nk" is a key, "vk" a value, "lf", "lh", "li" and "ri"
 * are lists of keys, "db" a value larger than BIG_SEGMENT. Lists of lists ("ri") are one level
 * deep in every hive that Windows writes, so deeper ones are damage and nothing here recurses
 * without limit.
 */

#include "helper/hive/hivetree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LAZY_BLOCK 65536u
#define BIG_SEGMENT 16344u	/* bytes of a "db" segment */
#define KEY_HEAD 76u
#define VALUE_HEAD 20u

static int damaged(struct error *err, uint32_t at, const char *what)
{
	return fail(err, REFUSE_HIVE_DAMAGED, "damaged at offset %u: %s", at,
		    what);
}

/* ---- the door ------------------------------------------------------------ */

static int load_block(const struct hive *h, uint64_t block, struct error *err)
{
	uint64_t off = block * LAZY_BLOCK, len = h->size - off, have;

	if (len > LAZY_BLOCK)
		len = LAZY_BLOCK;
	have = off >= h->file_size ? 0 : h->file_size - off;
	if (have > len)
		have = len;
	if (have && h->pread(h->opaque, off, h->map + off, (size_t)have,
			     err) < 0)
		return -1;
	hivelog_overlay(h->log, off, h->map + off, (size_t)len);
	h->loaded[block] = 1;
	return 0;
}

static bool as_in_twin(const struct hive *h, uint64_t off, uint64_t len)
{
	if (!h->twin || !len || len > LAZY_BLOCK)
		return false;
	for (uint64_t page = off / HIVE_PAGE; page <= (off + len - 1) / HIVE_PAGE;
	     page++)
		if (h->changed[page])
			return false;
	return true;
}

const uint8_t *hive_at(const struct hive *h, uint64_t off, uint64_t len,
		       struct error *err)
{
	if (!range_ok(off, len, h->bins_size)) {
		fail(err, REFUSE_HIVE_DAMAGED, "offset %llu leads out of it",
		     (unsigned long long)off);
		return NULL;
	}
	off += HIVE_BASE_SIZE;
	if (h->pread && len)
		for (uint64_t b = off / LAZY_BLOCK;
		     b <= (off + len - 1) / LAZY_BLOCK; b++)
			if (!h->loaded[b] && load_block(h, b, err) < 0)
				return NULL;
	return (as_in_twin(h, off, len) ? h->twin : h->data) + off;
}

static int open_base(struct hive *h, const uint8_t *block, struct error *err)
{
	struct hive_base base;
	const char *why;

	if (!hive_base_read(block, &base, &why))
		return fail(err, REFUSE_HIVE_DAMAGED,
			    "not a registry hive: %s", why);
	if (!range_ok(HIVE_BASE_SIZE, base.bins_size, h->size))
		return fail(err, REFUSE_HIVE_DAMAGED, "cut off");
	h->bins_size = base.bins_size;
	h->root = base.root;
	return 0;
}

int hive_open_bytes(struct hive *h, const uint8_t *data, uint64_t size,
		    struct error *err)
{
	memset(h, 0, sizeof(*h));
	if (size < HIVE_BASE_SIZE || size > HIVE_LIMIT)
		return fail(err, REFUSE_HIVE_DAMAGED,
			    "not a registry hive: %llu bytes",
			    (unsigned long long)size);
	h->data = data;
	h->size = size;
	return open_base(h, data, err);
}

int hive_open_lazy(struct hive *h, uint64_t file_size, hive_pread *pread,
		   void *opaque, const struct hivelog *log, struct error *err)
{
	memset(h, 0, sizeof(*h));
	h->size = log->size;
	h->file_size = file_size;
	h->pread = pread;
	h->opaque = opaque;
	h->log = log;
	if (open_base(h, log->base, err) < 0)
		return -1;
	h->loaded = calloc((size_t)(h->size / LAZY_BLOCK + 1), 1);
	/* Address space only: pages that are never loaded cost nothing. */
	h->map = mmap(NULL, (size_t)h->size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (h->map == MAP_FAILED)
		h->map = NULL;
	h->data = h->map;
	if (!h->loaded || !h->map) {
		hive_close(h);
		return fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

int hive_load_all(struct hive *h, struct error *err)
{
	if (!h->pread)
		return 0;
	if (h->pread(h->opaque, 0, h->map,
		     (size_t)(h->file_size < h->size ? h->file_size : h->size),
		     err) < 0)
		return -1;
	hivelog_overlay(h->log, 0, h->map, (size_t)h->size);
	h->pread = NULL;
	return 0;
}

void hive_close(struct hive *h)
{
	if (h->map)
		munmap(h->map, (size_t)h->size);
	free(h->loaded);
	memset(h, 0, sizeof(*h));
}

/* ---- cells --------------------------------------------------------------- */

const uint8_t *hive_cell(const struct hive *h, uint32_t at, uint32_t min,
			 uint32_t *len, struct error *err)
{
	const uint8_t *p = at % 8 ? NULL : hive_at(h, at, 4, err);
	uint32_t size = p ? -get_le32(p) : 0;

	if (at % 8 || (p && (size > INT32_MAX || size % 8 ||
			     size < (uint64_t)min + 4))) {
		damaged(err, at, "no cell that fits");
		return NULL;
	}
	if (!p || !(p = hive_at(h, at, size, err)))
		return NULL;
	*len = size - 4;
	return p + 4;
}

int hive_key_read(const struct hive *h, uint32_t at, struct hive_key *key,
		  struct error *err)
{
	uint32_t len;
	const uint8_t *p = hive_cell(h, at, KEY_HEAD, &len, err);

	if (!p)
		return -1;
	*key = (struct hive_key) {
		.at = at, .flags = get_le16(p + 2), .time = get_le64(p + 4),
		.parent = get_le32(p + 16), .subkeys = get_le32(p + 20),
		.subkey_list = get_le32(p + 28), .values = get_le32(p + 36),
		.value_list = get_le32(p + 40), .security = get_le32(p + 44),
		.class_at = get_le32(p + 48), .name_len = get_le16(p + 72),
		.class_len = get_le16(p + 74), .name = p + KEY_HEAD,
		.wide = !(get_le16(p + 2) & 0x20),
	};
	if (memcmp(p, "nk", 2) != 0)
		return damaged(err, at, "no key");
	if (!range_ok(KEY_HEAD, key->name_len, len) || !key->name_len ||
	    (key->wide ? key->name_len % 2 || key->name_len > 510
		       : key->name_len > 255))
		return damaged(err, at, "key name too long");
	return 0;
}

int hive_root(const struct hive *h, struct hive_key *key, struct error *err)
{
	return hive_key_read(h, h->root, key, err);
}

static int read_big(const struct hive *h, uint32_t at, struct hive_value *value,
		    struct error *err)
{
	uint32_t len;
	const uint8_t *p = hive_cell(h, at, 8, &len, err);

	if (!p)
		return -1;
	value->segments = get_le16(p + 2);
	value->big_list = get_le32(p + 4);
	if (memcmp(p, "db", 2) != 0 || value->segments < 2 ||
	    value->len > (uint64_t)value->segments * BIG_SEGMENT ||
	    value->len <= (value->segments - 1) * (uint64_t)BIG_SEGMENT)
		return damaged(err, at, "no list of value segments");
	return 0;
}

int hive_value_read(const struct hive *h, uint32_t at, struct hive_value *value,
		    struct error *err)
{
	uint32_t cell_len, len, data_at;
	const uint8_t *p = hive_cell(h, at, VALUE_HEAD, &cell_len, err);

	if (!p)
		return -1;
	len = get_le32(p + 4);
	data_at = get_le32(p + 8);
	*value = (struct hive_value) {
		.at = at, .type = get_le32(p + 12), .len = len & INT32_MAX,
		.data_at = data_at,
		.name = p + VALUE_HEAD, .name_len = get_le16(p + 2),
		.wide = !(get_le16(p + 16) & 1),
	};
	if (memcmp(p, "vk", 2) != 0)
		return damaged(err, at, "no value");
	if (!range_ok(VALUE_HEAD, value->name_len, cell_len) ||
	    (value->wide && value->name_len % 2))
		return damaged(err, at, "value name too long");
	if (len > INT32_MAX || !value->len) {	/* kept in the cell itself */
		value->data = p + 8;
		value->data_at = HIVE_NO_CELL;
		return value->len <= 4 ? 0 : damaged(err, at, "inline value");
	}
	/* A value slightly too large for one segment may still be plain in hives of versions
	 * that have no segments. */
	if (value->len > BIG_SEGMENT) {
		p = hive_cell(h, data_at, 4, &cell_len, err);
		if (!p)
			return -1;
		if (cell_len < value->len || memcmp(p, "db", 2) == 0)
			return read_big(h, data_at, value, err);
	}
	value->data = hive_cell(h, data_at, value->len, &cell_len, err);
	return value->data ? 0 : -1;
}

int hive_value_copy(const struct hive *h, const struct hive_value *value,
		    uint8_t **data, struct error *err)
{
	AUTO_FREE uint8_t *copy = NULL;
	uint32_t left = value->len, len, n;
	const uint8_t *list, *p;

	if (value->len > HIVE_VALUE_LIMIT)
		return fail(err, REFUSE_WINDOWS_UNKNOWN, "a value of %u bytes", value->len);
	copy = calloc((size_t)value->len + 1, 1);
	if (!copy)
		return fail(err, ENOMEM, "out of memory");
	if (value->data)
		memcpy(copy, value->data, value->len);
	for (uint16_t i = 0; !value->data && i < value->segments; i++) {
		list = hive_cell(h, value->big_list, value->segments * 4u, &len,
				 err);
		n = left < BIG_SEGMENT ? left : BIG_SEGMENT;
		if (!list || !(p = hive_cell(h, get_le32(list + 4 * (size_t)i), n, &len,
					     err)))
			return -1;
		memcpy(copy + (value->len - left), p, n);
		left -= n;
	}
	*data = steal(&copy);
	return 0;
}

/* ---- lists --------------------------------------------------------------- */

/* NOLINTNEXTLINE(misc-no-recursion): lists nest once */
static int walk_list(const struct hive *h, uint32_t at, bool nested,
		     hive_list_item *item, void *opaque, struct error *err)
{
	struct hive_list_entry e = { .cell = at, .list = true };
	uint32_t len, step;
	const uint8_t *p = hive_cell(h, at, 4, &len, err);
	bool plain, lists;
	int ret;

	if (!p)
		return -1;
	e.hashed = memcmp(p, "lh", 2) == 0;
	lists = memcmp(p, "ri", 2) == 0;
	plain = lists || memcmp(p, "li", 2) == 0;
	if (!(plain || e.hashed || memcmp(p, "lf", 2) == 0) ||
	    (lists && nested))
		return damaged(err, at, "no list of keys");
	step = plain ? 4 : 8;
	if (!range_ok(4, (uint64_t)get_le16(p + 2) * step, len))
		return damaged(err, at, "list of keys too long");
	ret = item(opaque, &e, err);
	e.list = false;
	for (uint32_t i = 0; i < get_le16(p + 2) && ret == 0; i++) {
		e.cell = get_le32(p + 4 + (size_t)i * step);
		if (e.hashed)
			e.hash = get_le32(p + 8 + (size_t)i * step);
		ret = lists ? walk_list(h, e.cell, true, item, opaque, err)
			    : item(opaque, &e, err);
	}
	return ret;
}

int hive_list_each(const struct hive *h, uint32_t at, hive_list_item *item,
		   void *opaque, struct error *err)
{
	return walk_list(h, at, false, item, opaque, err);
}

struct collect {
	uint32_t *cells;
	size_t used, size;
};

static int collect_item(void *opaque, const struct hive_list_entry *e,
			struct error *err)
{
	struct collect *c = opaque;

	if (e->list)
		return 0;
	if (c->used == c->size)
		return fail(err, REFUSE_HIVE_DAMAGED,
			    "damaged: a key has more subkeys than it says");
	c->cells[c->used++] = e->cell;
	return 0;
}

/* A count in a hive is accepted only up to what could fit in it. */
static uint32_t *room_for(const struct hive *h, uint32_t count,
			  struct error *err)
{
	uint32_t *cells = NULL;

	if (count > h->bins_size / 8)
		fail(err, REFUSE_HIVE_DAMAGED, "damaged: invalid count");
	else if (!(cells = calloc((size_t)count + 1, sizeof(*cells))))
		fail(err, ENOMEM, "out of memory");
	return cells;
}

ssize_t hive_subkeys(const struct hive *h, const struct hive_key *key,
		     uint32_t **cells, struct error *err)
{
	struct collect c = { .size = key->subkeys };
	AUTO_FREE uint32_t *room = NULL;

	*cells = NULL;
	if (!key->subkeys)
		return 0;
	room = c.cells = room_for(h, key->subkeys, err);
	if (!room || hive_list_each(h, key->subkey_list, collect_item, &c,
				    err) < 0)
		return -1;
	if (c.used != c.size)
		return damaged(err, key->at, "key has fewer subkeys than it says");
	*cells = steal(&room);
	return (ssize_t)c.used;
}

ssize_t hive_values(const struct hive *h, const struct hive_key *key,
		    uint32_t **cells, struct error *err)
{
	const uint8_t *p;
	uint32_t len;

	*cells = NULL;
	if (!key->values)
		return 0;
	if (key->values > h->bins_size / 8)
		return damaged(err, key->at, "invalid count of values");
	p = hive_cell(h, key->value_list, key->values * 4, &len, err);
	if (!p || !(*cells = room_for(h, key->values, err)))
		return -1;
	for (uint32_t i = 0; i < key->values; i++)
		(*cells)[i] = get_le32(p + 4 * (size_t)i);
	return key->values;
}

/* ---- lookups ------------------------------------------------------------- */

struct lookup {
	const struct hive *hive;
	struct hive_key *key;
	const char *name;
	size_t len;
	uint32_t hash;
};

/* Windows' own hash of an upper-case name, for the ASCII names looked for. */
static uint32_t name_hash(const char *name, size_t len)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		hash = hash * 37 + (c >= 'a' && c <= 'z' ? c - 32u : c);
	}
	return hash;
}

static int lookup_item(void *opaque, const struct hive_list_entry *e,
		       struct error *err)
{
	struct lookup *l = opaque;

	if (e->list || (e->hashed && e->hash != l->hash))
		return 0;
	if (hive_key_read(l->hive, e->cell, l->key, err) < 0)
		return -1;
	return hive_name_is(l->key->name, l->key->name_len, l->key->wide,
			    l->name, l->len);
}

int hive_find(const struct hive *h, const struct hive_key *from,
	      const char *path, struct hive_key *key, struct error *err)
{
	struct hive_key here = *from;

	while (*path) {
		size_t len = strcspn(path, "\\");
		struct hive_key child = { .at = 0 };
		struct lookup l = { .hive = h, .key = &child, .name = path,
				    .len = len, .hash = name_hash(path, len) };
		int found = here.subkeys
			? hive_list_each(h, here.subkey_list, lookup_item, &l,
					 err) : 0;

		if (found <= 0)
			return found;
		here = child;
		path += len + (path[len] == '\\');
	}
	*key = here;
	return 1;
}

int hive_get(const struct hive *h, const struct hive_key *key, const char *name,
	     struct hive_value *value, struct error *err)
{
	const uint8_t *p;
	uint32_t len;

	if (!key->values)
		return 0;
	if (key->values > h->bins_size / 8)
		return damaged(err, key->at, "invalid count of values");
	p = hive_cell(h, key->value_list, key->values * 4, &len, err);
	if (!p)
		return -1;
	for (uint32_t i = 0; i < key->values; i++) {
		if (hive_value_read(h, get_le32(p + 4 * (size_t)i), value,
				    err) < 0)
			return -1;
		if (hive_name_is(value->name, value->name_len, value->wide,
				 name, strlen(name)))
			return 1;
	}
	return 0;
}
