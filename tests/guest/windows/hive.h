/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hive.h - keys and values of a registry hive in memory
 *
 * The only user of libhivex. Every key that is created or changed gets the time of the change
 * as its last-written time, which libhivex does not set by itself. Keys are hivex node
 * handles, 0 means "no such key"; paths are relative to a key and use backslashes.
 */
#ifndef MODEL_HIVE_H
#define MODEL_HIVE_H

#include "base.h"

typedef size_t hkey;
struct hive;

/* Types that have no name in hivex: properties of devices, Windows 8 and later */
#define HIVE_PROPERTY 0xffff0000u
#define PROPERTY_BOOL 0x11u
#define PROPERTY_U32 0x07u
#define PROPERTY_TIME 0x10u
#define PROPERTY_STRING 0x12u

#define REG_SZ 1u
#define REG_EXPAND_SZ 2u
#define REG_BINARY 3u
#define REG_DWORD 4u
#define REG_MULTI_SZ 7u

/* hive_empty() - the bytes of a hive with nothing but a root */
struct bytes hive_empty(const char *root_name);
/* hive_open() - Return: NULL when libhivex takes it for damaged. */
struct hive *hive_open(const struct bytes *b);
/* hive_save() - the bytes of the hive as it now is. Its header's sequence
 * numbers are libhivex's: whoever stores it sets them (hivelog.h). */
struct bytes hive_save(struct hive *h);
void hive_close(struct hive *h);

hkey hive_root(struct hive *h);
hkey hive_find(struct hive *h, hkey key, const char *path);
hkey hive_make(struct hive *h, hkey key, const char *path);
void hive_delete(struct hive *h, hkey key);
char *hive_name(struct hive *h, hkey key);
uint64_t hive_time(struct hive *h, hkey key);
void hive_touch(struct hive *h, hkey key, uint64_t when);
/* hive_children() - ends with 0; to be freed */
hkey *hive_children(struct hive *h, hkey key);

bool hive_get(struct hive *h, hkey key, const char *name, uint32_t *type,
	      struct bytes *out);
bool hive_get_u32(struct hive *h, hkey key, const char *name, uint32_t *out);
uint32_t hive_u32(struct hive *h, hkey key, const char *name, uint32_t otherwise);
/* hive_text() - REG_SZ, REG_EXPAND_SZ or the first of a REG_MULTI_SZ; NULL: none */
char *hive_text(struct hive *h, hkey key, const char *name);
uint64_t hive_filetime(struct hive *h, hkey key, const char *name);
/* hive_texts() - calls @each with each string of a REG_MULTI_SZ or REG_SZ */
void hive_texts(struct hive *h, hkey key, const char *name,
		void (*each)(const char *text, void *arg), void *arg);
/* hive_names() - calls @each with the name of each value */
void hive_names(struct hive *h, hkey key,
		void (*each)(const char *name, void *arg), void *arg);

void hive_set(struct hive *h, hkey key, const char *name, uint32_t type,
	      const void *data, size_t len);
void hive_set_u32(struct hive *h, hkey key, const char *name, uint32_t v);
void hive_set_u64(struct hive *h, hkey key, const char *name, uint32_t type,
		  uint64_t v);
void hive_set_text(struct hive *h, hkey key, const char *name, uint32_t type,
		   const char *text);
/* hive_set_texts() - @list ends with NULL */
void hive_set_texts(struct hive *h, hkey key, const char *name,
		    const char *const *list);

#endif
