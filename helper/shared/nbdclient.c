// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nbdclient.c - one NBD connection to the guest's disk; the only user of libnbd
 *
 * The library is loaded on first use: it brings a TLS library and an XML parser with it, which
 * would cost each hook event 3 ms.
 */

#include "helper/shared/nbdclient.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libnbd.h>

/*
 * qemu-nbd serves 16 requests of one client at once, and allocates memory for each, with its
 * page faults: a hive in requests of 1 MiB takes longer. Smaller requests are slower if all of
 * a compressed cluster is read for each, or if each takes 10 ms (measured).
 */
#define DISK_IN_FLIGHT 16
#define DISK_REQUEST_LIMIT (256 * 1024)

#define FUNCTIONS(F) \
	F(nbd_aio_command_completed) \
	F(nbd_aio_connect_socket) \
	F(nbd_aio_disconnect) \
	F(nbd_aio_flush) \
	F(nbd_aio_is_connecting) \
	F(nbd_aio_is_ready) \
	F(nbd_aio_pread) \
	F(nbd_aio_pwrite) \
	F(nbd_close) \
	F(nbd_create) \
	F(nbd_get_block_size) \
	F(nbd_get_errno) \
	F(nbd_get_error) \
	F(nbd_get_size) \
	F(nbd_is_read_only) \
	F(nbd_poll)

/* The prototypes are libnbd's own, so calls are type-checked. */
#define POINTER(name) __typeof__(name) *name;
static struct {
	FUNCTIONS(POINTER)
} lib;

/* New in libnbd 1.12; optional. */
static int (*set_pread_initialize)(struct nbd_handle *nbd, bool request);

