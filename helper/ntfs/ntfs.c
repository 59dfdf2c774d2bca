// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ntfs.c - one NTFS volume on a byte range of an image: open, find, list, close
 */

#include "helper/ntfs/ntfs-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ntfs-3g/logging.h>
#include <ntfs-3g/unistr.h>

#define BOOT_SECTOR 512u

static int read_boot_sector(struct volume *vol, struct volume_health *health,
			    struct error *err)
{
	uint8_t boot[BOOT_SECTOR];

	if (vol->window.len < sizeof(boot))
		return fail(err, REFUSE_VOLUME_DAMAGED, "the volume is too "
			    "small to be NTFS");
	if (image_read(vol->window.image, vol->window.off, boot, sizeof(boot),
		       err) < 0)
		return -1;
	health->bitlocker = memcmp(boot + 3, "-FVE-FS-", 8) == 0;
	if (health->bitlocker)
		return volume_check_writable(health, err);
	if (memcmp(boot + 3, "NTFS    ", 8) != 0)
		return fail(err, REFUSE_VOLUME_DAMAGED,
			    "the volume is not NTFS");
	health->serial = get_le64(boot + 72);
	return 0;
}

static int read_health(struct volume *vol, struct volume_health *health,
		       struct error *err)
{
	const ntfs_volume *v = vol->vol;

	health->flags = le16_to_cpu(v->flags);
	health->dirty = health->flags & 0x0001;
	health->chkdsk = health->flags & 0xC000;
	health->ntfs_major = v->major_ver;
	health->ntfs_minor = v->minor_ver;
	health->cluster_size = v->cluster_size;
	if (v->vol_name &&
	    !str_fits(health->label, sizeof(health->label), v->vol_name))
		health->label[0] = '\0';
	if (health_read_logfile(vol, health, err) < 0)
		return -1;
	return health_read_hibernation(vol, health, err);
}

/* The library refused to mount for writing without a reason: find it on a read-only mount. */
static int explain_refusal(struct volume *vol, int code,
			   struct volume_health *health, struct error *err)
{
	int r = -1;

	vol->vol = window_mount(&vol->window, false);
	if (vol->vol) {
		r = read_health(vol, health, err);
		if (r == 0)
			r = volume_check_writable(health, err);
		ntfs_umount(vol->vol, FALSE);
		vol->vol = NULL;
	} else {
		errno = code;
		return fail_volume(vol, err, "mount", "the volume");
	}
	if (r < 0)
		return -1;
	/* The library is stricter than these checks about the part of a log that it reads. */
	if (code == EOPNOTSUPP || code == EPERM)
		return fail(err, REFUSE_LOG_UNCLEAN,
			    "the NTFS journal is not in order: start Windows "
			    "and shut it down with \"shutdown /s /f /t 0\"");
	errno = code;
	return fail_volume(vol, err, "mount", "the volume for writing");
}

static int mount_window(struct volume *vol, bool writable,
			struct volume_health *health, struct error *err)
{
	if (read_boot_sector(vol, health, err) < 0)
		return -1;
	vol->vol = window_mount(&vol->window, writable);
	if (!vol->vol && writable)
		return explain_refusal(vol, errno, health, err);
	if (!vol->vol)
		return fail_volume(vol, err, "mount", "the volume");
	if (writable && NVolReadOnly(vol->vol))
		return fail(err, REFUSE_VOLUME_DAMAGED,
			    "the volume can only be read");
	/* Not ntfs_set_ignore_case(): that also lists names in lower case. */
	vol->vol->state &= ~(1ul << NV_CaseSensitive);
	if (read_health(vol, health, err) < 0)
		return -1;
	return writable ? volume_check_writable(health, err) : 0;
}

int volume_open(struct image *image, uint64_t off, uint64_t len, bool writable,
		struct volume **out, struct volume_health *health,
		struct error *err)
{
	struct volume *vol = calloc(1, sizeof(*vol));

	memset(health, 0, sizeof(*health));
	if (!vol)
		return fail(err, ENOMEM, "out of memory");
	if (!range_ok(off, len, image_size(image)) || len > INT64_MAX) {
		free(vol);
		return fail(err, REFUSE_PARTITION_TABLE, "the volume is not on the disk");
	}
	vol->window = (struct window){ .image = image, .off = off, .len = len };
	ntfs_log_set_handler(ntfs_log_handler_null);
	ntfs_set_char_encoding("UTF-8");
	if (mount_window(vol, writable, health, err) < 0) {
		volume_close(vol, NULL);
		return -1;
	}
	*out = vol;
	return 0;
}

int volume_close(struct volume *vol, struct error *err)
{
	int r = 0;

	if (!vol)
		return 0;
	forget_last(vol);
	if (vol->vol && ntfs_umount(vol->vol, FALSE) < 0)
		r = fail_volume(vol, err, "unmount", "the volume");
	else if (vol->window.failed.code)
		r = fail_volume(vol, err, "read", "the volume");
	free(vol);
	return r;
}

struct listing {
	volume_each *each;
	void *opaque;
	size_t left;
	bool too_many, no_memory;
};

static int list_one(void *opaque, const ntfschar *name, const int name_len,
		    const int name_type, const s64 pos, const MFT_REF mref,
		    const unsigned int type)
{
	struct listing *l = opaque;
	AUTO_FREE char *text = NULL;

	(void)pos;
	(void)mref;
	if (name_type == FILE_NAME_DOS)
		return 0;
	if (ntfs_ucstombs(name, name_len, &text, 0) < 0) {
		l->no_memory = errno == ENOMEM;
		/* A name that is not valid Unicode is not one of ours. */
		return l->no_memory ? -1 : 0;
	}
	if (!strcmp(text, ".") || !strcmp(text, ".."))
		return 0;
	if (!l->left--) {
		l->too_many = true;
		return -1;
	}
	return l->each(l->opaque, text, type == NTFS_DT_DIR ? FILE_DIRECTORY
							    : FILE_REGULAR)
		? 1 : 0;
}

int volume_list(struct volume *vol, const char *dir, size_t limit,
		volume_each *each, void *opaque, struct error *err)
{
	struct listing l = { .each = each, .opaque = opaque, .left = limit };
	ntfs_inode *ni = open_path(vol, dir, err);
	s64 pos = 0;
	int r;

	if (!ni)
		return -1;
	r = ntfs_readdir(ni, &pos, &l, list_one);
	if (l.too_many)
		r = fail(err, REFUSE_WINDOWS_UNKNOWN, "%s has more than %zu entries",
			 *dir ? dir : "the root folder", limit);
	else if (l.no_memory)
		r = fail(err, ENOMEM, "out of memory");
	else if (r < 0)
		r = fail_volume(vol, err, "list", *dir ? dir : "the root folder");
	else
		r = 0;
	ntfs_inode_close(ni);
	return r;
}
