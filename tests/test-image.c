// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-image.c - cache and write buffer compared with a plain array
 *
 * The same random reads and writes go to an image over memory and to a copy in an array.
 * Both must always agree, nothing may reach the memory below the image, and that memory
 * with the dirty pages applied must equal the array.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/image/image.h"
#include "helper/shared/job.h"
#include "helper/shared/refusal.h"
#include "tests/tap.h"

/* More blocks than the cache keeps, and a last page that is cut off. */
#define SIZE (16u * 1024 * 1024 + 1536)

static uint32_t seed = 12345;

static uint32_t next_random(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

static int put_run(void *opaque, uint64_t off, const uint8_t *data, size_t len,
		   struct error *err)
{
	uint8_t *disk = opaque;

	(void)err;
	if (off % IMAGE_PAGE || !range_ok(off, len, SIZE))
		return -1;
	memcpy(disk + off, data, len);
	return 0;
}

static bool random_traffic(struct image *image, uint8_t *model)
{
	static uint8_t buf[300000];

	for (int i = 0; i < 4000; i++) {
		size_t len = next_random() % (i % 20 ? 9000 : sizeof(buf));
		uint64_t off = next_random() % (SIZE - len);

		if (i % 3 == 0) {
			memset(buf, (int)next_random(), len);
			memcpy(model + off, buf, len);
			if (image_write(image, off, buf, len, NULL) < 0)
				return false;
		} else if (image_read(image, off, buf, len, NULL) < 0 ||
			   memcmp(buf, model + off, len) != 0) {
			return false;
		}
	}
	return true;
}

static void test_traffic(void)
{
	uint8_t *below = malloc(SIZE), *model = malloc(SIZE),
		*before = malloc(SIZE);
	struct image *image = NULL;

	for (size_t i = 0; i < SIZE; i++)
		before[i] = below[i] = model[i] = (uint8_t)(i >> 9);
	image_open_memory(below, SIZE, &image, NULL);
	ok(random_traffic(image, model), "reads see what was written");
	ok(!memcmp(below, before, SIZE), "nothing was written through");
	ok(image_dirty_each(image, put_run, before, NULL) == 0 &&
	   !memcmp(before, model, SIZE), "the dirty pages are the change");
	image_close(image);
	free(below);
	free(model);
	free(before);
}

static int count_run(void *opaque, uint64_t off, const uint8_t *data,
		     size_t len, struct error *err)
{
	(void)off;
	(void)data;
	(void)len;
	(void)err;
	++*(int *)opaque;
	return 0;
}

static void test_limits(void)
{
	size_t size = IMAGE_DIRTY_LIMIT + (4u << 20);
	uint8_t *below = calloc(1, size), byte = 0;
	struct image *image = NULL;
	struct error err;
	uint64_t off = 0;
	int runs = 0;

	image_open_memory(below, size, &image, NULL);
	ok(image_read(image, size, &byte, 1, &err) < 0 && err.code == ERANGE,
	   "a read behind the end");
	ok(image_read(image, size, &byte, 0, &err) == 0,
	   "no bytes at the end are fine");
	ok(image_read(image, UINT64_MAX, &byte, 1, &err) < 0,
	   "a read at 2^64 - 1");
	ok(image_write(image, size - 1, "ab", 2, &err) < 0,
	   "a write over the end");
	ok(image_write(image, 5000, "\0\0", 2, &err) == 0 &&
	   image_dirty_each(image, count_run, &runs, NULL) == 0 && runs == 0,
	   "writing what is there changes nothing");
	while (off < size && image_write(image, off, "x", 1, &err) == 0)
		off += 65536;
	ok(off == IMAGE_DIRTY_LIMIT && err.code == (int)REFUSE_WINDOWS_UNKNOWN,
	   "changes are limited");
	image_close(image);
	free(below);
}

int main(void)
{
	test_traffic();
	test_limits();
	return done_testing();
}
