/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool.h - find the path of a storage pool's volume without calling libvirt
 *
 * A hook must not call libvirt, and the XML that libvirt gives to a hook names pool and volume,
 * as the definition does. libvirt stores its pools in files.
 */
#ifndef BUSFLIP_POOL_H
#define BUSFLIP_POOL_H

#include "hook/domain/xml.h"

struct pool {
	char type[32];
	char path[4096];	/* path of its target; "" if it has none */
};

/*
 * pool_volume() - the path of the volume that <source pool= volume=> names
 *
 * ENOENT: no such pool; EAGAIN: it is not active; libvirt would not start the guest in both
 * cases. ENOTSUP: busflip does not support its volumes. EACCES: only root may read it.
 */
int pool_volume(const xmlNode *source, char *path, size_t size, struct error *err);

/* pool_is_active() - if it is not, libvirt starts no guest with a volume of it. */
bool pool_is_active(const xmlNode *source);

/* pool_parse() - parse libvirt's file on pool @name; EBADMSG if it is not one. */
int pool_parse(const char *bytes, size_t len, const char *name, struct pool *pool,
	       struct error *err);

#endif