static int load_library(struct error *err)
{
	void *symbol;

	/* Not looked up in the handle: a library that a test preloads takes precedence. */
	if (!dlopen("libnbd.so.0", RTLD_NOW | RTLD_GLOBAL))
		return fail(err, ELIBACC, "cannot load libnbd (is it installed?): %s", dlerror());
#define RESOLVE(name) \
	symbol = dlsym(RTLD_DEFAULT, #name); \
	if (!symbol) \
		return fail(err, ELIBACC, "libnbd is too old: no " #name); \
	memcpy(&lib.name, &symbol, sizeof(symbol));
	FUNCTIONS(RESOLVE)
	symbol = dlsym(RTLD_DEFAULT, "nbd_set_pread_initialize");
	memcpy(&set_pread_initialize, &symbol, sizeof(symbol));
	return 0;
}

struct nbd_client {
	struct nbd_handle *nbd;
	uint64_t size;
	uint32_t unit;
	bool read_only;
	int64_t deadline;
};

enum disk_op { DISK_OP_READ, DISK_OP_WRITE, DISK_OP_FLUSH };

/* One call: what has to be sent, and what is in flight. */
struct transfer {
	enum disk_op op;
	const struct nbd_piece *pieces;
	size_t count;
	size_t index;		/* piece to send next */
	size_t done;		/* bytes of it sent already */
	int64_t cookies[DISK_IN_FLIGHT];
	size_t in_flight;
};

static int fail_nbd(struct error *err, const char *what)
{
	const char *text = lib.nbd_get_error();
	int code = lib.nbd_get_errno();

	return fail(err, code ? code : EIO, "%s: %s", what,
		    text ? text : "unknown NBD error");
}

/* Wait until the deadline for activity on the socket. */
static int await(const struct nbd_client *disk, struct error *err)
{
	int64_t left = disk->deadline - monotonic_ms();
	int r = left > 0 ? lib.nbd_poll(disk->nbd, left < INT_MAX ? (int)left : INT_MAX)
			 : 0;

	if (r == 0)
		return fail(err, ETIMEDOUT, "the disk did not answer in time: try again when its "
			    "storage is less busy");
	return r < 0 ? fail_nbd(err, "the disk") : 0;
}

/* A server that announces none has 512. For an invalid value use the largest: a block of the
 * cache, which is requested as a whole anyway. */
static uint32_t ask_unit(struct nbd_handle *nbd)
{
	int64_t unit = lib.nbd_get_block_size(nbd, LIBNBD_SIZE_MINIMUM);

	if (unit <= 512)
		return 512;
	return unit <= NBD_UNIT_LIMIT && !(unit & (unit - 1)) ? (uint32_t)unit : NBD_UNIT_LIMIT;
}

static int shake_hands(struct nbd_client *disk, int fd, struct error *err)
{
	int64_t size;

	if (lib.nbd_aio_connect_socket(disk->nbd, fd) < 0)
		return fail_nbd(err, "NBD handshake");
	while (lib.nbd_aio_is_connecting(disk->nbd))
		if (await(disk, err) < 0)
			return error_prefix(err, "NBD handshake");
	if (!lib.nbd_aio_is_ready(disk->nbd))
		return fail(err, ENOTCONN, "NBD handshake: qemu-nbd closed the connection");
	size = lib.nbd_get_size(disk->nbd);
	if (size <= 0)
		return fail(err, EINVAL, "the disk is empty (0 bytes)");
	disk->size = (uint64_t)size;
	disk->unit = ask_unit(disk->nbd);
	disk->read_only = lib.nbd_is_read_only(disk->nbd) != 0;
	return 0;
}

int nbd_client_open(int fd, int64_t deadline, struct nbd_client **out, struct error *err)
{
	struct nbd_client *disk;

	if (!lib.nbd_create && load_library(err) < 0) {
		close(fd);
		return -1;
	}
	disk = calloc(1, sizeof(*disk));
	if (!disk || !(disk->nbd = lib.nbd_create())) {
		close(fd);
		free(disk);
		return fail(err, ENOMEM, "cannot create an NBD handle");
	}
	/* Data that can't be read is never used: no need to fill it with zeros first. */
	if (set_pread_initialize)
		set_pread_initialize(disk->nbd, false);
	disk->deadline = deadline;
	if (shake_hands(disk, fd, err) < 0) {
		lib.nbd_close(disk->nbd);
		free(disk);
		return -1;
	}
	*out = disk;
	return 0;
}

void nbd_client_extend(struct nbd_client *disk, int64_t deadline)
{
	disk->deadline = deadline;
}

/* The answer to the disconnect does not matter: the data has been flushed. */
void nbd_client_close(struct nbd_client *disk)
{
	if (!disk)
		return;
	if (lib.nbd_aio_is_ready(disk->nbd) > 0)
		(void)lib.nbd_aio_disconnect(disk->nbd, 0);
	lib.nbd_close(disk->nbd);
	free(disk);
}

uint64_t nbd_client_size(const struct nbd_client *disk)
{
	return disk->size;
}

uint32_t nbd_client_unit(const struct nbd_client *disk)
{
	return disk->unit;
}

bool nbd_client_is_read_only(const struct nbd_client *disk)
{
	return disk->read_only;
}

static int64_t submit_one(struct nbd_client *disk, struct transfer *t)
{
	const struct nbd_piece *piece;
	uint64_t off;
	uint8_t *buf;
	size_t len;

	if (t->op == DISK_OP_FLUSH) {
		t->index++;
		return lib.nbd_aio_flush(disk->nbd, NBD_NULL_COMPLETION, 0);
	}
	piece = &t->pieces[t->index];
	off = piece->off + t->done;
	buf = piece->buf + t->done;
	len = piece->len - t->done;
	if (len > DISK_REQUEST_LIMIT)
		len = DISK_REQUEST_LIMIT;
	t->done += len;
	if (t->done == piece->len) {
		t->index++;
		t->done = 0;
	}
	if (t->op == DISK_OP_WRITE)
		return lib.nbd_aio_pwrite(disk->nbd, buf, len, off,
				      NBD_NULL_COMPLETION, 0);
	return lib.nbd_aio_pread(disk->nbd, buf, len, off, NBD_NULL_COMPLETION, 0);
}

static int submit(struct nbd_client *disk, struct transfer *t, struct error *err)
{
	while (t->index < t->count && t->in_flight < DISK_IN_FLIGHT) {
		int64_t cookie;

		if (t->op != DISK_OP_FLUSH && !t->pieces[t->index].len) {
			t->index++;
			continue;
		}
		cookie = submit_one(disk, t);
		if (cookie < 0)
			return fail_nbd(err, "NBD request");
		t->cookies[t->in_flight++] = cookie;
	}
	return 0;
}

static int retire(struct nbd_client *disk, struct transfer *t, struct error *err)
{
	for (size_t i = 0; i < t->in_flight;) {
		int r = lib.nbd_aio_command_completed(disk->nbd,
						  (uint64_t)t->cookies[i]);

		if (r < 0)
			return fail_nbd(err, "the disk");
		if (r == 0)
			i++;
		else
			t->cookies[i] = t->cookies[--t->in_flight];
	}
	return 0;
}

/*
 * A request in flight holds a pointer into the caller's buffer, so after a failure nothing may
 * remain in flight: the connection is closed.
 */
static int give_up(struct nbd_client *disk, struct transfer *t)
{
	if (t->in_flight) {
		lib.nbd_close(disk->nbd);
		disk->nbd = lib.nbd_create();
		disk->size = 0;
	}
	return -1;
}

static int run(struct nbd_client *disk, struct transfer *t, struct error *err)
{
	for (;;) {
		if (submit(disk, t, err) < 0)
			return give_up(disk, t);
		if (!t->in_flight)
			return 0;
		if (await(disk, err) < 0 || retire(disk, t, err) < 0)
			return give_up(disk, t);
	}
}

static int transfer(struct nbd_client *disk, enum disk_op op,
		    const struct nbd_piece *pieces, size_t n,
		    struct error *err)
{
	struct transfer t = { .op = op, .pieces = pieces, .count = n };

	for (size_t i = 0; pieces && i < n; i++)
		if (!range_ok(pieces[i].off, pieces[i].len, disk->size))
			return fail(err, ERANGE,
				    "%zu bytes at %llu are not on the disk",
				    pieces[i].len,
				    (unsigned long long)pieces[i].off);
	return run(disk, &t, err);
}

int nbd_client_read(struct nbd_client *disk, const struct nbd_piece *pieces, size_t n,
	      struct error *err)
{
	return transfer(disk, DISK_OP_READ, pieces, n, err);
}

int nbd_client_write(struct nbd_client *disk, const struct nbd_piece *pieces, size_t n,
	       struct error *err)
{
	if (disk->read_only)
		return fail(err, EROFS, "the disk is read-only");
	return transfer(disk, DISK_OP_WRITE, pieces, n, err);
}

int nbd_client_flush(struct nbd_client *disk, struct error *err)
{
	return transfer(disk, DISK_OP_FLUSH, NULL, 1, err);
}
