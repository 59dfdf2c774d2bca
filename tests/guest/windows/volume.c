/* SPDX-License-Identifier: GPL-2.0-or-later */
/* volume.c - files of an NTFS volume on a struct nbd_client */

#include "volume.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>		/* libntfs-3g's headers want it */
#include <unistd.h>

#include <ntfs-3g/types.h>
#include <ntfs-3g/layout.h>
#include <ntfs-3g/volume.h>
#include <ntfs-3g/device.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/unistr.h>
#include <ntfs-3g/logfile.h>
#include <ntfs-3g/logging.h>

struct volume {
	ntfs_volume *ntfs;
	struct nbd_client *disk;
	uint64_t start, len;
	int64_t pos;
};

/* ---- the device that libntfs-3g sees: a part of the disk ---- */

static int dev_open(struct ntfs_device *dev, int flags)
{
	(void)flags;
	dev->d_state |= 1ul << ND_Open;
	return 0;
}

static int dev_close(struct ntfs_device *dev)
{
	dev->d_state &= ~(1ul << ND_Open);
	return 0;
}

static s64 dev_pread(struct ntfs_device *dev, void *buf, s64 count, s64 off)
{
	struct volume *v = dev->d_private;

	if (off < 0 || count < 0 || (uint64_t)off >= v->len) {
		errno = EINVAL;
		return -1;
	}
	if ((uint64_t)count > v->len - (uint64_t)off)
		count = (s64)(v->len - (uint64_t)off);
	nbd_client_read(v->disk, buf, (uint64_t)count, v->start + (uint64_t)off);
	return count;
}

static s64 dev_pwrite(struct ntfs_device *dev, const void *buf, s64 count, s64 off)
{
	struct volume *v = dev->d_private;

	if (off < 0 || count < 0 || (uint64_t)off + (uint64_t)count > v->len) {
		errno = EINVAL;
		return -1;
	}
	nbd_client_write(v->disk, buf, (uint64_t)count, v->start + (uint64_t)off);
	return count;
}

static s64 dev_seek(struct ntfs_device *dev, s64 off, int whence)
{
	struct volume *v = dev->d_private;

	v->pos = whence == SEEK_SET ? off :
		 whence == SEEK_CUR ? v->pos + off : (int64_t)v->len + off;
	return v->pos;
}

static s64 dev_read(struct ntfs_device *dev, void *buf, s64 count)
{
	struct volume *v = dev->d_private;
	s64 n = dev_pread(dev, buf, count, v->pos);

	if (n > 0)
		v->pos += n;
	return n;
}

static s64 dev_write(struct ntfs_device *dev, const void *buf, s64 count)
{
	struct volume *v = dev->d_private;
	s64 n = dev_pwrite(dev, buf, count, v->pos);

	if (n > 0)
		v->pos += n;
	return n;
}

static int dev_sync(struct ntfs_device *dev)
{
	dev->d_state &= ~(1ul << ND_Dirty);
	return 0;
}

static int dev_stat(struct ntfs_device *dev, struct stat *st)
{
	struct volume *v = dev->d_private;

	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFREG | 0600;
	st->st_size = (off_t)v->len;
	return 0;
}

static int dev_ioctl(struct ntfs_device *dev, unsigned long request, void *arg)
{
	(void)dev;
	(void)request;
	(void)arg;
	errno = EOPNOTSUPP;
	return -1;
}

static struct ntfs_device_operations device_ops = {
	.open = dev_open, .close = dev_close, .seek = dev_seek,
	.read = dev_read, .write = dev_write, .pread = dev_pread,
	.pwrite = dev_pwrite, .sync = dev_sync, .stat = dev_stat,
	.ioctl = dev_ioctl,
};

/* ---- mounting ---- */

