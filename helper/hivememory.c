// SPDX-License-Identifier: GPL-2.0-or-later
/* hivememory.c - whole hives in memory, and what hivex needs beforehand */

#include "helper/hive.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HUGE_PAGE ((size_t)2 << 20)

static int spare[] = { -1, -1 };

static int new_file(struct error *err)
{
	int fd = memfd_create("hive", MFD_CLOEXEC);

	return fd < 0 ? fail_errno(err, "cannot make a memory file") : fd;
}

int hive_file(int *fd, struct error *err)
{
	*fd = -1;
	for (size_t i = 0; *fd < 0 && i < ARRAY_SIZE(spare); i++)
		*fd = steal_fd(&spare[i]);
	if (*fd < 0)
		*fd = new_file(err);
	return *fd < 0 ? -1 : 0;
}

int hive_prepare(struct error *err)
{
	static const char *const pairs[][2] = {
		{ "UTF-8", "LATIN1" }, { "LATIN1", "UTF-8" },
		{ "UTF-8", "UTF-16LE" }, { "UTF-16LE", "UTF-8" },
	};

	static iconv_t kept[ARRAY_SIZE(pairs)];

	for (size_t i = 0; i < ARRAY_SIZE(spare); i++)
		if (spare[i] < 0 && (spare[i] = new_file(err)) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (!kept[i])
			kept[i] = iconv_open(pairs[i][0], pairs[i][1]);
		if (kept[i] == (iconv_t)-1)
			return fail_errno(err, "no conversion from %s to %s",
					  pairs[i][1], pairs[i][0]);
	}
	return 0;
}

int hive_memory_new(struct hive_memory *memory, const uint8_t *data, size_t len,
		    struct error *err)
{
	void *map;

	memset(memory, 0, sizeof(*memory));
	if (!len || len > SIZE_MAX - HUGE_PAGE)
		return fail(err, EINVAL, "a hive of %zu bytes", len);
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	if (map == MAP_FAILED)
		return fail(err, ENOMEM, "out of memory");
	/* Only a hint: a kernel without huge pages says no. */
	madvise(map, len, MADV_HUGEPAGE);
	memory->data = map;
	memory->len = len;
	if (data)
		memcpy(memory->data, data, len);
	return 0;
}

void hive_memory_free(struct hive_memory *memory)
{
	if (memory->data)
		munmap(memory->data, memory->len);
	memset(memory, 0, sizeof(*memory));
}

int hive_memory_store(const struct hive_memory *memory, int fd,
		      struct error *err)
{
	if (lseek(fd, 0, SEEK_SET) < 0 || ftruncate(fd, 0) < 0)
		return fail_errno(err, "cannot write a memory file");
	return write_all(fd, memory->data, memory->len, err);
}

int hive_memory_map(struct hive_memory *memory, int fd, struct error *err)
{
	struct stat st;
	void *map;

	memset(memory, 0, sizeof(*memory));
	if (fstat(fd, &st) < 0)
		return fail_errno(err, "cannot read a memory file");
	if (st.st_size <= 0)
		return fail(err, EINVAL, "a hive of %lld bytes", (long long)st.st_size);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED)
		return fail_errno(err, "cannot map a memory file");
	memory->data = map;
	memory->len = (size_t)st.st_size;
	return 0;
}
