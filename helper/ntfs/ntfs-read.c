// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ntfs-read.c - the content of a file
 *
 * Plain files are read by their runlist: all fragments are requested from the image at once,
 * directly into the caller's memory. Otherwise the fragments of 64 KiB of a hive would be read
 * one after the other. Other files (resident, compressed) are read by the library.
 */

#include "helper/ntfs/ntfs-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The runlist of a 64 MiB file in single clusters of 512 bytes: more than this means a hostile
 * or hopeless volume. */
#define RUN_LIMIT 131072u

static int read_by_library(struct volume *vol, ntfs_attr *na, uint64_t off,
			   uint8_t *buf, size_t size, const char *path,
			   struct error *err)
{
	while (size) {
		s64 n = ntfs_attr_pread(na, (s64)off, (s64)size, buf);

		if (n <= 0) {
			if (n == 0)
				errno = EIO;
			return fail_volume(vol, err, "read", path);
		}
		off += (uint64_t)n;
		buf += n;
		size -= (size_t)n;
	}
	return 0;
}

static size_t count_runs(const runlist_element *rl)
{
	size_t n = 0;

	while (rl && rl[n].length && n <= RUN_LIMIT)
		n++;
	return n;
}

/* The requested part of a file. */
struct span {
	uint64_t off;
	size_t size;
	uint8_t *buf;
};

/* The part of one run that lies in @want, as a piece of the image. Return 1, 0 if there is
 * none or it is a hole, -1 if the run is not on the volume. */
static int run_piece(const struct volume *vol, const runlist_element *run,
		     const struct span *want, struct nbd_piece *piece)
{
	uint64_t cluster = vol->vol->cluster_size, at, len, off, skip = 0;

	if (run->lcn == LCN_HOLE)
		return 0;
	if (run->lcn < 0 || run->vcn < 0 || run->length < 0)
		return -1;
	if (!mul_ok((uint64_t)run->vcn, cluster, &at) ||
	    !mul_ok((uint64_t)run->length, cluster, &len) ||
	    !mul_ok((uint64_t)run->lcn, cluster, &off) ||
	    !range_ok(off, len, vol->window.len))
		return -1;
	if (at < want->off)
		skip = want->off - at;
	if (skip >= len || at + skip - want->off >= want->size)
		return 0;
	at += skip;
	len -= skip;
	if (len > want->size - (at - want->off))
		len = want->size - (at - want->off);
	*piece = (struct nbd_piece){ .off = vol->window.off + off + skip,
				      .len = (size_t)len,
				      .buf = want->buf + (at - want->off) };
	return 1;
}

static int read_by_runs(struct volume *vol, const runlist_element *rl,
			const struct span *want, const char *path,
			struct error *err)
{
	size_t runs = count_runs(rl), n = 0, found = 0;
	AUTO_FREE struct nbd_piece *pieces = NULL;

	if (runs > RUN_LIMIT)
		return fail(err, REFUSE_VOLUME_DAMAGED,
			    "%s has more than %u fragments", path, RUN_LIMIT);
	pieces = calloc(runs + 1, sizeof(*pieces));
	if (!pieces)
		return fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < runs; i++) {
		int r = run_piece(vol, &rl[i], want, &pieces[n]);

		if (r < 0)
			return fail(err, REFUSE_VOLUME_DAMAGED,
				    "%s has a fragment that is not on the "
				    "volume", path);
		found += r ? pieces[n].len : 0;
		n += (size_t)r;
	}
	if (found < want->size)
		memset(want->buf, 0, want->size);
	if (image_read_pieces(vol->window.image, pieces, n, err) < 0)
		return error_prefix(err, "cannot read %s", path);
	return 0;
}

int read_attribute(struct volume *vol, ntfs_attr *na, uint64_t off,
		   uint8_t *buf, size_t size, const char *path,
		   struct error *err)
{
	struct span want = { .off = off, .size = size, .buf = buf };

	if (!NAttrNonResident(na) || NAttrCompressed(na))
		return read_by_library(vol, na, off, buf, size, path, err);
	if (ntfs_attr_map_whole_runlist(na) < 0)
		return fail_volume(vol, err, "read", path);
	/* Data after the initialised size reads as zero. */
	if (na->initialized_size <= 0 ||
	    off >= (uint64_t)na->initialized_size)
		want.size = 0;
	else if ((uint64_t)na->initialized_size - off < size)
		want.size = (size_t)((uint64_t)na->initialized_size - off);
	memset(buf + want.size, 0, size - want.size);
	if (!want.size)
		return 0;
	return read_by_runs(vol, na->rl, &want, path, err);
}

