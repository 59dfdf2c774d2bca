// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-ntfs.c - a volume with damaged NTFS metadata
 *
 * The input is a list of changes, {u24 place, u8 value}, to a volume that is made at build
 * time; places count only sectors that are not empty. Then everything that the helper does
 * with a volume is done to it.
 */

#include "tests/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/image/image.h"
#include "helper/ntfs/ntfs.h"
#include "helper/shared/file.h"

#define SECTOR 512u

static uint8_t *base;
static size_t base_size;
static uint32_t *used;		/* sectors that are not zero */
static size_t used_count;

static void load_base(void)
{
	static const uint8_t zero[SECTOR];
	int fd = open(FUZZ_NTFS_BASE, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read_all(fd, 1u << 26, (char **)&base, &base_size,
			       NULL) < 0)
		abort();
	close(fd);
	used = calloc(base_size / SECTOR, sizeof(*used));
	for (size_t s = 0; s < base_size / SECTOR; s++)
		if (memcmp(base + s * SECTOR, zero, SECTOR) != 0)
			used[used_count++] = (uint32_t)s;
}

static int seen(void *opaque, const char *name, enum file_kind kind)
{
	(void)kind;
	*(size_t *)opaque += strlen(name);
	return 0;
}

static int in_volume(void *opaque, uint64_t off, const uint8_t *data,
		     size_t len, struct error *err)
{
	(void)opaque;
	(void)data;
	(void)err;
	if (!range_ok(off, len, base_size))
		abort();
	return 0;
}

static void use(struct volume *vol, bool writable)
{
	static const char hive[] = "Windows/System32/config/SYSTEM";
	AUTO_FREE uint8_t *data = NULL;
	struct file_info info;
	uint8_t part[512];
	size_t len = 0, names = 0;

	volume_stat(vol, hive, &info, NULL);
	volume_list(vol, "", 1000, seen, &names, NULL);
	volume_pread(vol, hive, 100, part, sizeof(part), NULL);
	if (volume_read(vol, hive, 1u << 20, &data, &len, NULL) < 0)
		data = NULL;
	if (!writable)
		return;
	if (data && len) {
		data[len / 2] ^= 1;
		volume_write(vol, hive, &(struct file_content){ .data = data,
								.len = len }, NULL);
	}
	volume_mkdir_path(vol, "Windows/Drivers/VirtIO", NULL);
	volume_create(vol, "Windows/System32/drivers", "viostor.sys",
		      (const uint8_t *)"driver", 6, NULL);
	volume_create(vol, "Windows/System32/drivers", "old.sys",
		      (const uint8_t *)"driver", 6, NULL);
}

static void try_volume(const uint8_t *disk, bool writable)
{
	struct volume_health health;
	struct volume *vol = NULL;
	struct image *image = NULL;
	struct error err;

	if (image_open_memory(disk, base_size, &image, &err) < 0)
		return;
	if (volume_open(image, 0, base_size, writable, &vol, &health,
			&err) == 0) {
		use(vol, writable);
		volume_close(vol, NULL);
	}
	image_dirty_each(image, in_volume, NULL, NULL);
	image_close(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *disk;

	if (!base)
		load_base();
	disk = malloc(base_size);
	memcpy(disk, base, base_size);
	for (; size >= 4; data += 4, size -= 4) {
		size_t place = (size_t)(data[0] | data[1] << 8 | data[2] << 16) %
			       (used_count * SECTOR);

		disk[(size_t)used[place / SECTOR] * SECTOR + place % SECTOR] =
			data[3];
	}
	try_volume(disk, false);
	try_volume(disk, true);
	free(disk);
	return 0;
}

/* No changes but one that changes nothing; and some. */
__attribute__((unused))
static uint8_t *fuzz_seed(size_t index, size_t *len)
{
	uint8_t *d;

	if (index > 1)
		return NULL;
	d = calloc(1, *len = index ? 64 : 8);
	for (size_t i = 0; index && i < *len; i++)
		d[i] = (uint8_t)(i * 37);
	if (!index)
		d[3] = d[7] = 0xEB;	/* what a boot sector begins with */
	return d;
}
