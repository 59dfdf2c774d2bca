// SPDX-License-Identifier: GPL-2.0-or-later
/* target.c - find every Windows on a disk, and choose the one to work on */

#include "helper/windows/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helper/shared/refusal.h"

/* Folders in the root of a volume that are checked; a real one has 20. */
#define ROOT_LIMIT 65536u

static int has_hive(struct volume *vol, const char *root, struct error *err)
{
	char path[VOLUME_PATH_LIMIT];
	struct file_info info;

	if (!str_printf(path, sizeof(path), "%s/System32/config/SYSTEM", root))
		return 0;
	return volume_stat(vol, path, &info, err);
}

/* Collect the names first: the listing keeps the root folder open. */
struct folders {
	char names[64][256 * 3];
	size_t count;
};

static int collect(void *opaque, const char *name, enum file_kind kind)
{
	struct folders *f = opaque;

	if (kind == FILE_DIRECTORY && f->count < ARRAY_SIZE(f->names) &&
	    name[0] != '$' &&
	    str_fits(f->names[f->count], sizeof(f->names[0]), name))
		f->count++;
	return 0;
}

static int find_roots(struct volume *vol, const struct partition *part,
		      struct targets *targets, struct error *err)
{
	static struct folders folders;

	folders.count = 0;
	if (volume_list(vol, "", ROOT_LIMIT, collect, &folders, err) < 0)
		return -1;
	for (size_t i = 0; i < folders.count; i++) {
		int r = has_hive(vol, folders.names[i], err);

		if (r < 0)
			return -1;
		if (!r)
			continue;
		if (targets->count == TARGET_LIMIT)
			return fail(err, REFUSE_SEVERAL_WINDOWS,
				    "more than %d Windows", TARGET_LIMIT);
		targets->list[targets->count].part = part;
		memcpy(targets->list[targets->count++].root, folders.names[i],
		       sizeof(folders.names[i]));
	}
	return 0;
}

static int find_loader(struct volume *vol, struct targets *targets, struct error *err)
{
	struct file_info info;
	int r = volume_stat(vol, "bootmgr", &info, err);

	if (r > 0)
		r = volume_stat(vol, "Boot/BCD", &info, err);
	targets->loader |= r > 0;
	return r < 0 ? -1 : 0;
}

/* @read_only: the reason if it could be opened only for reading. */
static int open_volume(struct image *image, const struct partition *part,
		       bool writable, struct volume **vol,
		       struct volume_health *health, struct error *read_only,
		       struct error *err)
{
	memset(read_only, 0, sizeof(*read_only));
	if (writable && volume_open(image, part->off, part->len, true, vol,
				    health, read_only) == 0)
		return 0;
	return volume_open(image, part->off, part->len, false, vol, health,
			   err);
}

static void note_obstacle(struct targets *targets, unsigned int number,
			  const struct error *why)
{
	if (targets->obstacle.code)
		return;
	targets->obstacle = *why;
	error_prefix(&targets->obstacle, "partition %u", number);
}

/* An I/O error of the disk ends the search; an error in the guest's own data only excludes
 * that volume. */
static int look_into(struct image *image, const struct partition *part,
		     bool writable, struct targets *targets, struct error *err)
{
	size_t before = targets->count;
	struct volume_health health;
	struct volume *vol = NULL;
	struct error why, read_only;
	int r = open_volume(image, part, writable, &vol, &health, &read_only,
			    &why);

	if (r == 0)
		r = find_roots(vol, part, targets, &why);
	if (r == 0)
		r = find_loader(vol, targets, &why);
	if (r == 0 && targets->count > before) {
		r = volume_close(targets->volume, &why);
		targets->volume = vol;
		targets->health = health;
		targets->read_only = read_only;
		vol = NULL;
	}
	if (volume_close(vol, r == 0 ? &why : NULL) < 0)
		r = -1;
	if (r == 0)
		return 0;
	if (!is_refusal(why.code)) {
		if (err)
			*err = why;
		return -1;
	}
	note_obstacle(targets, part->number, &why);
	return 0;
}

