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

int disk_image_of(const xmlNode *disk, struct disk_image *image, struct error *err)
{
	const xmlNode *source = xml_child(disk, "source");
	const xmlNode *driver = xml_child(disk, "driver");

	memset(image, 0, sizeof(*image));
	if (disk_image_is_volume(disk)) {
		if (pool_volume(source, image->path, sizeof(image->path), err) < 0)
			return -1;
	} else if (!xml_attr(source, "file", image->path, sizeof(image->path)) &&
		   !xml_attr(source, "dev", image->path, sizeof(image->path))) {
		return refuse_source(disk, err);
	}
	/* The rest of that file may be other disks. */
	if (xml_child(source, "slices"))
		return fail(err, ENOTSUP, "its disk is a slice of %s: only whole files and block "
			    "devices are supported", image->path);
	if (!xml_attr(driver, "type", image->format, sizeof(image->format)))
		memcpy(image->format, "raw", 4);
	return 0;
}
