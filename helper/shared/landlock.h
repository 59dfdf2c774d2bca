/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * landlock.h - let this process reach only named parts of the file system
 *
 * Needs Linux 5.13; newer kernels also take away TCP, and signals and abstract
 * sockets of other processes. There is no wrapper in libc.
 */
#ifndef BUSFLIP_LANDLOCK_H
#define BUSFLIP_LANDLOCK_H

#include "helper/shared/base.h"

enum landlock_access {
	LANDLOCK_READ = 1,	/* files and, beneath a folder, lists */
	LANDLOCK_READ_EXECUTE,
	LANDLOCK_READ_WRITE,	/* one file: no creating, no removing */
};

struct landlock_rule {
	const char *path;	/* a path, or with "" ... */
	int fd;			/* ... an open descriptor */
	enum landlock_access access;
};

/*
 * landlock_restrict() - from now on, for this process and its children
 *
 * Rules for paths that don't exist are left out. Sets no_new_privs. Return 0,
 * 1 when this kernel has no Landlock (nothing changed but no_new_privs), or -1.
 */
int landlock_restrict(const struct landlock_rule *rules, size_t n,
		      struct error *err);

#endif