struct volume *volume_mount(struct nbd_client *d, uint64_t start, uint64_t len,
			    bool writable)
{
	struct volume *v = xcalloc(1, sizeof(*v));
	struct ntfs_device *dev;
	ntfs_mount_flags flags = NTFS_MNT_RDONLY;

	*v = (struct volume){ .disk = d, .start = start, .len = len };
	ntfs_log_set_handler(ntfs_log_handler_null);
	dev = ntfs_device_alloc("disk", 0, &device_ops, v);
	if (!dev)
		die("no memory");
	/* This is the system that owns the volume: its own unfinished log and
	 * its own hibernation image don't keep it out. */
	if (writable)
		flags = NTFS_MNT_RECOVER | NTFS_MNT_IGNORE_HIBERFILE;
	v->ntfs = ntfs_device_mount(dev, flags);
	if (!v->ntfs) {
		ntfs_device_free(dev);
		free(v);
		return NULL;
	}
	if (ntfs_set_ignore_case(v->ntfs))
		die("volume: no upper case table");
	return v;
}

void volume_unmount(struct volume *v)
{
	if (!v)
		return;
	if (ntfs_umount(v->ntfs, FALSE))
		die("volume: unmount: %s", strerror(errno));
	free(v);
}

/* ---- files ---- */

static char *slashes(const char *path)
{
	char *s = xstrdup(path);

	for (char *p = s; *p; p++)
		if (*p == '\\')
			*p = '/';
	return s;
}

static ntfs_inode *open_path(struct volume *v, const char *path)
{
	char *s = slashes(path);
	ntfs_inode *ni = ntfs_pathname_to_inode(v->ntfs, NULL, s);

	free(s);
	return ni;
}

static void close_inode(ntfs_inode *ni)
{
	if (ni && ntfs_inode_close(ni))
		die("volume: inode: %s", strerror(errno));
}

bool volume_exists(struct volume *v, const char *path)
{
	ntfs_inode *ni = open_path(v, path);

	close_inode(ni);
	return ni != NULL;
}

struct bytes volume_read_head(struct volume *v, const char *path, size_t max)
{
	ntfs_inode *ni = open_path(v, path);
	struct bytes b = { 0 };
	ntfs_attr *na;
	s64 n = 0;

	if (!ni)
		return b;
	na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	if (na) {
		b.len = (uint64_t)na->data_size < max ? (size_t)na->data_size : max;
		b.data = xcalloc(b.len + 1, 1);
		n = ntfs_attr_pread(na, 0, (s64)b.len, b.data);
		ntfs_attr_close(na);
		if (n != (s64)b.len)
			die("volume: reading %s: %s", path, strerror(errno));
	}
	close_inode(ni);
	return b;
}

struct bytes volume_read(struct volume *v, const char *path)
{
	return volume_read_head(v, path, SIZE_MAX);
}

static ntfs_inode *create(struct volume *v, const char *path, mode_t type)
{
	char *s = slashes(path), *slash = strrchr(s, '/');
	const char *name = slash ? slash + 1 : s;
	ntfs_inode *dir, *ni;
	ntfschar *uname = NULL;
	int n;

	if (slash)
		*slash = 0;
	if (slash && *s)
		volume_mkdir(v, s);
	dir = slash && *s ? open_path(v, s) : ntfs_inode_open(v->ntfs, FILE_root);
	n = ntfs_mbstoucs(name, &uname);
	if (!dir || n < 0)
		die("volume: no folder for %s", path);
	ni = ntfs_create(dir, const_cpu_to_le32(0), uname, (u8)n, type);
	if (!ni)
		die("volume: creating %s: %s", path, strerror(errno));
	free(uname);
	close_inode(dir);
	free(s);
	return ni;
}

void volume_mkdir(struct volume *v, const char *path)
{
	ntfs_inode *ni = open_path(v, path);

	if (!ni)
		ni = create(v, path, S_IFDIR);
	close_inode(ni);
}

void volume_write(struct volume *v, const char *path, const void *data, size_t len)
{
	ntfs_inode *ni = open_path(v, path);
	ntfs_attr *na;

	if (!ni)
		ni = create(v, path, S_IFREG);
	na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	if (!na || (na->data_size != (s64)len && ntfs_attr_truncate(na, (s64)len)) ||
	    (len && ntfs_attr_pwrite(na, 0, (s64)len, data) != (s64)len))
		die("volume: writing %s: %s", path, strerror(errno));
	ntfs_attr_close(na);
	ntfs_inode_update_times(ni, NTFS_UPDATE_MCTIME);
	close_inode(ni);
}

