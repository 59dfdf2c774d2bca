/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ntfs.h - one NTFS volume on a byte range of an image: find, read, replace
 *
 * ntfs.c is the only user of libntfs-3g. The functions are called volume_* because the library
 * exports ntfs_create(), ntfs_read() and more, and an executable that defined such a name would
 * replace it inside the library too.
 *
 * Paths are UTF-8, absolute within the volume, separated by '/', without a leading one
 * ("Windows/System32/config/SYSTEM"), and matched without regard to case, as Windows does.
 * Everything on the volume is hostile: each size is limited by a @limit of the caller.
 *
 * Nothing is ever written to the image from here: writes stay in the image's write buffer
 * (image.h), and after volume_close() the buffer holds the whole change. So an error at any
 * point leaves the disk as it was.
 *
 * Return, unless noted otherwise: 0, or -1 with @err; err->code is an errno value or one of
 * enum refusal (refusal.h).
 */
#ifndef BUSFLIP_NTFS_H
#define BUSFLIP_NTFS_H

#include "helper/shared/base.h"
#include "helper/shared/refusal.h"

struct image;
struct volume;

/* hiberfil.sys, by its first four bytes: all except ABSENT, EMPTY and RESUMED forbid writing.
 * libntfs-3g checks for HIBR; WAKE, RSTR and the zeroes are described by analysts of such
 * files (Volatility's Hiber Address Space; Sylve and others, "Modern Windows hibernation file
 * analysis"). */
enum hibernation {
	HIBERNATION_ABSENT,	/* no such file */
	HIBERNATION_EMPTY,	/* first 4 KiB are zero: no image in it */
	HIBERNATION_RESUMED,	/* WAKE: already resumed */
	HIBERNATION_IMAGE,	/* HIBR: hibernated or shut down with fast startup */
	HIBERNATION_RESTORING,	/* RSTR: resume was interrupted */
	HIBERNATION_UNKNOWN,	/* anything else, or shorter than 4 KiB */
};

/* $LogFile, by its newest restart page. */
enum logfile {
	LOGFILE_CLEAN,
	LOGFILE_UNCLEAN,	/* v1.x: a client was in use, not shut down */
	LOGFILE_CACHED,		/* v2.x: metadata kept in Windows' cache */
	LOGFILE_DAMAGED,	/* no valid restart page */
};

/* What the volume says about itself; filled by volume_open() also if it refuses, as far as it
 * got. */
struct volume_health {
	bool bitlocker;
	bool dirty;		/* $Volume flag 0x0001 */
	bool chkdsk;		/* $Volume flags 0x4000, 0x8000 */
	uint16_t flags;		/* $Volume flags as they are */
	enum logfile logfile;
	uint8_t logfile_major, logfile_minor;
	enum hibernation hibernation;
	uint8_t ntfs_major, ntfs_minor;
	uint64_t serial;	/* volume serial number of the boot sector */
	uint32_t cluster_size;	/* bytes */
	char label[128 * 3 + 1];/* UTF-8 */
};

enum file_kind { FILE_REGULAR, FILE_DIRECTORY };

struct file_info {
	enum file_kind kind;
	uint64_t size;		/* bytes of the unnamed data stream */
	bool compressed;	/* NTFS compression */
	bool sparse;
	bool encrypted;		/* EFS */
	bool reparse;		/* symlink, WOF (CompactOS) and the like */
	unsigned int links;	/* names, without 8.3 aliases */
	uint64_t mtime;		/* FILETIME: 100 ns since 1601, UTC */
};

/* The longest path that the functions below accept, in bytes. */
#define VOLUME_PATH_LIMIT 1024

/*
 * volume_open() - mount the NTFS in [@off, @off + @len) of @image
 *
 * @writable: refuse any condition that makes writing unsafe (dirty flag, unclean or version 2.0
 * log, hibernation image), each with its own enum refusal. For reading, a volume is opened in
 * all these states and only @health reports them. BitLocker and a file system that can't be
 * mounted are refused in both cases. @health may not be NULL. volume_close() closes *@vol.
 */
