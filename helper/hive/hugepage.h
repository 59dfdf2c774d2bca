/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hugepage.h - memory in huge pages, for what is read as a whole
 */
#ifndef BUSFLIP_HUGEPAGE_H
#define BUSFLIP_HUGEPAGE_H

#include <stddef.h>

/*
 * huge_map() - @len bytes of zeroes for what will be read as a whole, at an address
 * where huge pages fit; NULL without memory. huge_advise() asks for them: 15 MB are
 * then eight page faults, not four thousand. A kernel that has none says no, and
 * nothing else is different. huge_unmap() takes the same @len.
 */
void *huge_map(size_t len);
void huge_advise(void *map, size_t len);
void huge_unmap(void *map, size_t len);

#endif
