// SPDX-License-Identifier: GPL-2.0-or-later
/* identity.c - identify an image independently of its path */

#include "hook/recovery/identity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "hook/state/bootid.h"

/* Prefixes of identifiers that are unique: LVM's UUIDs, and WWIDs of the types NAA, EUI-64 and
 * UUID. Others are made of serial numbers, which emulated disks may share. */
static const char *const unique_ids[] = { "LVM-", "naa.", "eui.", "uuid." };

bool identity_is_device(const struct image_identity *image)
{
	return !image->ino;
}

/* Without the spaces at its end. False if it is empty or can't be read. */
static bool read_line(const char *path, char *out, size_t size)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

	while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == ' '))
		n--;
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

uint64_t identity_boot(void)
{
	char id[BOOT_ID];

	return boot_id_read(id) ? str_hash(id) : 0;
}

/* An attribute of a block device, below /sys/dev/block/MAJOR:MINOR. */
static bool read_attribute(uint64_t dev, const char *name, char *out, size_t size)
{
	char path[128];

	return str_printf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(dev), minor(dev),
			  name) && read_line(path, out, size);
}

static uint64_t read_number(uint64_t dev, const char *name)
{
	char text[32];

	return read_attribute(dev, name, text, sizeof(text)) ? strtoull(text, NULL, 10) : 0;
}

/* For a partition: the identifier of its disk, its number and its start. */
static bool find_partition_id(uint64_t dev, char id[IDENTITY_ID])
{
	char disk[IDENTITY_ID - 64];
	uint64_t number = read_number(dev, "partition");

	return number && (read_attribute(dev, "../wwid", disk, sizeof(disk)) ||
			  read_attribute(dev, "../device/wwid", disk, sizeof(disk))) &&
	       str_printf(id, IDENTITY_ID, "%s partition %llu at %llu", disk,
			  (unsigned long long)number,
			  (unsigned long long)read_number(dev, "start"));
}

static void find_device(struct image_identity *image)
{
	const uint64_t dev = image->dev;

	if (!read_attribute(dev, "dm/uuid", image->id, IDENTITY_ID) &&
	    !read_attribute(dev, "wwid", image->id, IDENTITY_ID) &&
	    !read_attribute(dev, "device/wwid", image->id, IDENTITY_ID) &&
	    !find_partition_id(dev, image->id))
		image->id[0] = '\0';
	image->sequence = read_number(dev, "diskseq");
	if (!image->sequence && read_number(dev, "partition"))
		image->sequence = read_number(dev, "../diskseq");
	image->bytes = read_number(dev, "size") * 512;
}

int identity_find(const char *path, struct image_identity *out, struct error *err)
{
	AUTO_FREE char *real = realpath(path, NULL);
	struct statx st;
	bool device;

	memset(out, 0, sizeof(*out));
	if (!real || statx(AT_FDCWD, real, 0, STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
		return fail_errno(err, "%s", path);
	device = S_ISBLK(st.stx_mode);
	if (!S_ISREG(st.stx_mode) && !device)
		return fail(err, EINVAL, "%s is neither a file nor a block device", real);
	if (!str_fits(out->path, sizeof(out->path), device && *path == '/' ? path : real))
		return fail(err, ENAMETOOLONG, "%s: name too long", real);
	out->boot = identity_boot();
	if (device) {
		out->dev = makedev(st.stx_rdev_major, st.stx_rdev_minor);
		find_device(out);
		return 0;
	}
	out->dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	out->ino = st.stx_ino;
	if (st.stx_mask & STATX_BTIME)
		out->born = (uint64_t)st.stx_btime.tv_sec * 1000000000u + st.stx_btime.tv_nsec;
	return 0;
}

static bool same_file(const struct image_identity *noted, const struct image_identity *now,
		      bool same_path)
{
	if (noted->ino != now->ino)
		return false;
	if (noted->born && now->born)
		return noted->born == now->born && (noted->dev == now->dev || same_path);
	return same_path && (noted->dev == now->dev || noted->boot != now->boot);
}

static bool is_unique(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(unique_ids); i++)
		if (!strncmp(id, unique_ids[i], strlen(unique_ids[i])))
			return true;
	return false;
}

static bool same_device(const struct image_identity *noted, const struct image_identity *now,
			bool same_path)
{
	if (noted->id[0] && now->id[0])
		return !strcmp(noted->id, now->id) && (same_path || is_unique(now->id));
	if (noted->boot == now->boot && noted->sequence && now->sequence)
		return noted->sequence == now->sequence && noted->dev == now->dev;
	return same_path && noted->bytes == now->bytes &&
	       (noted->dev == now->dev || noted->boot != now->boot);
}

enum identity_match identity_match(const struct image_identity *noted,
				   const struct image_identity *now)
{
	const bool same_path = !strcmp(noted->path, now->path);
	bool same;

	if (identity_is_device(noted) != identity_is_device(now))
		same = false;
	else if (noted->old)
		same = same_path && noted->dev == now->dev && noted->ino == now->ino;
	else if (identity_is_device(noted))
		same = same_device(noted, now, same_path);
	else
		same = same_file(noted, now, same_path);
	return same ? IDENTITY_SAME : same_path ? IDENTITY_SAME_PATH : IDENTITY_OTHER;
}

bool identity_device_exists(const struct image_identity *image)
{
	DIR *d = image->id[0] && is_unique(image->id) ? opendir("/sys/dev/block") : NULL;
	struct image_identity now;
	struct dirent *e;
	bool found = false;

	/* MAJOR:MINOR */
	while (d && !found && (e = readdir(d))) {
		const char *colon = strchr(e->d_name, ':');

		if (!colon)
			continue;
		now.dev = makedev((unsigned int)strtoul(e->d_name, NULL, 10),
				  (unsigned int)strtoul(colon + 1, NULL, 10));
		find_device(&now);
		found = !strcmp(now.id, image->id);
	}
	if (d)
		closedir(d);
	return found;
}
