// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ntfs-write.c - replace, create and remove files
 *
 * The library keeps one copy of a directory's index per open inode. A child is therefore closed
 * with ntfs_inode_close_in_dir() while its directory is open, and the directory last; each of
 * these closes may write the change into the buffer, so every result is checked. The library
 * also remembers names that were not found: a new file must be announced with
 * ntfs_inode_update_mbsname().
 */

#include "helper/ntfs/ntfs-internal.h"
#include "helper/shared/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ntfs-3g/unistr.h>

#define SIBLING_LIMIT 65536u

static int check_replaceable(const struct file_info *info, const char *path,
			     struct error *err)
{
	if (check_readable(info, path, err) < 0)
		return -1;
	if (info->compressed || info->sparse)
		return fail(err, REFUSE_FILE_COMPRESSED,
			    "%s is compressed or sparse", path);
	if (info->links > 1)
		return fail(err, REFUSE_FILE_LINKED,
			    "%s has %u names (hard links)", path, info->links);
	return 0;
}

static int put(struct volume *vol, ntfs_attr *na, size_t off,
	       const uint8_t *data, size_t len, const char *path,
	       struct error *err)
{
	while (len) {
		s64 n = ntfs_attr_pwrite(na, (s64)off, (s64)len, data);

		if (n <= 0)
			return fail_volume(vol, err, "write", path);
		off += (size_t)n;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

bool content_differs(const struct file_content *c, size_t at)
{
	size_t n = c->len - at < IMAGE_PAGE ? c->len - at : IMAGE_PAGE;

	if (!c->old || !range_ok(at, n, c->old_len))
		return true;
	return c->changed ? c->changed[at / IMAGE_PAGE]
			  : memcmp(c->data + at, c->old + at, n) != 0;
}

/* Find the next page from @at on that differs; @c->len: none. */
static size_t next_changed(const struct file_content *c, size_t at, bool changed)
{
	while (at < c->len && content_differs(c, at) != changed)
		at += IMAGE_PAGE;
	return at < c->len ? at : c->len;
}

/* Write the pages that differ, neighbours in one write. */
static int put_changed(struct volume *vol, ntfs_attr *na,
		       const struct file_content *c, const char *path,
		       struct error *err)
{
	size_t start = next_changed(c, 0, true), end;

	for (; start < c->len; start = next_changed(c, end, true)) {
		end = next_changed(c, start, false);
		if (put(vol, na, start, c->data + start, end - start, path, err) < 0)
			return -1;
	}
	return 0;
}

static int set_content(struct volume *vol, ntfs_inode *ni,
		       const struct file_content *c, const char *path,
		       struct error *err)
{
	ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	int r = 0;

	if (!na)
		return fail_volume(vol, err, "open", path);
	if (na->data_size != (s64)c->len &&
	    ntfs_attr_truncate_solid(na, (s64)c->len) != 0)
		r = fail_volume(vol, err, "resize", path);
	if (r == 0)
		r = put_changed(vol, na, c, path, err);
	ntfs_attr_close(na);
	return r;
}

int volume_write(struct volume *vol, const char *path,
		 const struct file_content *c, struct error *err)
{
	struct file_info info;
	ntfs_inode *ni;
	int r = -1;

	if (check_mounted_writable(vol, err) < 0)
		return -1;
	ni = open_path(vol, path, err);
	if (!ni)
		return -1;
	if (inode_info(vol, ni, path, &info, err) == 0 &&
	    check_replaceable(&info, path, err) == 0)
		r = 0;
	if (r == 0 && c->old && info.size != c->old_len)
		r = fail(err, EPROTO, "%s changed its size while it was edited",
			 path);
	if (r == 0 && (!c->old || c->len != c->old_len ||
		       next_changed(c, 0, true) < c->len)) {
		r = set_content(vol, ni, c, path, err);
		/* Two flags of an enum of the library. */
		/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange) */
		ntfs_inode_update_times(ni, NTFS_UPDATE_MCTIME);
	}
	if (ntfs_inode_close(ni) < 0 && r == 0)
		r = fail_volume(vol, err, "write", path);
	return r;
}

/* A name in the library's encoding; free() it. */
struct uname {
	ntfschar *chars;
	u8 len;
};

static int to_uname(struct volume *vol, const char *name, struct uname *u,
		    struct error *err)
{
	int n;

