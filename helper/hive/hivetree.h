/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hivetree.h - keys and values of a registry hive, read directly from its bytes
 *
 * Reading uses our own code and not hivex for three reasons: a lookup loads only the blocks
 * that it needs (an inspection reads some hundred KiB of hives of 15 and 100 MB); the output of
 * hivex (hive.c) is checked by a reader that shares no code with it; and there is no assertion
 * that a hostile hive could trigger.
 *
 *	hive_open_bytes(&h, data, size, err)	or	hive_open_lazy(&h, ...)
 *	hive_find(&h, &root, "Select", &key, err) == 1
 *	hive_get_dword(&h, &key, "Current", &number, err) == 1
 *	hive_close(&h)
 *
 * Lookups return 1: found, 0: does not exist, -1 with @err: the hive is damaged
 * (REFUSE_HIVE_DAMAGED) or can't be read. Paths are ASCII, separated by '\', and matched
 * without regard to case. Offsets of cells count from the start of the bins, as in the hive
 * itself. Every access is bounds-checked by hive_at().
 */
#ifndef BUSFLIP_HIVETREE_H
#define BUSFLIP_HIVETREE_H

#include "helper/hive/hivebase.h"
#include "helper/hive/hivelog.h"

/* Windows allows key names of 255 characters and 512 levels. */
#define HIVE_NAME_UTF8 (255 * 3 + 1)
#define HIVE_DEPTH_LIMIT 512
#define HIVE_NO_CELL UINT32_MAX

/* Registry types, and the type in which Windows 8 and later stores device properties. */
enum registry_type {
	HIVE_NONE = 0, HIVE_SZ = 1, HIVE_EXPAND_SZ = 2, HIVE_BINARY = 3,
	HIVE_DWORD = 4, HIVE_MULTI_SZ = 7, HIVE_QWORD = 11,
};
#define HIVE_PROPERTY_U32 UINT32_C(0xFFFF0007)
#define HIVE_PROPERTY_FILETIME UINT32_C(0xFFFF0010)
#define HIVE_PROPERTY_STRING UINT32_C(0xFFFF0012)

/* Read exactly @len bytes at @off of the hive file. */
typedef int hive_pread(void *opaque, uint64_t off, uint8_t *buf, size_t len,
		       struct error *err);

struct hive {
	const uint8_t *data;	/* the file; if lazy, valid where loaded */
	uint64_t size;
	uint32_t bins_size, root;
	const uint8_t *twin;	/* another file, or NULL: where @changed has ... */
	const uint8_t *changed;	/* ... zero for a page, its bytes are read from there */
	uint8_t *map;		/* lazy only, like all that follow */
	uint8_t *loaded;	/* one byte for each block */
	hive_pread *pread;
	void *opaque;
	uint64_t file_size;	/* bytes that @pread can give */
	const struct hivelog *log;
};

struct hive_key {
	uint32_t at;		/* cell */
	uint16_t flags;
	uint64_t time;		/* FILETIME of the last change */
	uint32_t parent, subkeys, subkey_list, values, value_list;
	uint32_t security, class_at;
	uint16_t class_len, name_len;	/* bytes */
	const uint8_t *name;
	bool wide;		/* name is UTF-16LE, else Latin-1 */
};

struct hive_value {
	uint32_t at;		/* cell */
	uint32_t type, len;	/* len: bytes of data */
	const uint8_t *data;	/* NULL if big: see hive_value_copy() */
	uint32_t data_at;	/* cell of the data; HIVE_NO_CELL: inline */
	uint32_t big_list;	/* cell of the list of segments */
	uint16_t segments;
	const uint8_t *name;
	uint16_t name_len;	/* bytes; 0: the default value */
	bool wide;
};

/* hive_open_bytes() - open a whole hive in memory; @data must outlive @h. Dirty hives are
 * accepted: replaying is up to the caller (hivelog.h). */
int hive_open_bytes(struct hive *h, const uint8_t *data, uint64_t size,
		    struct error *err);

