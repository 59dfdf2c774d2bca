/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disk.h - the guest's whole disk, changed in atomic batches
 *
 * Everything that is written stays in memory until disk_commit(). A commit first goes to a
 * journal in unpartitioned space at the end of the disk (mkdisk reserves it), so that after a
 * loss of power in the middle either the whole batch is on the disk or nothing of it. The
 * journal stands for NTFS's own log in a real Windows: an unfinished commit is completed when
 * the volume is next mounted for writing, and whoever reads the disk before that sees a
 * volume whose $LogFile is in use.
 */
#ifndef MODEL_DISK_H
#define MODEL_DISK_H

#include "base.h"

#define DISK_PAGE 4096u
#define DISK_JOURNAL_SIZE (8u << 20)

struct disk_page {
	struct disk_page *next;
	uint64_t number;
	bool dirty;
	uint8_t data[DISK_PAGE];
};

struct nbd_client {
	int fd;
	bool writable;
	uint64_t size;
	uint64_t journal;	/* its offset, 0: there is none */
	struct disk_page *pages[1024];
	size_t dirty;
	uint64_t commits;
};

/* nbd_client_open() - opens for reading, whatever comes later. Return: success. */
bool nbd_client_open(struct nbd_client *d, const char *path);
/* disk_make_writable() - before this a commit is a model-error */
void disk_make_writable(struct nbd_client *d, const char *path);
/* disk_format_journal() - mkdisk: from here on there is a journal */
void disk_format_journal(struct nbd_client *d);

void nbd_client_read(struct nbd_client *d, void *buf, uint64_t len, uint64_t off);
void nbd_client_write(struct nbd_client *d, const void *buf, uint64_t len, uint64_t off);
void disk_commit(struct nbd_client *d);
/* nbd_client_close() - forgets what was not committed */
void nbd_client_close(struct nbd_client *d);

struct partition {
	uint64_t start, len;	/* in bytes */
	char kind[8];		/* ntfs: may hold one; esp; other */
};

/* disk_partitions() - of the GPT, or of the MBR. Return: how many. */
size_t disk_partitions(struct nbd_client *d, struct partition *out, size_t max);

#endif