int volume_open(struct image *image, uint64_t off, uint64_t len, bool writable,
		struct volume **vol, struct volume_health *health,
		struct error *err);

/*
 * volume_check_writable() - judge @health as volume_open(@writable) does, for inspect, which
 * must say why patch would refuse. 0 if it would not.
 */
int volume_check_writable(const struct volume_health *health,
			  struct error *err);

/*
 * volume_close() - unmount, and free @vol in any case; NULL is allowed
 *
 * After writing, a failure means that the write buffer is not a complete file system and must
 * be discarded.
 */
int volume_close(struct volume *vol, struct error *err);

/* volume_stat() - Return 1 if @path exists (@info filled), 0 if it does not, -1 if the volume
 * can't be read. */
int volume_stat(struct volume *vol, const char *path, struct file_info *info,
		struct error *err);

/*
 * volume_read() - read the whole unnamed data stream of a regular file
 *
 * More than @limit bytes is EFBIG; a missing file ENOENT; compressed data is unpacked;
 * encrypted files and reparse points are refused, because the data would not be what Windows
 * sees. *@data is followed by a zero byte, and the caller frees it.
 */
int volume_read(struct volume *vol, const char *path, size_t limit,
		uint8_t **data, size_t *len, struct error *err);

/*
 * volume_pread() - read exactly @len bytes at @off of a file's unnamed data stream
 *
 * For hives of which only parts are read (windows.c): a lookup needs some tens of 64 KiB blocks
 * of a SOFTWARE hive of 100 MB. It is called many times in a row for the same @path, so the
 * last file stays open between calls. Beyond the end is EINVAL; same refusals as volume_read().
 */
int volume_pread(struct volume *vol, const char *path, uint64_t off,
		 uint8_t *data, size_t len, struct error *err);

/* volume_read_head() - read at most the first @want bytes of a file of any size; *@len: how
 * many. Same refusals as volume_read(). */
int volume_read_head(struct volume *vol, const char *path, size_t want,
		     uint8_t *data, size_t *len, struct error *err);

/*
 * The new content of a file. @old, if given, is the content that the caller has read: only
 * pages of 4 KiB that differ are written. @changed has one byte for each page, if the caller
 * knows; NULL: found by comparing.
 */
struct file_content {
	const uint8_t *data;
	size_t len;
	const uint8_t *old;
	size_t old_len;
	const uint8_t *changed;
};

/* content_differs() - true if the page that begins at @at must be written. */
bool content_differs(const struct file_content *c, size_t at);

/*
 * volume_write() - make the existing regular file @path contain @c->data
 *
 * Grows and shrinks it. Refuses files that are compressed, sparse, encrypted, a reparse point,
 * or have more than one name (REFUSE_FILE_*): the change would have other effects.
 */
int volume_write(struct volume *vol, const char *path,
		 const struct file_content *c, struct error *err);

/*
 * volume_create() - create a file @dir/@name with @data
 *
 * An existing one is first unlinked (and so not changed under its other names, such as WinSxS).
 * The new file gets the security descriptor of a sibling with the same extension, or of the
 * directory. @dir must exist.
 */
int volume_create(struct volume *vol, const char *dir, const char *name,
		  const uint8_t *data, size_t len, struct error *err);

/* volume_mkdir_path() - create @path and all its missing parents. */
int volume_mkdir_path(struct volume *vol, const char *path, struct error *err);

/* volume_list() - call @each for every entry of @dir except "." and ".." and 8.3 aliases;
 * non-zero from @each stops. At most @limit entries, otherwise EFBIG. */
typedef int volume_each(void *opaque, const char *name, enum file_kind kind);
int volume_list(struct volume *vol, const char *dir, size_t limit,
		volume_each *each, void *opaque, struct error *err);

#endif
