/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * volume.h - files of an NTFS volume on a struct nbd_client
 *
 * The only user of libntfs-3g. Paths are relative to the root, with slashes or backslashes;
 * case is ignored.
 */
#ifndef MODEL_VOLUME_H
#define MODEL_VOLUME_H

#include "base.h"
#include "disk.h"

struct volume;

/* volume_mount() - changes go to the disk's memory; they are complete after
 * volume_unmount(). Return: NULL if that is no NTFS. */
struct volume *volume_mount(struct nbd_client *d, uint64_t start, uint64_t len,
			    bool writable);
void volume_unmount(struct volume *v);

bool volume_exists(struct volume *v, const char *path);
/* volume_read() - no data when there is no such file */
struct bytes volume_read(struct volume *v, const char *path);
struct bytes volume_read_head(struct volume *v, const char *path, size_t max);
/* volume_write() - the whole file; it and its folders are made when missing */
void volume_write(struct volume *v, const char *path, const void *data, size_t len);
void volume_mkdir(struct volume *v, const char *path);
void volume_delete(struct volume *v, const char *path);
/* volume_list() - calls @each with the name of every entry of a folder */
void volume_list(struct volume *v, const char *path,
		 void (*each)(const char *name, void *arg), void *arg);
/* volume_place() - where on the disk a file's first byte is, for writers that
 * go past the file system; 0 when it lies inside its file record */
uint64_t volume_place(struct volume *v, const char *path);

/* The state of $LogFile, as libntfs-3g tells it (logfile.c, volume.c). */
enum logfile {
	LOGFILE_EMPTY,		/* never used, or reset */
	LOGFILE_CLEAN,		/* closed by a dismount */
	LOGFILE_IN_USE,		/* mounted, or the power went */
	LOGFILE_CACHED,		/* version 2.0: metadata is in Windows' cache */
};
enum logfile volume_logfile(struct volume *v);
void volume_set_logfile(struct volume *v, enum logfile state);
/* volume_forget_logfile() - empties it past the file system, so that libntfs-3g
 * does not refuse the owner of a volume that sleeps. For one mounted for reading,
 * before it is mounted for writing. */
void volume_forget_logfile(struct volume *v);
const char *logfile_name(enum logfile state);

/* volume_flags() - of $VOLUME_INFORMATION; bit 0 is "dirty" */
uint16_t volume_flags(struct volume *v);
void volume_set_flags(struct volume *v, uint16_t flags);

#endif
