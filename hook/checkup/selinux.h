/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * selinux.h - may a process with one label use a file with another?
 *
 * The kernel, which has the policy loaded, is asked; no type name is known here. The query is
 * that of security_compute_av(3), written to a file of selinuxfs, so the library is not needed.
 * @fs is /sys/fs/selinux, or a folder that looks like it.
 */
#ifndef BUSFLIP_SELINUX_H
#define BUSFLIP_SELINUX_H

#include "helper/shared/base.h"

#define SELINUX_FS "/sys/fs/selinux"

/* The limit of the kernel in most file systems; a context of a usual policy has some fifty
 * characters. */
#define SELINUX_LABEL 512

/* selinux_enforces() - false in permissive mode, which only logs. */
bool selinux_enforces(const char *fs);

/* selinux_label() - the label of a file; false if it has none or it can't be read. */
bool selinux_label(const char *path, char label[SELINUX_LABEL]);

/*
 * selinux_allows() - may @process do what @permissions (ends with NULL) names to an @object of
 * @class ("file", "dir", "blk_file")?
 *
 * Return 1 yes (also if its domain is permissive), 0 no, -1 no answer.
 */
int selinux_allows(const char *fs, const char *process, const char *object,
		   const char *class, const char *const *permissions);

struct selinux_barrier {
	char path[4096], label[SELINUX_LABEL];
	bool folder;
};

/*
 * selinux_way() - may @process enter each folder on the way to @path and, with @file, open
 * @path itself for reading and, with @write, for writing? Symbolic links are followed.
 *
 * Return 1 yes, 0 no and the first obstacle in @barrier, -1 no answer.
 */
int selinux_way(const char *fs, const char *process, const char *path, bool file, bool write,
		struct selinux_barrier *barrier);

#endif
