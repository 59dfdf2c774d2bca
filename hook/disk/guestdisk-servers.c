// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guestdisk-servers.c - the qemu-nbd that the helper reads from, and the one that we write to
 *
 * They are two processes, because all connections of one qemu-nbd have the same rights: a
 * compromised helper could write to the disk without a journal. The writer comes first. It
 * holds the locks, and has done what opening an image for writing does to it (a repair, marks
 * on bitmaps), before the reader opens the same image without locks: the reader waits at its
 * gate, inside its jail, while the writer and the helper come up. The writer changes nothing
 * more until the helper has exited.
 */

#include "hook/disk/guestdisk-run.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "helper/shared/refusal.h"
#include "hook/image/imagelock.h"

/* qemu-nbd closes a flushed image at once, except on storage that hangs. */
#define CLOSE_TIMEOUT_MS 3000
/* Nor is it killed before that, where it may have something to write; one that only reads
 * has nothing to lose. */
#define WRITER_GRACE_MS 30000
#define READER_GRACE_MS 1000

static int start(struct run *s, struct nbdserver *server, bool writable, bool live,
		 bool gated, struct error *err)
{
	const struct nbdserver_image image = {
		.path = s->image.path, .format = s->disk->format,
		.backing = &s->backing, .writable = writable, .live = live,
		.gated = gated, .grace_ms = writable ? WRITER_GRACE_MS : READER_GRACE_MS,
	};

	return nbdserver_start(s->options->qemu_nbd, &image, s->options->sandbox_require,
			       server, err);
}

static int take_lock(struct run *s, bool writable, struct error *err)
{
	const struct imagelock_wish wish = {
		.path = s->image.path, .named = s->disk->path, .writable = writable,
		.by_hand = s->options->by_hand, .deadline = s->deadline,
	};

	return imagelock_take(&wish, &s->lock, err);
}

int session_start_writer(struct run *s, struct error *err)
{
	struct stat st;

	if (s->backing.read_only_kind)
		return fail(err, REFUSE_FORMAT, "%s: %s", s->image.path, s->backing.why);
	/* root could write to it all the same, but somebody has removed the permission on
	 * purpose. */
	if (stat(s->image.path, &st) == 0 && !(st.st_mode & 0222))
		return fail(err, REFUSE_READ_ONLY,
			    "%s is read-only (no write permission for anybody)",
			    s->image.path);
	return take_lock(s, true, err) < 0 ? -1 : start(s, &s->writer, true, false, false, err);
}

int session_await_writer(struct run *s, struct error *err)
{
	struct pollfd greeting = { .fd = s->writer.client, .events = POLLIN };
	char byte;
	int r;

	do
		r = poll(&greeting, 1, run_left(s));
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return run_in_time(s, err);
	if (r < 0 || recv(greeting.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
		return fail(err, ENOTCONN, "qemu-nbd closed the connection");
	return nbdserver_open_gate(&s->reader, err);
}

int run_connect(struct run *s, struct error *err)
{
	if (nbd_client_open(steal_fd(&s->writer.client), s->deadline, &s->nbd, err) < 0)
		return -1;
	return !nbd_client_is_read_only(s->nbd) ? 0
		: fail(err, REFUSE_READ_ONLY, "%s can't be written", s->image.path);
}

int session_start_reader(struct run *s, bool live, struct error *err)
{
	const bool patch = s->writer.pid != 0;

	if (!live && !patch && take_lock(s, false, err) < 0)
		return -1;
	/* In a patch the writer has the locks. */
	return start(s, &s->reader, false, live || patch, patch, err);
}

static int stop(struct run *s, struct nbdserver *server, int64_t end, int r,
		struct error *err)
{
	const int64_t left = end - monotonic_ms();
	struct error why;

	if (nbdserver_stop(server, left > 0 ? (int)left : 0, &why) == 0)
		return r;
	if (r == 0 && err)
		*err = why;
	if (r == 0 || (err && !is_refusal(err->code)))
		nbdserver_explain(server, s->image.path, err);
	return -1;
}

int session_stop_servers(struct run *s, int r, struct error *err)
{
	const int left = run_left(s);
	const int64_t end = monotonic_ms() + (left > CLOSE_TIMEOUT_MS ? left : CLOSE_TIMEOUT_MS);

	nbd_client_close(s->nbd);
	s->nbd = NULL;
	/* The writer's jail lacks the same parts as the reader's: log it once. */
	if (s->writer.pid)
		cleanup_close(&s->reader.notes);
	r = stop(s, &s->reader, end, r, err);
	return stop(s, &s->writer, end, r, err);
}
