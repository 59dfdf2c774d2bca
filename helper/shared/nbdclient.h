/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbdclient.h - one NBD connection to the guest's disk
 *
 * nbdclient.c is the only user of libnbd. The sandboxed helper reads through it, and busflip
 * itself reads, writes and flushes when it applies a journal. Offsets and lengths are bytes;
 * each is checked against the size of the disk before it is sent.
 */
#ifndef BUSFLIP_NBDCLIENT_H
#define BUSFLIP_NBDCLIENT_H

#include "helper/shared/base.h"

struct nbd_client;

/* One range of the disk and the memory for it. */
struct nbd_piece {
	uint64_t off;
	size_t len;
	uint8_t *buf;
};

/*
 * nbd_client_open() - shake hands on the connected socket @fd, which it owns afterwards, even
 * after a failure
 *
 * @deadline: monotonic_ms() at which the handshake and every later call fails with ETIMEDOUT.
 */
int nbd_client_open(int fd, int64_t deadline, struct nbd_client **disk, struct error *err);

/* nbd_client_extend() - set another @deadline for the following calls. */
void nbd_client_extend(struct nbd_client *disk, int64_t deadline);

/* nbd_client_close() - disconnect and free; NULL is allowed. */
void nbd_client_close(struct nbd_client *disk);

uint64_t nbd_client_size(const struct nbd_client *disk);	/* bytes */

/* nbd_client_unit() - bytes, a power of two from 512 to NBD_UNIT_LIMIT: offsets and lengths of
 * requests must be multiples of it, except at the end of the disk. On some disks (VHDX, those
 * with sectors of 4 KiB) QEMU answers others with EINVAL. */
#define NBD_UNIT_LIMIT 65536
uint32_t nbd_client_unit(const struct nbd_client *disk);

bool nbd_client_is_read_only(const struct nbd_client *disk);

/* nbd_client_read(), nbd_client_write() - transfer all @n pieces, several at once, in any
 * order. -1 as soon as one fails; others may or may not have been done. */
int nbd_client_read(struct nbd_client *disk, const struct nbd_piece *pieces, size_t n,
	      struct error *err);
int nbd_client_write(struct nbd_client *disk, const struct nbd_piece *pieces, size_t n,
	       struct error *err);

/* nbd_client_flush() - returns when all finished writes are on stable storage. */
int nbd_client_flush(struct nbd_client *disk, struct error *err);

#endif
