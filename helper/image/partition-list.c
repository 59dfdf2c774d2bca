// SPDX-License-Identifier: GPL-2.0-or-later
/* partition-list.c - partitions as they are listed: their names, and how one is added */

#include "helper/image/partition-list.h"

#include "helper/shared/refusal.h"

const char *partition_scheme_name(enum partition_scheme scheme)
{
	static const char *const names[] = {
		[SCHEME_NONE] = "none", [SCHEME_MBR] = "MBR",
		[SCHEME_GPT] = "GPT",
	};

	return (size_t)scheme < ARRAY_SIZE(names) ? names[scheme] : "?";
}

const char *partition_role_name(enum partition_role role)
{
	static const char *const names[] = {
		[ROLE_DATA] = "data", [ROLE_ESP] = "EFI system",
		[ROLE_MSR] = "Microsoft reserved", [ROLE_RECOVERY] = "recovery",
		[ROLE_DYNAMIC] = "dynamic disk",
		[ROLE_STORAGE_SPACES] = "Storage Spaces",
	};

	return (size_t)role < ARRAY_SIZE(names) ? names[role] : "?";
}

const char *partition_content_name(enum partition_content content)
{
	static const char *const names[] = {
		[CONTENT_UNKNOWN] = "unknown", [CONTENT_NTFS] = "NTFS",
		[CONTENT_BITLOCKER] = "BitLocker", [CONTENT_FAT] = "FAT",
		[CONTENT_EXFAT] = "exFAT", [CONTENT_REFS] = "ReFS",
		[CONTENT_LUKS] = "LUKS encryption", [CONTENT_LVM] = "LVM",
		[CONTENT_VMFS] = "VMFS",
	};

	return (size_t)content < ARRAY_SIZE(names) ? names[content] : "?";
}

bool partition_content_is_foreign(enum partition_content content)
{
	return content >= CONTENT_LUKS;
}

int partition_add(const struct image *image, struct partition_table *table,
		  struct partition part, uint64_t first, uint64_t sectors,
		  struct error *err)
{
	if (table->count == ARRAY_SIZE(table->list))
		return fail(err, REFUSE_PARTITION_TABLE,
			    "more than %d partitions", PARTITION_LIMIT);
	if (!sectors || !mul_ok(first, table->sector, &part.off) ||
	    !mul_ok(sectors, table->sector, &part.len) ||
	    !range_ok(part.off, part.len, image_size(image)))
		return fail(err, REFUSE_PARTITION_TABLE,
			    "partition %u (sectors %llu + %llu) is not on the "
			    "disk", part.number, (unsigned long long)first,
			    (unsigned long long)sectors);
	table->list[table->count++] = part;
	return 0;
}
