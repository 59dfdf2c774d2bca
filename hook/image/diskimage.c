// SPDX-License-Identifier: GPL-2.0-or-later
/* diskimage.c - which file or block device a domain's disk is, and in what format */

#include "hook/image/diskimage.h"

#include <errno.h>
#include <string.h>

#include "hook/libvirt/pool.h"

static int refuse_source(const xmlNode *disk, struct error *err)
{
	char type[32];

	if (!xml_attr(disk, "type", type, sizeof(type)))
		memcpy(type, "file", 5);
	return fail(err, ENOTSUP, "its system disk is of type \"%s\": only files and block devices "
		    "are supported", type);
}

bool disk_image_is_volume(const xmlNode *disk)
{
	return xml_attr_is(disk, "type", "volume");
}

int disk_image_of(const xmlNode *disk, struct disk_image *place, struct error *err)
{
	const xmlNode *source = xml_child(disk, "source");
	const xmlNode *driver = xml_child(disk, "driver");

	memset(place, 0, sizeof(*place));
	if (disk_image_is_volume(disk)) {
		if (pool_volume(source, place->path, sizeof(place->path), err) < 0)
			return -1;
	} else if (!xml_attr(source, "file", place->path, sizeof(place->path)) &&
		   !xml_attr(source, "dev", place->path, sizeof(place->path))) {
		return refuse_source(disk, err);
	}
	/* The rest of that file may be other disks. */
	if (xml_child(source, "slices"))
		return fail(err, ENOTSUP, "its disk is a slice of %s: only whole files and block "
			    "devices are supported", place->path);
	if (!xml_attr(driver, "type", place->format, sizeof(place->format)))
		memcpy(place->format, "raw", 4);
	return 0;
}
