// SPDX-License-Identifier: GPL-2.0-or-later
/* hugepage.c - memory in huge pages, for data that is read as a whole */

#include "helper/hive/hugepage.h"

#include <stdint.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* The last page is whole, too: memory after @len is never touched. */
static size_t huge_size(size_t len)
{
	return (len + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

void *huge_map(size_t len)
{
	size_t size = huge_size(len), skip;
	uint8_t *map;

	if (len > SIZE_MAX - 2 * HUGE_PAGE)
		return NULL;
	map = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	skip = -(uintptr_t)map % HUGE_PAGE;
	if (skip)
		munmap(map, skip);
	munmap(map + skip + size, HUGE_PAGE - skip);
	return map + skip;
}

void huge_advise(void *map, size_t len)
{
	madvise(map, huge_size(len), MADV_HUGEPAGE);
}

void huge_unmap(void *map, size_t len)
{
	munmap(map, huge_size(len));
}
