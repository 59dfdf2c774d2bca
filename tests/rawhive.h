/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rawhive.h - hives made cell by cell, with content that libhivex would never write: lists
 * of every kind, values in segments, and every kind of damage
 *
 * The layouts are those of helper/hive/hivetree.c, but written from the description and
 * without its code. A hive is one bin of RAW_BINS bytes.
 */
#ifndef BUSFLIP_RAWHIVE_H
#define BUSFLIP_RAWHIVE_H

#include "helper/shared/base.h"

#include <stdlib.h>
#include <string.h>

#define RAW_BINS 0x20000u
#define RAW_SIZE (0x1000u + RAW_BINS)
#define RAW_NONE UINT32_MAX

struct raw {
	uint8_t *file;		/* RAW_SIZE bytes */
	uint8_t *bins;
	uint32_t used;
	uint32_t security;
};

/* Owner and group SYSTEM, everyone may do everything. */
static const uint8_t raw_descriptor[72] = {
	1, 0, 4, 0x80, 20, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0,
	1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
	1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
	2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0, 0x3f, 0, 0x0f, 0,
	1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
};

__attribute__((unused))
static uint32_t raw_cell(struct raw *r, uint32_t len)
{
	uint32_t at = r->used, size = (len + 4 + 7) / 8 * 8;

	if (size > RAW_BINS - at - 64)
		abort();
	put_le32(r->bins + at, 0u - size);
	r->used += size;
	return at;
}

static inline uint8_t *raw_at(struct raw *r, uint32_t cell)
{
	return r->bins + cell + 4;
}

__attribute__((unused))
static void raw_start(struct raw *r)
{
	uint8_t *p;

	memset(r, 0, sizeof(*r));
	r->file = calloc(1, RAW_SIZE);
	if (!r->file)
		abort();
	r->bins = r->file + 0x1000;
	memcpy(r->bins, "hbin", 4);
	put_le32(r->bins + 8, RAW_BINS);
	r->used = 32;
	r->security = raw_cell(r, 20 + sizeof(raw_descriptor));
	p = raw_at(r, r->security);
	memcpy(p, "sk", 2);
	put_le32(p + 4, r->security);
	put_le32(p + 8, r->security);
	put_le32(p + 16, sizeof(raw_descriptor));
	memcpy(p + 20, raw_descriptor, sizeof(raw_descriptor));
}

/* A key without children and values. @wide: name stored as UTF-16. */
__attribute__((unused))
static uint32_t raw_key(struct raw *r, uint32_t parent, const char *name,
			bool wide)
{
	uint32_t n = (uint32_t)strlen(name), len = wide ? n * 2 : n;
	uint32_t at = raw_cell(r, 76 + len);
	uint8_t *p = raw_at(r, at), *sk = raw_at(r, r->security);

	memcpy(p, "nk", 2);
	put_le16(p + 2, (uint16_t)((wide ? 0 : 0x20) |
				   (parent == RAW_NONE ? 0x2c : 0)));
	put_le64(p + 4, 130000000000000000u);
	put_le32(p + 16, parent == RAW_NONE ? 0 : parent);
	put_le32(p + 28, RAW_NONE);
	put_le32(p + 32, RAW_NONE);
	put_le32(p + 40, RAW_NONE);
	put_le32(p + 44, r->security);
	put_le32(p + 48, RAW_NONE);
	put_le16(p + 72, (uint16_t)len);
	for (uint32_t i = 0; i < n; i++)
		p[76 + (wide ? 2 * i : i)] = (uint8_t)name[i];
	put_le32(sk + 12, get_le32(sk + 12) + 1);
	return at;
}

__attribute__((unused))
static uint32_t raw_hash(const char *name)
{
	uint32_t hash = 0;

	for (; *name; name++)
		hash = hash * 37 + (unsigned char)(*name >= 'a' && *name <= 'z'
						   ? *name - 32 : *name);
	return hash;
}

