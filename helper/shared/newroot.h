/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * newroot.h - a new root that contains only what is named
 *
 * For a process in its own mount namespace. Landlock limits what may be opened; this limits
 * what exists at all, also for stat, readlink and O_PATH. Needs Linux 5.12.
 */
#ifndef BUSFLIP_NEWROOT_H
#define BUSFLIP_NEWROOT_H

#include "helper/shared/landlock.h"

/*
 * newroot_enter() - replace the root
 *
 * @rules: files and folders, at the same paths as now; those that do not exist are skipped.
 * Without LANDLOCK_READ_WRITE they are mounted read-only; mounts below them are left out. @names:
 * other paths by which some of them are opened; the symbolic links on these paths are created;
 * NULL: none.
 *
 * Return 0, or -1 with errno and no visible change.
 */
int newroot_enter(const struct landlock_rule *rules, size_t n,
		  const char *const *names, size_t n_names);

#endif