static void note_kind(struct targets *targets, const struct partition *part)
{
	struct error why = { 0 };

	if (part->content == CONTENT_BITLOCKER)
		fail(&why, REFUSE_BITLOCKER,
		     "encrypted with BitLocker: decrypt it in Windows first "
		     "(\"manage-bde -off\"); suspending it is not enough");
	else if (part->role == ROLE_DYNAMIC)
		fail(&why, REFUSE_DYNAMIC_DISK,
		     "part of a dynamic disk (LDM), which is not supported");
	else if (part->role == ROLE_STORAGE_SPACES)
		fail(&why, REFUSE_STORAGE_SPACES,
		     "part of Storage Spaces, which is not supported");
	else
		return;
	note_obstacle(targets, part->number, &why);
}

int target_find(struct image *image, const struct partition_table *table,
		unsigned int only, bool writable, struct targets *targets,
		struct error *err)
{
	bool seen = false;

	targets->only = only;
	for (size_t i = 0; i < table->count; i++) {
		const struct partition *part = &table->list[i];

		if (only && part->number != only)
			continue;
		seen = true;
		note_kind(targets, part);
		if (part->content == CONTENT_NTFS &&
		    look_into(image, part, writable, targets, err) < 0)
			return -1;
	}
	if (only && !seen)
		return fail(err, REFUSE_NO_WINDOWS,
			    "the disk has no partition %u", only);
	return 0;
}

static int name_all(const struct targets *targets, struct error *err)
{
	char names[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < targets->count; i++) {
		const struct target *t = &targets->list[i];
		int n = snprintf(names + used, sizeof(names) - used,
				 "%s%s on partition %u", i ? ", " : "", t->root,
				 t->part->number);

		if (n < 0 || (size_t)n >= sizeof(names) - used)
			break;
		used += (size_t)n;
	}
	return fail(err, REFUSE_SEVERAL_WINDOWS, "there is more than one Windows (%s)", names);
}

/* What is there instead, as far as there is room. */
static int name_foreign(const struct partition_table *table, struct error *err)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct partition *part = &table->list[i];

		if (partition_content_is_foreign(part->content))
			error_suffix(err, "partition %u: %s", part->number,
				     partition_content_name(part->content));
	}
	return -1;
}

static int name_none(const struct partition_table *table,
		     const struct targets *targets, struct error *err)
{
	if (targets->obstacle.code) {
		*err = targets->obstacle;
		return -1;
	}
	if (targets->only)
		return fail(err, REFUSE_NO_WINDOWS, "no Windows found on partition %u",
			    targets->only);
	if (table->scheme == SCHEME_NONE)
		return fail(err, REFUSE_NO_WINDOWS, "no Windows found: the whole disk is one %s "
			    "volume", partition_content_name(table->list[0].content));
	fail(err, REFUSE_NO_WINDOWS, "no Windows found: the disk has %zu partition%s (%s)",
	     table->count, table->count == 1 ? "" : "s", partition_scheme_name(table->scheme));
	return name_foreign(table, err);
}

int target_choose(const struct partition_table *table,
		  const struct targets *targets, struct error *err)
{
	if (targets->count == 0)
		return name_none(table, targets, err);
	if (targets->count > 1)
		return name_all(targets, err);
	return 0;
}

int target_check_writable(const struct targets *targets, struct error *err)
{
	const struct partition *part = targets->list[0].part;

	if (part->role == ROLE_DYNAMIC)
		return fail(err, REFUSE_DYNAMIC_DISK,
			    "Windows is on a dynamic disk (LDM), which is not "
			    "supported");
	if (part->role == ROLE_STORAGE_SPACES)
		return fail(err, REFUSE_STORAGE_SPACES,
			    "Windows is on Storage Spaces, which is not "
			    "supported");
	if (targets->read_only.code) {
		if (err)
			*err = targets->read_only;
		return -1;
	}
	return volume_check_writable(&targets->health, err);
}
