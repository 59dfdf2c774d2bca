// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image.c - bounded access to the guest's disk, and the write buffer
 *
 * Blocks of 64 KiB in a hash table. A clean block may be dropped and read again at any time, a
 * block with a dirty page never: the disk does not have its content yet. Clean blocks are
 * ordered by last use, and the least recently used is dropped when there are CLEAN_LIMIT of
 * them. Requests of whole blocks that are not in the cache bypass it, so that reading a 15 MB
 * hive does not evict the $MFT, and needs no second copy.
 */

#include "helper/image/image.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/shared/job.h"
#include "helper/shared/refusal.h"

#define BLOCK 65536u
#define PAGES_PER_BLOCK (BLOCK / IMAGE_PAGE)
#define BUCKETS 1024u
#define CLEAN_LIMIT 96u
#define DIRTY_BLOCK_LIMIT (IMAGE_DIRTY_LIMIT / BLOCK)

struct block {
	uint64_t index;			/* offset on the disk / BLOCK */
	struct block *next;		/* in the bucket */
	struct block *newer, *older;	/* in the list of clean blocks */
	uint32_t dirty;			/* a bit per page */
	uint8_t data[BLOCK];
};

struct image {
	struct nbd_client *disk;		/* NULL: memory */
	const uint8_t *memory;
	uint64_t size;
	struct block *buckets[BUCKETS];
	struct block *newest, *oldest;	/* number of clean ones */
	unsigned int clean, dirty;	/* number of blocks */
};

static_assert(PAGES_PER_BLOCK <= 32, "dirty is a bit per page");
static_assert(BLOCK % NBD_UNIT_LIMIT == 0, "a block is whole units");

static int new_image(struct nbd_client *disk, const uint8_t *memory, uint64_t size,
		     struct image **out, struct error *err)
{
	struct image *image = calloc(1, sizeof(*image));

	if (!image)
		return fail(err, ENOMEM, "out of memory");
	image->disk = disk;
	image->memory = memory;
	image->size = size;
	*out = image;
	return 0;
}

int image_open_disk(struct nbd_client *disk, struct image **image, struct error *err)
{
	return new_image(disk, NULL, nbd_client_size(disk), image, err);
}

int image_open_memory(const uint8_t *data, uint64_t size, struct image **image,
		      struct error *err)
{
	return new_image(NULL, data, size, image, err);
}

static void free_blocks(struct image *image)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct block *b = image->buckets[i];

		while (b) {
			struct block *next = b->next;

			free(b);
			b = next;
		}
		image->buckets[i] = NULL;
	}
	image->newest = image->oldest = NULL;
	image->clean = image->dirty = 0;
}

void image_close(struct image *image)
{
	if (!image)
		return;
	free_blocks(image);
	free(image);
}

uint64_t image_size(const struct image *image)
{
	return image->size;
}

static int fetch(struct image *image, const struct nbd_piece *pieces, size_t n,
		 struct error *err)
{
	if (image->disk)
		return nbd_client_read(image->disk, pieces, n, err);
	for (size_t i = 0; i < n; i++)
		memcpy(pieces[i].buf, image->memory + pieces[i].off,
		       pieces[i].len);
	return 0;
}

static struct block **bucket(struct image *image, uint64_t index)
{
	return &image->buckets[(index * 0x9E3779B97F4A7C15u >> 32) % BUCKETS];
}

static struct block *find(struct image *image, uint64_t index)
{
	struct block *b = *bucket(image, index);

	while (b && b->index != index)
		b = b->next;
	return b;
}

static void list_remove(struct image *image, struct block *b)
{
	*(b->newer ? &b->newer->older : &image->newest) = b->older;
	*(b->older ? &b->older->newer : &image->oldest) = b->newer;
	b->newer = b->older = NULL;
	image->clean--;
}

static void list_add(struct image *image, struct block *b)
{
	b->older = image->newest;
	b->newer = NULL;
	*(image->newest ? &image->newest->newer : &image->oldest) = b;
	image->newest = b;
	image->clean++;
}

static void evict_oldest(struct image *image)
{
	struct block *b = image->oldest;
	struct block **link = bucket(image, b->index);

	list_remove(image, b);
	while (*link != b)
		link = &(*link)->next;
	*link = b->next;
	free(b);
}

static size_t block_length(const struct image *image, uint64_t index)
{
	uint64_t left = image->size - index * BLOCK;

	return left < BLOCK ? (size_t)left : BLOCK;
}

/* Return the block, reading it if needed. @index is below size / BLOCK, so its offset can't
 * overflow. */
static struct block *get(struct image *image, uint64_t index, struct error *err)
{
	struct block *b = find(image, index);
	struct nbd_piece piece;

