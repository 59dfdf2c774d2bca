/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hive.c - keys and values of a registry hive in memory */

#include "hive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HIVEX_NO_TYPE_NAMES
#include <hivex.h>

#define NK_TIME 8	/* of the last-written time in a key's cell */

struct hive {
	hive_h *h;
	int fd;
	struct touch {
		hkey key;
		uint64_t when;
	} *touched;
	size_t count;
};

/* ---- a hive from nothing ---- */

static void cell(uint8_t *p, const char *id, uint32_t size)
{
	put32(p, ~size + 1);
	memcpy(p + 4, id, 2);
}

struct bytes hive_empty(const char *root_name)
{
	/* Owner Administrators, group LocalSystem, no access list */
	static const uint8_t sd[] = {
		1, 0, 0, 0x80, 20, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0,
		1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
	};
	struct bytes b = { xcalloc(8192, 1), 8192 };
	uint8_t *base = b.data, *bin = base + 4096, *nk = bin + 0x20, *sk = bin + 0xa0;
	uint32_t sum = 0;

	memcpy(base, "regf", 4);
	put32(base + 4, 1);
	put32(base + 8, 1);
	put64(base + 12, filetime_now());
	put32(base + 20, 1);
	put32(base + 24, 5);
	put32(base + 32, 1);
	put32(base + 36, 0x20);
	put32(base + 40, 4096);
	put32(base + 44, 1);
	memcpy(bin, "hbin", 4);
	put32(bin + 8, 4096);

	cell(nk, "nk", 0x80);
	put16(nk + 6, 0x2c);
	put64(nk + NK_TIME, filetime_now());
	for (unsigned at = 32; at <= 52; at += 4)
		put32(nk + at, 0xffffffff);
	put32(nk + 40, 0);
	put32(nk + 48, 0xa0);
	put16(nk + 76, (uint32_t)strlen(root_name));
	memcpy(nk + 80, root_name, strlen(root_name));

	cell(sk, "sk", 0x60);
	put32(sk + 8, 0xa0);
	put32(sk + 12, 0xa0);
	put32(sk + 16, 1);
	put32(sk + 20, sizeof(sd));
	memcpy(sk + 24, sd, sizeof(sd));
	put32(bin + 0x100, 4096 - 0x100);

	for (unsigned i = 0; i < 508; i += 4)
		sum ^= get32(base + i);
	put32(base + 508, sum);
	return b;
}

/* ---- opening and saving ---- */

static void fd_path(char path[32], int fd)
{
	snprintf(path, 32, "/proc/self/fd/%d", fd);
}

struct hive *hive_open(const struct bytes *b)
{
	struct hive *h = xcalloc(1, sizeof(*h));
	char path[32];

	h->fd = memfd_create("hive", MFD_CLOEXEC);
	if (h->fd < 0 || write(h->fd, b->data, b->len) != (ssize_t)b->len)
		die("hive: no memory");
	fd_path(path, h->fd);
	h->h = hivex_open(path, HIVEX_OPEN_WRITE);
	if (!h->h) {
		close(h->fd);
		free(h);
		return NULL;
	}
	return h;
}

struct bytes hive_save(struct hive *h)
{
	struct bytes b;
	char path[32];

	fd_path(path, h->fd);
	if (hivex_commit(h->h, path, 0))
		die("hive: commit: %s", strerror(errno));
	b = read_file(path);
	for (size_t i = 0; i < h->count; i++)
		if (h->touched[i].key + NK_TIME + 8 <= b.len)
			put64(b.data + h->touched[i].key + NK_TIME,
			      h->touched[i].when);
	return b;
}

void hive_close(struct hive *h)
{
	if (!h)
		return;
	hivex_close(h->h);
	close(h->fd);
	free(h->touched);
	free(h);
}

/* ---- keys ---- */

hkey hive_root(struct hive *h)
{
	return hivex_root(h->h);
}

void hive_touch(struct hive *h, hkey key, uint64_t when)
{
	for (size_t i = 0; i < h->count; i++) {
		if (h->touched[i].key == key) {
			h->touched[i].when = when;
			return;
		}
	}
	h->touched = xrealloc(h->touched, (h->count + 1) * sizeof(*h->touched));
	h->touched[h->count++] = (struct touch){ key, when };
}

static hkey walk(struct hive *h, hkey key, const char *path, bool make)
{
	char name[300];

	while (key && *path) {
		size_t n = strcspn(path, "\\");
		hkey child;

		if (n >= sizeof(name))
			return 0;
		memcpy(name, path, n);
		name[n] = 0;
		path += n + (path[n] == '\\');
		child = hivex_node_get_child(h->h, key, name);
		if (!child && make) {
			child = hivex_node_add_child(h->h, key, name);
			if (!child)
				die("hive: key %s: %s", name, strerror(errno));
			hive_touch(h, child, filetime_now());
			hive_touch(h, key, filetime_now());
		}
		key = child;
	}
	return key;
}

hkey hive_find(struct hive *h, hkey key, const char *path)
{
	return walk(h, key, path, false);
}

hkey hive_make(struct hive *h, hkey key, const char *path)
{
	return walk(h, key, path, true);
}

void hive_delete(struct hive *h, hkey key)
{
	hkey parent;
	size_t kept = 0;

	if (!key)
		return;
	parent = hivex_node_parent(h->h, key);
	if (hivex_node_delete_child(h->h, key))
		die("hive: delete: %s", strerror(errno));
	for (size_t i = 0; i < h->count; i++)
		if (h->touched[i].key != key)
			h->touched[kept++] = h->touched[i];
	h->count = kept;
	hive_touch(h, parent, filetime_now());
}

