/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hugepage.h - memory in huge pages, for data that is read as a whole
 */
#ifndef BUSFLIP_HUGEPAGE_H
#define BUSFLIP_HUGEPAGE_H

#include <stddef.h>

/*
 * huge_map() - @len bytes of zeroes for data that will be read as a whole, at an address
 * aligned for huge pages; NULL without memory. huge_advise() requests them: 15 MB are then
 * eight page faults instead of four thousand. A kernel without huge pages refuses, which has no
 * other effect. huge_unmap() needs the same @len.
 */
void *huge_map(size_t len);
void huge_advise(void *map, size_t len);
void huge_unmap(void *map, size_t len);

#endif
