/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbdclient.h - one NBD connection to the guest's disk
 *
 * disk.c is the only user of libnbd. The sandboxed helper reads through it, and
 * busflip itself reads, writes and flushes when it applies a journal. Offsets
 * and lengths are bytes; every one is checked against the size of the disk
 * before it is sent.
 */
#ifndef BUSFLIP_DISK_H
#define BUSFLIP_DISK_H

#include "helper/shared/base.h"

struct disk;

/* One stretch of the disk and the memory for it. */
struct disk_piece {
	uint64_t off;
	size_t len;
	uint8_t *buf;
};

/*
 * disk_open() - shake hands on the connected socket @fd, which is taken over
 * even when that fails
 *
 * @deadline: monotonic_ms() at which the handshake and every later call fails with
 * ETIMEDOUT.
 */
int disk_open(int fd, int64_t deadline, struct disk **disk, struct error *err);

/* disk_extend() - another @deadline for the calls that follow. */
void disk_extend(struct disk *disk, int64_t deadline);

/* disk_close() - say goodbye and free; NULL is fine. */
void disk_close(struct disk *disk);

uint64_t disk_size(const struct disk *disk);	/* bytes */

/* disk_unit() - bytes, a power of two from 512 to DISK_UNIT_LIMIT: what offsets and lengths
 * of requests must be multiples of, but at the end of the disk. QEMU answers others of some
 * disks (VHDX, those with sectors of 4 KiB) with EINVAL. */
#define DISK_UNIT_LIMIT 65536
uint32_t disk_unit(const struct disk *disk);

bool disk_is_read_only(const struct disk *disk);

/* disk_read(), disk_write() - all @n pieces, several at once, in any order.
 * -1 as soon as one fails; others may or may not have happened. */
int disk_read(struct disk *disk, const struct disk_piece *pieces, size_t n,
	      struct error *err);
int disk_write(struct disk *disk, const struct disk_piece *pieces, size_t n,
	       struct error *err);

/* disk_flush() - returns when all finished writes are on stable storage. */
int disk_flush(struct disk *disk, struct error *err);

#endif