void volume_delete(struct volume *v, const char *path)
{
	char *s = slashes(path), *slash = strrchr(s, '/');
	ntfs_inode *ni = open_path(v, path), *dir;
	ntfschar *uname = NULL;
	int n;

	if (slash)
		*slash = 0;
	dir = slash ? open_path(v, s) : ntfs_inode_open(v->ntfs, FILE_root);
	n = ntfs_mbstoucs(slash ? slash + 1 : s, &uname);
	/* ntfs_delete() closes both. */
	if (ni && (!dir || n < 0 || ntfs_delete(v->ntfs, NULL, ni, dir, uname, (u8)n)))
		die("volume: deleting %s: %s", path, strerror(errno));
	if (!ni)
		close_inode(dir);
	free(uname);
	free(s);
}

struct listing {
	void (*each)(const char *name, void *arg);
	void *arg;
};

static int list_one(void *arg, const ntfschar *name, const int len, const int type,
		    const s64 pos, const MFT_REF ref, const unsigned kind)
{
	struct listing *l = arg;
	char *s = NULL;

	(void)pos;
	(void)ref;
	(void)kind;
	if (type == FILE_NAME_DOS || ntfs_ucstombs(name, len, &s, 0) < 0)
		return 0;
	if (strcmp(s, ".") != 0 && strcmp(s, "..") != 0)
		l->each(s, l->arg);
	free(s);
	return 0;
}

void volume_list(struct volume *v, const char *path,
		 void (*each)(const char *name, void *arg), void *arg)
{
	struct listing l = { each, arg };
	ntfs_inode *ni = open_path(v, path);
	s64 pos = 0;

	if (ni)
		ntfs_readdir(ni, &pos, &l, list_one);
	close_inode(ni);
}

uint64_t volume_place(struct volume *v, const char *path)
{
	ntfs_inode *ni = open_path(v, path);
	uint64_t place = 0;
	ntfs_attr *na;

	if (!ni)
		return 0;
	na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	if (na && NAttrNonResident(na)) {
		LCN lcn = ntfs_attr_vcn_to_lcn(na, 0);

		if (lcn > 0)
			place = v->start + ((uint64_t)lcn << v->ntfs->cluster_size_bits);
	}
	if (na)
		ntfs_attr_close(na);
	close_inode(ni);
	return place;
}

uint16_t volume_flags(struct volume *v)
{
	return le16_to_cpu(v->ntfs->flags);
}

void volume_set_flags(struct volume *v, uint16_t flags)
{
	if (ntfs_volume_write_flags(v->ntfs, cpu_to_le16(flags)))
		die("volume: flags: %s", strerror(errno));
}

/* ---- $LogFile ---- */

#define LOG_PAGE 4096u
#define RESTART_AREA_AT 0x30u
#define CLIENTS_AT 0x40u

static ntfs_attr *logfile_open(struct volume *v, ntfs_inode **ni)
{
	ntfs_attr *na;

	*ni = ntfs_inode_open(v->ntfs, FILE_LogFile);
	na = *ni ? ntfs_attr_open(*ni, AT_DATA, AT_UNNAMED, 0) : NULL;
	if (!na || na->data_size < 2 * (s64)LOG_PAGE)
		die("volume: no $LogFile");
	return na;
}

const char *logfile_name(enum logfile state)
{
	static const char *const names[] = { "empty", "clean", "in-use", "cached" };

	return names[state];
}

enum logfile volume_logfile(struct volume *v)
{
	uint8_t page[LOG_PAGE];
	ntfs_inode *ni;
	ntfs_attr *na = logfile_open(v, &ni);
	enum logfile state = LOGFILE_IN_USE;
	s64 n = ntfs_attr_pread(na, 0, LOG_PAGE, page);
	const uint8_t *area = page + get16(page + 24);