/*
 * hive_open_lazy() - open a hive of which blocks are read on demand
 *
 * @file_size: how much @pread can read. @log: the result of hivelog_read() for it, overlaid on
 * each block; must outlive @h, as must @opaque.
 */
int hive_open_lazy(struct hive *h, uint64_t file_size, hive_pread *pread,
		   void *opaque, const struct hivelog *log, struct error *err);
void hive_close(struct hive *h);

/* hive_load_all() - read all of a lazy hive; after that its @data holds the whole hive, logs
 * replayed. */
int hive_load_all(struct hive *h, struct error *err);

/* hive_at() - bounds-checked access to the bins: @len bytes at @off, or NULL with @err. */
const uint8_t *hive_at(const struct hive *h, uint64_t off, uint64_t len,
		       struct error *err);

/* hive_cell() - contents of the allocated cell at @at, which has at least @min bytes; *@len is
 * set to its size. NULL with @err. */
const uint8_t *hive_cell(const struct hive *h, uint32_t at, uint32_t min,
			 uint32_t *len, struct error *err);

int hive_root(const struct hive *h, struct hive_key *key, struct error *err);
int hive_key_read(const struct hive *h, uint32_t at, struct hive_key *key,
		  struct error *err);
int hive_value_read(const struct hive *h, uint32_t at, struct hive_value *value,
		    struct error *err);

/* hive_find() - the key at @path below @from; "" is @from itself. */
int hive_find(const struct hive *h, const struct hive_key *from,
	      const char *path, struct hive_key *key, struct error *err);

/*
 * hive_list_each() - call @item for each entry of the list of keys at @at, and first for the
 * list itself and each list in it (@list true)
 *
 * @hash is the hash of the key's name, only if @hashed. Non-zero from @item stops and is the
 * result.
 */
struct hive_list_entry {
	uint32_t cell, hash;
	bool list, hashed;
};
typedef int hive_list_item(void *opaque, const struct hive_list_entry *entry,
			   struct error *err);
int hive_list_each(const struct hive *h, uint32_t at, hive_list_item *item,
		   void *opaque, struct error *err);

/* hive_subkeys(), hive_values() - the cells of all children, in stored order; the caller frees
 * *@cells (NULL if there are none). Return the number, or -1. A list that disagrees with the
 * key's own count is damage. */
ssize_t hive_subkeys(const struct hive *h, const struct hive_key *key,
		     uint32_t **cells, struct error *err);
ssize_t hive_values(const struct hive *h, const struct hive_key *key,
		    uint32_t **cells, struct error *err);

/* hive_get() - the value @name of @key; "" is the default value. */
int hive_get(const struct hive *h, const struct hive_key *key, const char *name,
	     struct hive_value *value, struct error *err);

/* Typed getters. A value of another type counts as missing. Text is cut to @size at a
 * character boundary; a FILETIME is BINARY or a device property. */
int hive_get_dword(const struct hive *h, const struct hive_key *key,
		   const char *name, uint32_t *number, struct error *err);
int hive_get_text(const struct hive *h, const struct hive_key *key,
		  const char *name, char *text, size_t size, struct error *err);
int hive_get_filetime(const struct hive *h, const struct hive_key *key,
		      const char *name, uint64_t *time, struct error *err);

/* hive_value_copy() - data of any value, big ones reassembled; the caller frees it. Values of
 * more than HIVE_VALUE_LIMIT bytes are EFBIG. */
#define HIVE_VALUE_LIMIT (1u << 20)
int hive_value_copy(const struct hive *h, const struct hive_value *value,
		    uint8_t **data, struct error *err);

/* hive_name_utf8() - a key's or value's name, at most 255 characters. */
void hive_name_utf8(const uint8_t *name, uint16_t len, bool wide,
		    char text[HIVE_NAME_UTF8]);

/* utf16_to_utf8() - convert up to a NUL or the end of @len bytes of UTF-16LE; lone surrogates
 * become U+FFFD; cut at a character boundary to fit @size. Returns how many bytes of @src were
 * read, including the NUL. */
size_t utf16_to_utf8(char *dst, size_t size, const uint8_t *src, size_t len);

#endif
