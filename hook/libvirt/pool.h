/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool.h - where a volume of a storage pool is, without asking libvirt
 *
 * A hook must not ask it, and the XML that libvirt gives a hook names pool and volume, as
 * the definition does. What a pool is, libvirt keeps in files.
 */
#ifndef BUSFLIP_POOL_H
#define BUSFLIP_POOL_H

#include "hook/domain/xml.h"

struct pool {
	char type[32];
	char path[4096];	/* of its target; "" where it has none */
};

/*
 * pool_volume() - the path of what <source pool= volume=> names
 *
 * ENOENT: there is no such pool; EAGAIN: it is not active. libvirt would not start the guest
 * then. ENOTSUP: its volumes are none that busflip can look into. EACCES: only root may
 * read that.
 */
int pool_volume(const xmlNode *source, char *path, size_t size, struct error *err);

/* pool_is_active() - or libvirt starts no guest with a volume of it. */
bool pool_is_active(const xmlNode *source);

/* pool_parse() - pool @name out of libvirt's file on it; EBADMSG when it is none. */
int pool_parse(const char *bytes, size_t len, const char *name, struct pool *pool,
	       struct error *err);

#endif