	u->chars = NULL;
	if (!*name || strchr(name, '/') || !strcmp(name, ".") ||
	    !strcmp(name, ".."))
		return fail(err, EPROTO, "\"%s\" is not a file name", name);
	n = ntfs_mbstoucs(name, &u->chars);
	if (n < 1 || n > 255) {
		free(u->chars);
		u->chars = NULL;
		errno = EINVAL;
		return fail_volume(vol, err, "name", name);
	}
	u->len = (u8)n;
	return 0;
}

/* Find a file with the same extension as the new one. */
struct sibling {
	const char *extension;
	char name[VOLUME_PATH_LIMIT];
};

static int is_sibling(void *opaque, const char *name, enum file_kind kind)
{
	struct sibling *s = opaque;
	const char *dot = strrchr(name, '.');

	return kind == FILE_REGULAR && dot && !strcasecmp(dot, s->extension) &&
	       str_fits(s->name, sizeof(s->name), name);
}

/* Preferably the descriptor that Windows itself gave a file of this kind in this folder. */
static le32 security_for(struct volume *vol, const char *dir, const char *name)
{
	struct sibling s = { .extension = strrchr(name, '.') };
	char path[2 * VOLUME_PATH_LIMIT];
	ntfs_inode *ni = NULL;
	le32 id = const_cpu_to_le32(0);

	if (s.extension && volume_list(vol, dir, SIBLING_LIMIT, is_sibling, &s,
				       NULL) == 0 && s.name[0] &&
	    str_printf(path, sizeof(path), "%s/%s", dir, s.name))
		ni = open_path(vol, path, NULL);
	if (!ni)
		ni = open_path(vol, dir, NULL);
	if (ni) {
		id = ni->security_id;
		ntfs_inode_close(ni);
	}
	return id;
}

/* Close @child in @dir and then @dir. */
static int close_both(struct volume *vol, ntfs_inode *child, ntfs_inode *dir,
		      const char *path, int r, struct error *err)
{
	if (child && ntfs_inode_close_in_dir(child, dir) < 0 && r == 0)
		r = fail_volume(vol, err, "write", path);
	if (ntfs_inode_close(dir) < 0 && r == 0)
		r = fail_volume(vol, err, "write", path);
	return r;
}

static int unlink_in(struct volume *vol, const char *dir, const char *name,
		     const struct uname *u, struct error *err)
{
	ntfs_inode *parent = open_path(vol, dir, err), *child;
	u64 ref;

	if (!parent)
		return -1;
	/* By its characters: ntfs_inode_lookup_by_mbsname() leaks its copy. */
	ref = ntfs_inode_lookup_by_name(parent, u->chars, u->len);
	if (ref == (u64)-1) {
		int code = errno;

		ntfs_inode_close(parent);
		errno = code;
		return code == ENOENT ? 0
			: fail_volume(vol, err, "find", name);
	}
	child = ntfs_inode_open(vol->vol, MREF(ref));
	if (!child) {
		fail_volume(vol, err, "open", name);
		ntfs_inode_close(parent);
		return -1;
	}
	if (child->mrec->flags & MFT_RECORD_IS_DIRECTORY) {
		fail(err, EISDIR, "%s/%s is a directory: rename it in Windows", dir, name);
		return close_both(vol, child, parent, name, -1, err);
	}
	/* Close both in any case. */
	if (ntfs_delete(vol->vol, NULL, child, parent, u->chars, u->len) != 0)
		return fail_volume(vol, err, "remove", name);
	return 0;
}

static int create_in(struct volume *vol, const char *dir, const char *name,
		     const struct uname *u, const uint8_t *data, size_t len,
		     struct error *err)
{
	le32 security = security_for(vol, dir, name);
	ntfs_inode *parent, *child;
	int r;

	if (unlink_in(vol, dir, name, u, err) < 0)
		return -1;
	parent = open_path(vol, dir, err);
	if (!parent)
		return -1;
	child = ntfs_create(parent, security, u->chars, u->len, S_IFREG);
	if (!child) {
		r = fail_volume(vol, err, "create", name);
		ntfs_inode_close(parent);
		return r;
	}
	ntfs_inode_update_mbsname(parent, name, child->mft_no);
	r = set_content(vol, child, &(struct file_content){ .data = data, .len = len },
				name, err);
	return close_both(vol, child, parent, name, r, err);
}

int volume_create(struct volume *vol, const char *dir, const char *name,
		  const uint8_t *data, size_t len, struct error *err)
{
	struct uname u = { .len = 0 };
	int r;

	if (check_mounted_writable(vol, err) < 0 ||
	    to_uname(vol, name, &u, err) < 0)
		return -1;
	r = create_in(vol, dir, name, &u, data, len, err);
	free(u.chars);
	return r;
}

static int mkdir_in(struct volume *vol, const char *dir, const char *name,
		    struct error *err)
{
	ntfs_inode *parent = open_path(vol, dir, err), *child;
	struct uname u = { .len = 0 };
	int r = 0;

	if (!parent)
		return -1;
	if (to_uname(vol, name, &u, err) < 0) {
		ntfs_inode_close(parent);
		return -1;
	}
	child = ntfs_create(parent, parent->security_id, u.chars, u.len,
			    S_IFDIR);
	if (child)
		ntfs_inode_update_mbsname(parent, name, child->mft_no);
	else
		r = fail_volume(vol, err, "create", name);
	free(u.chars);
	return close_both(vol, child, parent, name, r, err);
}

int volume_mkdir_path(struct volume *vol, const char *path, struct error *err)
{
	char done[VOLUME_PATH_LIMIT] = "", rest[VOLUME_PATH_LIMIT];
	char *save = NULL;

	if (check_mounted_writable(vol, err) < 0)
		return -1;
	if (!str_fits(rest, sizeof(rest), path))
		return fail(err, REFUSE_WINDOWS_UNKNOWN, "%s: path too long", path);
	for (char *name = strtok_r(rest, "/", &save); name;
	     name = strtok_r(NULL, "/", &save)) {
		char next[VOLUME_PATH_LIMIT];
		struct file_info info;
		int r;

		if (!str_printf(next, sizeof(next), "%s%s%s", done,
				*done ? "/" : "", name))
			return fail(err, REFUSE_WINDOWS_UNKNOWN, "%s: path too long", path);
		r = volume_stat(vol, next, &info, err);
		if (r < 0)
			return -1;
		if (r && info.kind != FILE_DIRECTORY)
			return fail(err, ENOTDIR, "%s is not a directory: rename it in "
				    "Windows", next);
		if (!r && mkdir_in(vol, done, name, err) < 0)
			return -1;
		memcpy(done, next, sizeof(done));
	}
	return 0;
}