char *hive_name(struct hive *h, hkey key)
{
	char *name = hivex_node_name(h->h, key);

	if (!name)
		die("hive: a key without a name");
	return name;
}

uint64_t hive_time(struct hive *h, hkey key)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->touched[i].key == key)
			return h->touched[i].when;
	return (uint64_t)hivex_node_timestamp(h->h, key);
}

hkey *hive_children(struct hive *h, hkey key)
{
	hkey *list = key ? hivex_node_children(h->h, key) : NULL;

	return list ? list : xcalloc(1, sizeof(*list));
}

/* ---- values ---- */

bool hive_get(struct hive *h, hkey key, const char *name, uint32_t *type,
	      struct bytes *out)
{
	hive_value_h v = key ? hivex_node_get_value(h->h, key, name) : 0;
	hive_type t;
	size_t len;
	char *data;

	if (!v)
		return false;
	data = hivex_value_value(h->h, v, &t, &len);
	if (!data)
		return false;
	if (type)
		*type = (uint32_t)t;
	*out = bytes_copy(data, len);
	free(data);
	return true;
}

bool hive_get_u32(struct hive *h, hkey key, const char *name, uint32_t *out)
{
	struct bytes b = { 0 };
	uint32_t type = 0;
	bool good = hive_get(h, key, name, &type, &b) && type == REG_DWORD && b.len == 4;

	if (good)
		*out = get32(b.data);
	bytes_free(&b);
	return good;
}

uint32_t hive_u32(struct hive *h, hkey key, const char *name, uint32_t otherwise)
{
	uint32_t v = otherwise;

	hive_get_u32(h, key, name, &v);
	return v;
}

char *hive_text(struct hive *h, hkey key, const char *name)
{
	struct bytes b = { 0 };
	uint32_t type = 0;
	char *s = NULL;

	if (hive_get(h, key, name, &type, &b) &&
	    (type == REG_SZ || type == REG_EXPAND_SZ || type == REG_MULTI_SZ))
		s = utf16_get(b.data, b.len);
	bytes_free(&b);
	return s;
}

uint64_t hive_filetime(struct hive *h, hkey key, const char *name)
{
	struct bytes b = { 0 };
	uint64_t t = 0;

	if (hive_get(h, key, name, NULL, &b) && b.len == 8)
		t = get64(b.data);
	bytes_free(&b);
	return t;
}

void hive_texts(struct hive *h, hkey key, const char *name,
		void (*each)(const char *text, void *arg), void *arg)
{
	struct bytes b = { 0 };
	uint32_t type = 0;

	if (hive_get(h, key, name, &type, &b) &&
	    (type == REG_SZ || type == REG_MULTI_SZ)) {
		for (size_t at = 0; at + 1 < b.len;) {
			char *s = utf16_get(b.data + at, b.len - at);
			size_t n = strlen(s);

			if (n)
				each(s, arg);
			free(s);
			at += 2 * (n + 1);
			if (!n || type == REG_SZ)
				break;
		}
	}
	bytes_free(&b);
}

void hive_names(struct hive *h, hkey key,
		void (*each)(const char *name, void *arg), void *arg)
{
	hive_value_h *values = key ? hivex_node_values(h->h, key) : NULL;

	for (size_t i = 0; values && values[i]; i++) {
		char *name = hivex_value_key(h->h, values[i]);

		if (name)
			each(name, arg);
		free(name);
	}
	free(values);
}

void hive_set(struct hive *h, hkey key, const char *name, uint32_t type,
	      const void *data, size_t len)
{
	struct bytes b = bytes_copy(data, len), old = { 0 };
	uint32_t was = 0;
	char *n = xstrdup(name);
	hive_set_value v = {
		.key = n, .t = (hive_type)type, .len = len, .value = (char *)b.data,
	};

	/* Setting makes a new list of values and loses the old one's space. */
	if (!hive_get(h, key, name, &was, &old) || was != type || old.len != len ||
	    memcmp(old.data, b.data, len) != 0) {
		if (hivex_node_set_value(h->h, key, &v, 0))
			die("hive: value %s: %s", name, strerror(errno));
	}
	hive_touch(h, key, filetime_now());
	bytes_free(&old);
	bytes_free(&b);
	free(n);
}

void hive_set_u32(struct hive *h, hkey key, const char *name, uint32_t v)
{
	uint8_t data[4];

	put32(data, v);
	hive_set(h, key, name, REG_DWORD, data, sizeof(data));
}

void hive_set_u64(struct hive *h, hkey key, const char *name, uint32_t type,
		  uint64_t v)
{
	uint8_t data[8];

	put64(data, v);
	hive_set(h, key, name, type, data, sizeof(data));
}

void hive_set_text(struct hive *h, hkey key, const char *name, uint32_t type,
		   const char *text)
{
	struct bytes b = utf16_put(text);

	hive_set(h, key, name, type, b.data, b.len);
	bytes_free(&b);
}

void hive_set_texts(struct hive *h, hkey key, const char *name,
		    const char *const *list)
{
	struct bytes all = { xcalloc(2, 1), 2 };

	for (; *list; list++) {
		struct bytes b = utf16_put(*list);

		all.data = xrealloc(all.data, all.len + b.len);
		memcpy(all.data + all.len - 2, b.data, b.len);
		all.len += b.len;
		put16(all.data + all.len - 2, 0);
		bytes_free(&b);
	}
	hive_set(h, key, name, REG_MULTI_SZ, all.data, all.len);
	bytes_free(&all);
}