/* A list "lh", "lf" or "li" of keys, or "ri" of lists. */
__attribute__((unused))
static uint32_t raw_list(struct raw *r, const char *kind, uint16_t n,
			 const uint32_t *cells, const char *const *names)
{
	bool plain = kind[1] == 'i';
	uint32_t at = raw_cell(r, 4u + n * (plain ? 4u : 8u));
	uint8_t *p = raw_at(r, at);

	memcpy(p, kind, 2);
	put_le16(p + 2, n);
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *e = p + 4 + i * (plain ? 4u : 8u);

		put_le32(e, cells[i]);
		if (kind[1] == 'h')
			put_le32(e + 4, raw_hash(names[i]));
		else if (kind[1] == 'f')
			memcpy(e + 4, names[i], strnlen(names[i], 4));
	}
	return at;
}

__attribute__((unused))
static void raw_children(struct raw *r, uint32_t key, uint32_t count,
			 uint32_t list)
{
	put_le32(raw_at(r, key) + 20, count);
	put_le32(raw_at(r, key) + 28, list);
}

/* A value; more than 16344 bytes go into segments. */
__attribute__((unused))
static uint32_t raw_value(struct raw *r, const char *name, uint32_t type,
			  const void *data, uint32_t len)
{
	uint32_t n = (uint32_t)strlen(name), data_at = 0, list;
	uint32_t at = raw_cell(r, 20 + n), count = (len + 16343) / 16344;
	uint8_t *p = raw_at(r, at);

	memcpy(p, "vk", 2);
	put_le16(p + 2, (uint16_t)n);
	put_le32(p + 4, len <= 4 ? len | 0x80000000u : len);
	put_le32(p + 12, type);
	put_le16(p + 16, 1);
	memcpy(p + 20, name, n);
	if (len <= 4) {
		memcpy(p + 8, data, len);
		return at;
	}
	if (len <= 16344) {
		data_at = raw_cell(r, len);
		memcpy(raw_at(r, data_at), data, len);
	} else {
		data_at = raw_cell(r, 8);
		list = raw_cell(r, count * 4);
		memcpy(raw_at(r, data_at), "db", 2);
		put_le16(raw_at(r, data_at) + 2, (uint16_t)count);
		put_le32(raw_at(r, data_at) + 4, list);
		for (uint32_t i = 0; i < count; i++) {
			uint32_t part = len - i * 16344;
			uint32_t cell = raw_cell(r, 16344 + 4);

			memcpy(raw_at(r, cell), (const uint8_t *)data +
			       i * 16344, part < 16344 ? part : 16344);
			put_le32(raw_at(r, list) + 4 * i, cell);
		}
	}
	put_le32(raw_at(r, at) + 8, data_at);
	return at;
}

__attribute__((unused))
static void raw_values(struct raw *r, uint32_t key, uint32_t count,
		       const uint32_t *cells)
{
	uint32_t list = raw_cell(r, count * 4);

	for (uint32_t i = 0; i < count; i++)
		put_le32(raw_at(r, list) + 4 * i, cells[i]);
	put_le32(raw_at(r, key) + 36, count);
	put_le32(raw_at(r, key) + 40, list);
}

static inline void raw_checksum(uint8_t *base)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < 508; i += 4)
		sum ^= get_le32(base + i);
	put_le32(base + 508, sum == 0 ? 1 : sum == UINT32_MAX ? sum - 1 : sum);
}

/* The rest of the bin as one free cell, and the base block. */
__attribute__((unused))
static void raw_finish(struct raw *r, uint32_t root, uint32_t minor,
		       uint64_t time)
{
	uint8_t *b = r->file;

	put_le32(r->bins + r->used, RAW_BINS - r->used);
	memcpy(b, "regf", 4);
	put_le32(b + 4, 7);
	put_le32(b + 8, 7);
	put_le64(b + 12, time);
	put_le32(b + 20, 1);
	put_le32(b + 24, minor);
	put_le32(b + 32, 1);
	put_le32(b + 36, root);
	put_le32(b + 40, RAW_BINS);
	put_le32(b + 44, 1);
	raw_checksum(b);
}

#endif
