/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ntfs-internal.h - what the ntfs*.c files share; no other file includes this, and no other
 * file includes libntfs-3g
 */
#ifndef BUSFLIP_NTFS_INTERNAL_H
#define BUSFLIP_NTFS_INTERNAL_H

#include "helper/image/image.h"
#include "helper/ntfs/ntfs.h"

/* The library's headers need these types to be declared before them. One of them calls time(),
 * and includes <time.h> only if a configure script has found it. */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include <ntfs-3g/types.h>
#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/volume.h>

/* The byte range of the image that is the library's device. */
struct window {
	struct image *image;
	uint64_t off, len;
	int64_t pos;		/* for read() and seek() of the library */
	struct error failed;	/* the first read or write that failed */
};

struct volume {
	ntfs_volume *vol;
	struct window window;
	/* The last file read by volume_pread(); NULL: none. */
	char last_path[VOLUME_PATH_LIMIT];
	ntfs_inode *last;
	ntfs_attr *last_data;
};

/* ntfs-device.c: mount the window; NULL with errno if the library refuses. */
ntfs_volume *window_mount(struct window *window, bool writable);

/* ntfs-health.c: $LogFile and hiberfil.sys, on any kind of mount. */
int health_read_logfile(struct volume *vol, struct volume_health *health,
			struct error *err);
int health_read_hibernation(struct volume *vol, struct volume_health *health,
			    struct error *err);

/* ntfs-inode.c: report that the library failed at @what on @path; code from errno. Returns -1. */
int fail_volume(struct volume *vol, struct error *err, const char *what,
		const char *path);

/* ntfs-inode.c: the inode of @path, NULL with @err (ENOENT if there is none). Close it with
 * ntfs_inode_close(). Never hold two inodes of one record: closing the second would write back
 * what the first has changed meanwhile. */
ntfs_inode *open_path(struct volume *vol, const char *path, struct error *err);

/* ntfs-inode.c: -1 on a read-only mount: the library would accept writes there, report
 * success, and write nothing. */
int check_mounted_writable(const struct volume *vol, struct error *err);

/* ntfs-inode.c: stat of an open inode. */
int inode_info(struct volume *vol, ntfs_inode *ni, const char *path,
	       struct file_info *info, struct error *err);

/* ntfs-read.c: read @size bytes at @off of @na, all before its end, into @buf, which must be
 * zero: holes are skipped. */
int read_attribute(struct volume *vol, ntfs_attr *na, uint64_t off,
		   uint8_t *buf, size_t size, const char *path,
		   struct error *err);

/* ntfs-read.c: -1 unless it is a file with its bytes on the volume as they are, not a folder
 * or link; compressed and sparse files are accepted. */
int check_readable(const struct file_info *info, const char *path, struct error *err);

/* ntfs-inode.c: close the file that volume_pread() keeps open. */
void forget_last(struct volume *vol);

#endif
