// SPDX-License-Identifier: GPL-2.0-or-later
/* hivememory.c - whole hives in memory, and what hivex needs before the sandbox */

#include "helper/hive/hive.h"
#include "helper/shared/file.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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
	memset(memory, 0, sizeof(*memory));
	if (!len)
		return fail(err, REFUSE_HIVE_DAMAGED, "a hive of no bytes");
	memory->data = calloc(1, len);
	if (!memory->data)
		return fail(err, ENOMEM, "out of memory");
	memory->len = len;
	if (data)
		memcpy(memory->data, data, len);
	return 0;
}

void hive_memory_free(struct hive_memory *memory)
{
	if (memory->data && memory->changed)	/* a file */
		munmap(memory->data, memory->len);
	else
		free(memory->data);
	free(memory->changed);
	memset(memory, 0, sizeof(*memory));
}

int hive_memory_store(const struct hive_memory *memory, int fd,
		      struct error *err)
{
	/* Truncate last, so that memory which the file already has is reused. */
	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail_errno(err, "cannot write a memory file");
	if (write_all(fd, memory->data, memory->len, err) < 0)
		return -1;
	if (ftruncate(fd, (off_t)memory->len) < 0)
		return fail_errno(err, "cannot write a memory file");
	return 0;
}

/* Read in small pieces: in a mapped file each page that is touched for the first time costs a
 * page fault (15 MB: 29 ms, read 3 ms; measured). */
static uint8_t *find_changed(const struct hive_memory *before, int fd, size_t len,
			     struct error *err)
{
	static uint8_t piece[16 * HIVE_PAGE];
	AUTO_FREE uint8_t *changed = malloc(len / HIVE_PAGE + 2);

	if (!changed) {
		fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	memset(changed, 1, len / HIVE_PAGE + 2);
	for (size_t off = 0; off < len; off += sizeof(piece)) {
		size_t n = len - off < sizeof(piece) ? len - off : sizeof(piece);

		if (pread(fd, piece, n, (off_t)off) != (ssize_t)n) {
			fail(err, EIO, "cannot read a memory file");
			return NULL;
		}
		for (size_t at = 0; at + HIVE_PAGE <= n; at += HIVE_PAGE)
			changed[(off + at) / HIVE_PAGE] =
				!range_ok(off + at, HIVE_PAGE, before->len) ||
				memcmp(piece + at, before->data + off + at,
				       HIVE_PAGE) != 0;
	}
	return steal(&changed);
}

int hive_memory_map(struct hive_memory *memory, int fd,
		    const struct hive_memory *before, struct error *err)
{
	AUTO_FREE uint8_t *changed = NULL;
	struct stat st;
	void *map;

	memset(memory, 0, sizeof(*memory));
	if (fstat(fd, &st) < 0)
		return fail_errno(err, "cannot read a memory file");
	if (st.st_size <= 0)
		return fail(err, EPROTO, "hivex wrote %lld bytes", (long long)st.st_size);
	changed = find_changed(before, fd, (size_t)st.st_size, err);
	if (!changed)
		return -1;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   fd, 0);
	if (map == MAP_FAILED)
		return fail_errno(err, "cannot map a memory file");
	*memory = (struct hive_memory){ map, (size_t)st.st_size, steal(&changed) };
	return 0;
}