int check_readable(const struct file_info *info, const char *path, struct error *err)
{
	if (info->kind == FILE_DIRECTORY)
		return fail(err, REFUSE_WINDOWS_UNKNOWN, "%s is a directory", path);
	if (info->encrypted)
		return fail(err, REFUSE_FILE_ENCRYPTED,
			    "%s is encrypted (EFS)", path);
	if (info->reparse)
		return fail(err, REFUSE_FILE_LINKED,
			    "%s is a reparse point (a link, or compressed by "
			    "CompactOS)", path);
	return 0;
}

static int read_inode(struct volume *vol, ntfs_inode *ni, const char *path,
		      size_t limit, uint8_t **data, size_t *len,
		      struct error *err)
{
	struct file_info info;
	ntfs_attr *na;
	int r;

	if (inode_info(vol, ni, path, &info, err) < 0 ||
	    check_readable(&info, path, err) < 0)
		return -1;
	if (info.size > limit)
		return fail(err, REFUSE_WINDOWS_UNKNOWN, "%s has %llu bytes, more than %zu",
			    path, (unsigned long long)info.size, limit);
	na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	if (!na)
		return fail_volume(vol, err, "read", path);
	*len = (size_t)info.size;
	*data = calloc(1, *len + 1);
	r = *data ? read_attribute(vol, na, 0, *data, *len, path, err)
		  : fail(err, ENOMEM, "out of memory");
	ntfs_attr_close(na);
	return r;
}

int volume_read(struct volume *vol, const char *path, size_t limit,
		uint8_t **data, size_t *len, struct error *err)
{
	ntfs_inode *ni = open_path(vol, path, err);
	int r;

	if (!ni)
		return -1;
	*data = NULL;
	r = read_inode(vol, ni, path, limit, data, len, err);
	if (r < 0) {
		free(*data);
		*data = NULL;
	}
	ntfs_inode_close(ni);
	return r;
}

int volume_read_head(struct volume *vol, const char *path, size_t want,
		     uint8_t *data, size_t *len, struct error *err)
{
	ntfs_inode *ni = open_path(vol, path, err);
	struct file_info info;
	ntfs_attr *na;
	int r = -1;

	if (!ni)
		return -1;
	if (inode_info(vol, ni, path, &info, err) == 0 &&
	    check_readable(&info, path, err) == 0) {
		na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
		*len = info.size < want ? (size_t)info.size : want;
		r = na ? read_attribute(vol, na, 0, data, *len, path, err)
		       : fail_volume(vol, err, "read", path);
		if (na)
			ntfs_attr_close(na);
	}
	ntfs_inode_close(ni);
	return r;
}

static int remember(struct volume *vol, const char *path, struct error *err)
{
	struct file_info info;
	ntfs_inode *ni;

	if (vol->last_data && !strcmp(vol->last_path, path))
		return 0;
	ni = open_path(vol, path, err);
	if (!ni)
		return -1;
	vol->last = ni;
	if (inode_info(vol, ni, path, &info, err) < 0 ||
	    check_readable(&info, path, err) < 0) {
		forget_last(vol);
		return -1;
	}
	vol->last_data = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	if (!vol->last_data) {
		fail_volume(vol, err, "read", path);
		forget_last(vol);
		return -1;
	}
	return str_fits(vol->last_path, sizeof(vol->last_path), path)
		? 0 : fail(err, REFUSE_WINDOWS_UNKNOWN, "%s: path too long", path);
}

int volume_pread(struct volume *vol, const char *path, uint64_t off,
		 uint8_t *data, size_t len, struct error *err)
{
	s64 size;

	if (remember(vol, path, err) < 0)
		return -1;
	size = vol->last_data->data_size;
	if (size < 0 || !range_ok(off, len, (uint64_t)size))
		return fail(err, REFUSE_VOLUME_DAMAGED, "%s ends before %llu + %zu", path,
			    (unsigned long long)off, len);
	return read_attribute(vol, vol->last_data, off, data, len, path, err);
}