	if (b) {
		if (!b->dirty && b != image->newest) {
			list_remove(image, b);
			list_add(image, b);
		}
		return b;
	}
	if (image->clean >= CLEAN_LIMIT)
		evict_oldest(image);
	b = malloc(sizeof(*b));
	if (!b) {
		fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	piece = (struct nbd_piece){ .off = index * BLOCK, .buf = b->data,
				     .len = block_length(image, index) };
	if (fetch(image, &piece, 1, err) < 0) {
		free(b);
		return NULL;
	}
	b->index = index;
	b->dirty = 0;
	b->next = *bucket(image, index);
	*bucket(image, index) = b;
	list_add(image, b);
	return b;
}

static int check(const struct image *image, uint64_t off, size_t len,
		 struct error *err)
{
	if (range_ok(off, len, image->size))
		return 0;
	return fail(err, ERANGE, "%zu bytes at %llu are not on the disk", len,
		    (unsigned long long)off);
}

/* How much of a request at @off is within its block. */
static size_t part(uint64_t off, size_t len)
{
	size_t left = BLOCK - (size_t)(off % BLOCK);

	return len < left ? len : left;
}

/* How much of a large request at @off is in blocks that are not in the cache: that is read
 * directly into the caller's memory, in whole units of the disk. Small requests are for
 * directories and the like, and neighbouring data will be requested next. */
static size_t bypass_length(struct image *image, uint64_t off, size_t len)
{
	size_t unit = image->disk ? nbd_client_unit(image->disk) : 1, run = 0;

	if (len < BLOCK || off % unit)
		return 0;
	while (run < len && !find(image, (off + run) / BLOCK))
		run += part(off + run, len - run);
	return run - run % unit;
}

/* Pieces that bypass the cache, collected to be read together. */
struct bypass {
	struct nbd_piece pieces[64];
	size_t count;
};

static int bypass_add(struct image *image, struct bypass *b, uint64_t off,
		      uint8_t *buf, size_t len, struct error *err)
{
	if (b->count == ARRAY_SIZE(b->pieces)) {
		if (fetch(image, b->pieces, b->count, err) < 0)
			return -1;
		b->count = 0;
	}
	b->pieces[b->count++] = (struct nbd_piece){ off, len, buf };
	return 0;
}

static int read_piece(struct image *image, struct nbd_piece piece,
		      struct bypass *later, struct error *err)
{
	while (piece.len) {
		size_t n = bypass_length(image, piece.off, piece.len);

		if (n) {
			if (bypass_add(image, later, piece.off, piece.buf, n,
				       err) < 0)
				return -1;
		} else {
			struct block *b = get(image, piece.off / BLOCK, err);

			if (!b)
				return -1;
			n = part(piece.off, piece.len);
			memcpy(piece.buf, b->data + piece.off % BLOCK, n);
		}
		piece.off += n;
		piece.buf += n;
		piece.len -= n;
	}
	return 0;
}

int image_read_pieces(struct image *image, const struct nbd_piece *pieces,
		      size_t n, struct error *err)
{
	struct bypass later = { .count = 0 };

	for (size_t i = 0; i < n; i++) {
		if (check(image, pieces[i].off, pieces[i].len, err) < 0)
			return -1;
		if (read_piece(image, pieces[i], &later, err) < 0)
			return -1;
	}
	return fetch(image, later.pieces, later.count, err);
}

int image_read(struct image *image, uint64_t off, void *buf, size_t len,
	       struct error *err)
{
	struct nbd_piece piece = { .off = off, .len = len, .buf = buf };

	return image_read_pieces(image, &piece, 1, err);
}

/* Write @len bytes into one page of @b, and mark it if that changes it. */
static int write_page(struct image *image, struct block *b, size_t at,
		      const uint8_t *data, size_t len, struct error *err)
{
	if (!memcmp(b->data + at, data, len))
		return 0;
	if (!b->dirty) {
		if (image->dirty >= DIRTY_BLOCK_LIMIT)
			return fail(err, REFUSE_WINDOWS_UNKNOWN, "more than %u MiB would change",
				    IMAGE_DIRTY_LIMIT / 1024 / 1024);
		list_remove(image, b);
		image->dirty++;
	}
	b->dirty |= UINT32_C(1) << at / IMAGE_PAGE;
	memcpy(b->data + at, data, len);
	return 0;
}

int image_write(struct image *image, uint64_t off, const void *buf, size_t len,
		struct error *err)
{
	const uint8_t *data = buf;

	if (check(image, off, len, err) < 0)
		return -1;
	while (len) {
		struct block *b = get(image, off / BLOCK, err);
		size_t n = IMAGE_PAGE - (size_t)(off % IMAGE_PAGE);

		if (!b)
			return -1;
		if (n > len)
			n = len;
		if (write_page(image, b, (size_t)(off % BLOCK), data, n, err))
			return -1;
		off += n;
		data += n;
		len -= n;
	}
	return 0;
}

static int by_index(const void *a, const void *b)
{
	const struct block *const *x = a, *const *y = b;

	return ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

static struct block **sorted_dirty(struct image *image, size_t *count)
{
	struct block **list = calloc(image->dirty + 1, sizeof(struct block *));
	size_t n = 0;

	if (!list)
		return NULL;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct block *b = image->buckets[i]; b; b = b->next)
			if (b->dirty)
				list[n++] = b;
	qsort(list, n, sizeof(struct block *), by_index);
	*count = n;
	return list;
}

/* One call for each run of neighbouring dirty pages. */
static int each_run(const struct image *image, const struct block *b,
		    image_dirty_fn *each, void *opaque, struct error *err)
{
	size_t limit = block_length(image, b->index);

	for (unsigned int page = 0; page < PAGES_PER_BLOCK; page++) {
		unsigned int first = page;
		size_t at = (size_t)first * IMAGE_PAGE, end;

		while (page < PAGES_PER_BLOCK && b->dirty >> page & 1)
			page++;
		if (page == first)
			continue;
		end = (size_t)page * IMAGE_PAGE;
		if (end > limit)
			end = limit;
		if (each(opaque, b->index * BLOCK + at, b->data + at, end - at,
			 err) < 0)
			return -1;
	}
	return 0;
}

int image_dirty_each(struct image *image, image_dirty_fn *each, void *opaque,
		     struct error *err)
{
	AUTO_FREE struct block **list = NULL;
	size_t count = 0;

	list = sorted_dirty(image, &count);
	if (!list)
		return fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++)
		if (each_run(image, list[i], each, opaque, err) < 0)
			return -1;
	return 0;
}
