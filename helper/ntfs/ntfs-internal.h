/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ntfs-internal.h - what the ntfs*.c files share; nobody else includes this, and
 * nobody else includes libntfs-3g
 */
#ifndef BUSFLIP_NTFS_INTERNAL_H
#define BUSFLIP_NTFS_INTERNAL_H

#include "helper/image/image.h"
#include "helper/ntfs/ntfs.h"

/* The library's headers want these to exist before they do. One of them calls time(),
 * and includes <time.h> only where a configure script has found that there is one. */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include <ntfs-3g/types.h>
#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/volume.h>

/* The byte range of the image that the library sees as a device. */
struct window {
	struct image *image;
	uint64_t off, len;
	int64_t pos;		/* for read() and seek() of the library */
	struct error failed;	/* the first read or write that failed */
};

struct volume {
	ntfs_volume *vol;
	struct window window;
	/* The file that volume_pread() was last asked for; NULL: none. */
	char last_path[VOLUME_PATH_LIMIT];
	ntfs_inode *last;
	ntfs_attr *last_data;
};

/* ntfs-device.c: mount the window; NULL with errno when the library won't. */
ntfs_volume *window_mount(struct window *window, bool writable);

/* ntfs-health.c: $LogFile and hiberfil.sys, of a volume however mounted. */
int health_read_logfile(struct volume *vol, struct volume_health *health,
			struct error *err);
int health_read_hibernation(struct volume *vol, struct volume_health *health,
			    struct error *err);

/* ntfs-inode.c: the library failed at @what on @path; code from errno. Gives -1. */
int fail_volume(struct volume *vol, struct error *err, const char *what,
		const char *path);

/* ntfs-inode.c: the inode of @path, NULL with @err (ENOENT when there is none). Close
 * with ntfs_inode_close(). Never hold two inodes of one record: closing the
 * second would write back what the first has changed meanwhile. */
ntfs_inode *open_path(struct volume *vol, const char *path, struct error *err);

/* ntfs-inode.c: -1 on a volume that is mounted to be read: the library would take
 * writes there, report success, and write nothing. */
int check_mounted_writable(const struct volume *vol, struct error *err);

/* ntfs-inode.c: stat of an open inode. */
int inode_info(struct volume *vol, ntfs_inode *ni, const char *path,
	       struct file_info *info, struct error *err);

/* ntfs-read.c: @size bytes at @off of @na, all before its end, into @buf, which
 * must be zero: holes are left out. */
int read_attribute(struct volume *vol, ntfs_attr *na, uint64_t off,
		   uint8_t *buf, size_t size, const char *path,
		   struct error *err);

/* ntfs-read.c: a file whose bytes are in the volume as they are, no folder nor link;
 * compressed and sparse ones are, too. */
int check_readable(const struct file_info *info, const char *path, struct error *err);

/* ntfs-inode.c: close what volume_pread() keeps open. */
void forget_last(struct volume *vol);

#endif
