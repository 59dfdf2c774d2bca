/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * newroot.h - a root of our own that holds only what is named
 *
 * For a process in a mount namespace of its own. Where Landlock says what may be
 * opened, this says what is there at all: for stat, readlink and O_PATH, too.
 * Needs Linux 5.12.
 */
#ifndef BUSFLIP_NEWROOT_H
#define BUSFLIP_NEWROOT_H

#include "helper/shared/landlock.h"

/*
 * newroot_enter() - leave everything else behind
 *
 * @rules: files and folders, at the same path as now; what doesn't exist is left
 * out. Without LANDLOCK_READ_WRITE they are mounted read-only. @names: paths by
 * which some of them are asked for; the symbolic links on their way are there; NULL is none.
 *
 * Return 0, or -1 with errno and nothing changed that could be seen.
 */
int newroot_enter(const struct landlock_rule *rules, size_t n,
		  const char *const *names, size_t n_names);

#endif
