/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * image.h - bounded access to the guest's disk, and the write buffer
 *
 * Everything that parses the guest's disk reads it here. Reads are checked against the size of
 * the disk, and small ones served from a cache of 64 KiB blocks. Writes never leave this file:
 * they stay in the cache, and at the end image_dirty_each() returns the changed pages, which
 * busflip puts into its journal before the first of them reaches the disk.
 */
#ifndef BUSFLIP_IMAGE_H
#define BUSFLIP_IMAGE_H

#include "helper/shared/base.h"
#include "helper/shared/nbdclient.h"

struct image;

/* image_open_disk() - cache over @disk, which the caller owns and which must outlive the
 * image. */
int image_open_disk(struct nbd_client *disk, struct image **image,
		    struct error *err);

/* image_open_memory() - the same over @size bytes at @data, owned by the caller and never
 * changed. For fuzzers and unit tests. */
int image_open_memory(const uint8_t *data, uint64_t size, struct image **image,
		      struct error *err);

void image_close(struct image *image);		/* NULL is allowed */

uint64_t image_size(const struct image *image);	/* bytes */

/* image_read() - read @len bytes at @off, including buffered writes. ERANGE if they are not
 * all on the disk. */
int image_read(struct image *image, uint64_t off, void *buf, size_t len,
	       struct error *err);

/* image_read_pieces() - like image_read() for each piece, but the large ones are read in
 * parallel: for a fragmented file. */
int image_read_pieces(struct image *image, const struct nbd_piece *pieces,
		      size_t n, struct error *err);

/* image_write() - write into the buffer only. Bytes that equal the present content change
 * nothing. */
int image_write(struct image *image, uint64_t off, const void *buf, size_t len,
		struct error *err);

/*
 * image_dirty_each() - the changed pages in ascending order, neighbours within one block
 * joined: @off and @len are multiples of IMAGE_PAGE, except for the last page of a disk whose
 * size is not a multiple. Stops at the first -1 and returns it.
 */
typedef int image_dirty_fn(void *opaque, uint64_t off, const uint8_t *data,
			   size_t len, struct error *err);
int image_dirty_each(struct image *image, image_dirty_fn *each, void *opaque,
		     struct error *err);

#endif
