/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * landlock.h - restrict this process to named parts of the file system
 *
 * Needs Linux 5.13; newer kernels also restrict TCP, and signals and abstract sockets of other
 * processes. libc has no wrapper.
 */
#ifndef BUSFLIP_LANDLOCK_H
#define BUSFLIP_LANDLOCK_H

#include "helper/shared/base.h"

enum landlock_access {
	LANDLOCK_READ = 1,	/* files, and folder listings below it */
	LANDLOCK_READ_EXECUTE,
	LANDLOCK_READ_WRITE,	/* one file: no creating, no removing */
};

struct landlock_rule {
	const char *path;	/* a path, or with "" ... */
	int fd;			/* ... an open descriptor */
	enum landlock_access access;
};

/*
 * landlock_restrict() - permanent, for this process and its children
 *
 * Rules for paths that do not exist are skipped. Sets no_new_privs. Return 0, 1 if this kernel
 * has no Landlock (only no_new_privs was set), or -1.
 */
int landlock_restrict(const struct landlock_rule *rules, size_t n,
		      struct error *err);

#endif