	ntfs_attr_close(na);
	close_inode(ni);
	if (n != LOG_PAGE)
		die("volume: reading $LogFile");
	if (memcmp(page, "RSTR", 4) != 0)
		return LOGFILE_EMPTY;
	if (get16(page + 28) == 2)
		return LOGFILE_CACHED;
	if (get16(page + 24) < 512 - 16 &&
	    (get16(area + 12) == 0xffff || get16(area + 14) & 2))
		state = LOGFILE_CLEAN;
	return state;
}

static void restart_page(uint8_t *page, int64_t size, enum logfile state)
{
	uint8_t *area = page + RESTART_AREA_AT, *client = area + CLIENTS_AT;
	unsigned bits = 0;

	memset(page, 0, LOG_PAGE);
	memcpy(page, "RSTR", 4);
	put16(page + 4, 0x1e);
	put16(page + 6, LOG_PAGE / 512 + 1);
	put32(page + 16, LOG_PAGE);
	put32(page + 20, LOG_PAGE);
	put16(page + 24, RESTART_AREA_AT);
	put16(page + 26, state == LOGFILE_CACHED ? 0 : 1);
	put16(page + 28, state == LOGFILE_CACHED ? 2 : 1);
	while (size >> bits)
		bits++;
	put64(area, 0x1000);
	put16(area + 8, 1);
	put16(area + 10, 0xffff);
	put16(area + 12, 0);
	put16(area + 14, state == LOGFILE_CLEAN ? 2 : 0);
	put32(area + 16, 67 - bits);
	put16(area + 20, CLIENTS_AT + 160);
	put16(area + 22, CLIENTS_AT);
	put64(area + 24, (uint64_t)size);
	put16(area + 36, 0x30);
	put16(area + 38, 0x40);
	put64(client + 8, 0x1000);
	put16(client + 16, 0xffff);
	put16(client + 18, 0xffff);
	put32(client + 28, 8);
	memcpy(client + 32, "N\0T\0F\0S\0", 8);
	/* The fixups: the number 1 at the end of each sector. */
	put16(page + 0x1e, 1);
	for (unsigned i = 0; i < LOG_PAGE / 512; i++) {
		uint8_t *tail = page + 512 * i + 510;

		memcpy(page + 0x20 + 2 * i, tail, 2);
		put16(tail, 1);
	}
}

void volume_set_logfile(struct volume *v, enum logfile state)
{
	uint8_t page[LOG_PAGE];
	ntfs_inode *ni;
	ntfs_attr *na = logfile_open(v, &ni);
	s64 n = 0;

	memset(page, 0xff, sizeof(page));
	if (state != LOGFILE_EMPTY)
		restart_page(page, na->data_size / LOG_PAGE * LOG_PAGE, state);
	for (unsigned i = 0; i < 2; i++)
		n += ntfs_attr_pwrite(na, i * LOG_PAGE, LOG_PAGE, page);
	if (n != 2 * LOG_PAGE)
		die("volume: writing $LogFile");
	ntfs_attr_close(na);
	close_inode(ni);
}

void volume_forget_logfile(struct volume *v)
{
	uint8_t page[LOG_PAGE];
	ntfs_inode *ni;
	ntfs_attr *na = logfile_open(v, &ni);

	memset(page, 0xff, sizeof(page));
	for (unsigned i = 0; i < 2; i++) {
		s64 at = (s64)i * LOG_PAGE;
		LCN lcn = ntfs_attr_vcn_to_lcn(na, at >> v->ntfs->cluster_size_bits);

		if (lcn < 0)
			die("volume: $LogFile has no place");
		at &= v->ntfs->cluster_size - 1;
		nbd_client_write(v->disk, page, LOG_PAGE, v->start + (uint64_t)at +
			   ((uint64_t)lcn << v->ntfs->cluster_size_bits));
	}
	ntfs_attr_close(na);
	close_inode(ni);
}
