// SPDX-License-Identifier: GPL-2.0-or-later
/* test-fat.c - FAT volumes that lie; those of mtools are in test-busflip-check.sh */

#include <string.h>

#include "helper/image/fat.h"
#include "helper/shared/refusal.h"
#include "tests/tap.h"

static uint8_t disk[65536];
static struct error err;

/* FAT12, 128 sectors: boot sector, one table, a root of 16 entries, then clusters of 512 bytes
 * from 2. \EFI is cluster 2, \EFI\BOOT cluster 3, and goes on in cluster 4. */
static void fresh(void)
{
	memset(disk, 0, sizeof(disk));
	put_le16(disk + 11, 512);
	disk[13] = disk[14] = disk[16] = 1;
	put_le16(disk + 17, 16);
	put_le16(disk + 19, 128);
	put_le16(disk + 22, 1);
	put_le32(disk + 512 + 3, 0x004FFF);	/* 2 ends, 3 -> 4 */
	put_le16(disk + 512 + 6, 0xFFF);
	memcpy(disk + 1024, "EFI        \x10", 12);
	put_le16(disk + 1024 + 26, 2);
	memcpy(disk + 1536, "BOOT       \x10", 12);
	put_le16(disk + 1536 + 26, 3);
	memset(disk + 2048, ' ', 512);
	memcpy(disk + 2560, "BOOTX64 EFI\x20", 12);
	put_le16(disk + 2560 + 26, 5);
}

static int look(uint64_t len)
{
	struct image *image = NULL;
	int r = -2;

	memset(&err, 0, sizeof(err));
	if (image_open_memory(disk, sizeof(disk), &image, &err) == 0)
		r = fat_has_loader(image, 0, len, &err);
	image_close(image);
	return r;
}

int main(void)
{
	fresh();
	is_int(look(sizeof(disk)), 1, "it is there, in the second cluster of its folder");
	memcpy(disk + 2560, "BOOTAA64EFI", 11);
	is_int(look(sizeof(disk)), 1, "that of another architecture");
	disk[2560 + 11] = 0x10;
	is_int(look(sizeof(disk)), 0, "a folder of that name is none");
	fresh();
	put_le16(disk + 2560 + 26, 500);
	is_int(look(sizeof(disk)), 0, "nor is a file that is not on the volume");
	fresh();
	disk[1024 + 11] = 0x20;
	is_int(look(sizeof(disk)), 0, "a file EFI is no folder");

	fresh();
	put_le32(disk + 512 + 3, 0x003FFF);	/* 3 -> 3 */
	is_int(look(sizeof(disk)), -1, "a folder whose chain is a loop: %s", err.msg);
	is_int(err.code, (int)REFUSE_VOLUME_DAMAGED, "is damaged");
	fresh();
	is_int(look(60000), -1, "longer than its partition");
	put_le16(disk + 11, 0);
	is_int(look(sizeof(disk)), -1, "no bytes in a sector");
	fresh();
	disk[13] = 3;
	is_int(look(sizeof(disk)), -1, "three sectors in a cluster");
	fresh();
	put_le16(disk + 22, 0);
	put_le32(disk + 36, 0xFFFFFFFF);
	disk[16] = 255;
	is_int(look(sizeof(disk)), -1, "tables larger than the volume");
	is_int(look(100), -1, "a volume without a whole sector");
	return done_testing();
}
