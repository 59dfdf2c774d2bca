// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * checkup-chain.c - which files are below an image: by the image, or by the definition
 *
 * With a <backingStore> QEMU opens what that names, not what the image names; an empty one ends
 * the chain (docs/formatdomain.rst, and qemuDomainDetermineDiskChain() in
 * src/qemu/qemu_domain.c of libvirt 9.0.0). busflip itself follows the image.
 */

#include "hook/checkup/checkup-parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* To look for others who have data files or extents. */
#define SEARCH_MS 10000

static bool is_end(const xmlNode *store)
{
	return !xmlHasProp(store, XS("type"));
}

static bool source_of(const xmlNode *store, char *path, size_t size)
{
	const xmlNode *source = xml_child(store, "source");

	return xml_attr(source, "file", path, size) || xml_attr(source, "dev", path, size);
}

static bool names(const xmlNode *store, const char *path, const char *format)
{
	AUTO_FREE char *real = NULL;
	char named[4096];

	if (is_end(store) || !source_of(store, named, sizeof(named)))
		return false;
	real = realpath(named, NULL);
	return real && strcmp(real, path) == 0 &&
	       xml_attr_is(xml_child(store, "format"), "type", format);
}

/* If the definition does not end with an empty one, libvirt continues with what the image
 * names. */
static bool is_same(const xmlNode *store, const struct backing *found)
{
	for (size_t i = 0; i < found->count && store; i++) {
		/* Data files and extents belong to the image. */
		if (!found->formats[i][0])
			continue;
		if (!names(store, found->paths[i], found->formats[i]))
			return false;
		store = xml_child(store, "backingStore");
	}
	return !store || is_end(store);
}

enum chain checkup_chain(struct patient *p, const struct need *need, const xmlNode *disk,
			 const char *format, struct backing *out, struct error *err)
{
	const xmlNode *store = xml_child(disk, "backingStore");
	int r = backing_find(need->path, format, p->has_user ? &p->user : NULL,
			     monotonic_ms() + SEARCH_MS, out, err);
	char path[4096];

	if (!store || (r < 0 && err->code != ENOENT && err->code != ENOTDIR))
		return r < 0 ? CHAIN_UNREADABLE : CHAIN_OF_IMAGE;
	if (r == 0 && is_same(store, out))
		return CHAIN_OF_IMAGE;
	backing_free(out);
	if (is_end(store))
		return CHAIN_ENDED;
	for (; store && !is_end(store); store = xml_child(store, "backingStore")) {
		struct need below = *need;

		below.path = path;
		if (source_of(store, path, sizeof(path)) && !checkup_is_there(p, &below))
			return CHAIN_BROKEN;
	}
	return CHAIN_OTHER;
}
