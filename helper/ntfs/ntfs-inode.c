// SPDX-License-Identifier: GPL-2.0-or-later
/* ntfs-inode.c - one file of a volume: found by its path, and its attributes */

#include "helper/ntfs/ntfs-internal.h"

#include <errno.h>
#include <string.h>

#include "helper/shared/refusal.h"

int fail_volume(struct volume *vol, struct error *err, const char *what,
		const char *path)
{
	int code = errno;

	if (vol->window.failed.code) {
		if (err)
			*err = vol->window.failed;
		return error_prefix(err, "cannot %s %s", what, path);
	}
	if (code == ENOENT)
		return fail(err, ENOENT, "there is no %s", path);
	if (code == ENOSPC)
		return fail(err, REFUSE_NO_SPACE,
			    "no space in the volume for %s", path);
	if (code == ENOMEM)
		return fail(err, ENOMEM, "out of memory at %s", path);
	return fail(err, REFUSE_VOLUME_DAMAGED, "cannot %s %s: %s", what, path,
		    code ? strerror(code) : "the volume is damaged");
}

int check_mounted_writable(const struct volume *vol, struct error *err)
{
	return NVolReadOnly(vol->vol)
		? fail(err, EPROTO, "the volume was opened to be read only") : 0;
}

ntfs_inode *open_path(struct volume *vol, const char *path, struct error *err)
{
	ntfs_inode *ni;

	forget_last(vol);
	if (strlen(path) >= VOLUME_PATH_LIMIT) {
		fail(err, REFUSE_WINDOWS_UNKNOWN, "%s: path too long", path);
		return NULL;
	}
	errno = 0;
	ni = ntfs_pathname_to_inode(vol->vol, NULL, path);
	if (!ni) {
		/* If a component is not a directory, the file does not exist. */
		if (errno == ENOTDIR)
			errno = ENOENT;
		fail_volume(vol, err, "find", path);
	}
	return ni;
}

/* Number of names, without the 8.3 names that Windows adds by itself. */
static int count_links(ntfs_inode *ni, unsigned int *links)
{
	ntfs_attr_search_ctx *ctx = ntfs_attr_get_search_ctx(ni, NULL);

	*links = 0;
	if (!ctx)
		return -1;
	while (!ntfs_attr_lookup(AT_FILE_NAME, AT_UNNAMED, 0, CASE_SENSITIVE, 0,
				 NULL, 0, ctx)) {
		const ATTR_RECORD *a = ctx->attr;
		const uint8_t *value = (const uint8_t *)a +
				       le16_to_cpu(a->value_offset);
		const FILE_NAME_ATTR *name = (const void *)value;

		if (le32_to_cpu(a->value_length) < sizeof(*name))
			continue;
		if (name->file_name_type != FILE_NAME_DOS)
			++*links;
	}
	ntfs_attr_put_search_ctx(ctx);
	return errno == ENOENT ? 0 : -1;
}

int inode_info(struct volume *vol, ntfs_inode *ni, const char *path,
	       struct file_info *info, struct error *err)
{
	ntfs_attr *na;

	memset(info, 0, sizeof(*info));
	info->kind = (ni->mrec->flags & MFT_RECORD_IS_DIRECTORY)
		? FILE_DIRECTORY : FILE_REGULAR;
	info->compressed = ni->flags & FILE_ATTR_COMPRESSED;
	info->sparse = ni->flags & FILE_ATTR_SPARSE_FILE;
	info->encrypted = ni->flags & FILE_ATTR_ENCRYPTED;
	info->reparse = ni->flags & FILE_ATTR_REPARSE_POINT;
	info->mtime = (uint64_t)sle64_to_cpu(ni->last_data_change_time);
	if (count_links(ni, &info->links) < 0)
		return fail_volume(vol, err, "read the names of", path);
	/* The library does not even open encrypted files. */
	if (info->kind == FILE_DIRECTORY || info->encrypted)
		return 0;
	na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	if (!na)
		return fail_volume(vol, err, "read", path);
	info->compressed |= NAttrCompressed(na);
	info->sparse |= NAttrSparse(na);
	info->encrypted |= NAttrEncrypted(na);
	info->size = na->data_size < 0 ? 0 : (uint64_t)na->data_size;
	ntfs_attr_close(na);
	return 0;
}

int volume_stat(struct volume *vol, const char *path, struct file_info *info,
		struct error *err)
{
	struct error why;
	ntfs_inode *ni = open_path(vol, path, &why);
	int r;

	if (!ni && why.code == ENOENT)
		return 0;
	if (!ni) {
		if (err)
			*err = why;
		return -1;
	}
	r = inode_info(vol, ni, path, info, err);
	ntfs_inode_close(ni);
	return r < 0 ? -1 : 1;
}

void forget_last(struct volume *vol)
{
	if (vol->last_data)
		ntfs_attr_close(vol->last_data);
	if (vol->last)
		ntfs_inode_close(vol->last);
	vol->last = NULL;
	vol->last_data = NULL;
}
