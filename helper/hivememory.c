// SPDX-License-Identifier: GPL-2.0-or-later
/* hivememory.c - hives in memory files, and what hivex needs beforehand */

#include "helper/hive.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int hive_prepare(struct error *err)
{
	static const char *const pairs[][2] = {
		{ "UTF-8", "LATIN1" }, { "LATIN1", "UTF-8" },
		{ "UTF-8", "UTF-16LE" }, { "UTF-16LE", "UTF-8" },
	};

	static iconv_t kept[ARRAY_SIZE(pairs)];

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (!kept[i])
			kept[i] = iconv_open(pairs[i][0], pairs[i][1]);
		if (kept[i] == (iconv_t)-1)
			return fail_errno(err, "no conversion from %s to %s",
					  pairs[i][1], pairs[i][0]);
	}
	return 0;
}

int hive_memory_resize(struct hive_memory *memory, size_t len,
		       struct error *err)
{
	void *map;

	if (ftruncate(memory->fd, (off_t)len) < 0)
		return fail_errno(err, "cannot size a memory file");
	if (memory->data)
		munmap(memory->data, memory->len);
	memory->data = NULL;
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		   memory->fd, 0);
	if (map == MAP_FAILED)
		return fail_errno(err, "cannot map a memory file");
	memory->data = map;
	memory->len = len;
	return 0;
}

static int memory_create(struct hive_memory *memory, struct error *err)
{
	*memory = (struct hive_memory) { .fd = -1 };
	memory->fd = memfd_create("hive", MFD_CLOEXEC);
	return memory->fd < 0 ? fail_errno(err, "cannot make a memory file") : 0;
}

int hive_memory_new(struct hive_memory *memory, const uint8_t *data, size_t len,
		    struct error *err)
{
	if (memory_create(memory, err) < 0)
		return -1;
	if (hive_memory_resize(memory, len, err) < 0) {
		hive_memory_free(memory);
		return -1;
	}
	if (data && memory->data)
		memcpy(memory->data, data, len);
	return 0;
}

void hive_memory_free(struct hive_memory *memory)
{
	if (memory->data) {
		munmap(memory->data, memory->len);
		cleanup_close(&memory->fd);
	}
	*memory = (struct hive_memory) { .fd = -1 };
}

int hive_recover(struct hive_memory *memory, const struct hivelog *log,
		 struct error *err)
{
	if (log->size > memory->len &&
	    hive_memory_resize(memory, (size_t)log->size, err) < 0)
		return -1;
	hivelog_overlay(log, 0, memory->data, memory->len);
	return 0;
}
