/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbdserver.h - qemu-nbd on one image, in a jail, on a private socket
 *
 * It serves one connection. It holds QEMU's lock on the image from the answered handshake until
 * the connection is closed, and then exits by itself. Without a handshake it would wait without
 * limit, so it is ended with SIGTERM then, and when busflip dies: it closes the image in order.
 * While it starts it loses a SIGTERM, so a small process of ours stands between and repeats it.
 * It is killed only if it has not ended @grace_ms later, as one that an image has taken over:
 * that would leave persistent dirty bitmaps unusable. What busflip wrote is in the journal.
 */
#ifndef BUSFLIP_NBDSERVER_H
#define BUSFLIP_NBDSERVER_H

#include "hook/image/backing.h"

struct nbdserver_image {
	const char *path;		/* canonical path */
	const char *format;		/* "raw", "qcow2", ... never guessed */
	const struct backing *backing;
	bool writable;
	bool live;			/* read while others may write; takes no lock */
	bool gated;			/* opens the image only after nbdserver_open_gate() */
	int grace_ms;			/* asked to end, it is killed after that time */
};

struct nbdserver {
	pid_t pid;			/* pid of its keeper; 0: not running */
	int lifeline;			/* when closed, the keeper ends it */
	int log;			/* memory file with its stderr */
	int notes;			/* memory file with what its jail lacks */
	int client;			/* connected socket; take it with steal_fd() */
	int gate;			/* writing a byte lets it open the image */
};

/* nbdserver_none() - a server that was not started; may be stopped and freed. */
struct nbdserver nbdserver_none(void);

/*
 * nbdserver_start() - connect first, then start
 *
 * @program: path of qemu-nbd. @require_jail: REFUSE_SANDBOX if a part of the jail is not
 * available; otherwise that is logged when it is stopped. The socket is connected, but nothing
 * has answered: whether the image could be opened shows in the handshake; after a failed one,
 * call nbdserver_explain(). @server must be stopped in any case.
 */
int nbdserver_start(const char *program, const struct nbdserver_image *image,
		    bool require_jail, struct nbdserver *server,
		    struct error *err);

/* nbdserver_open_gate() - let a @gated server, whose program has come up and waits, open the
 * image. Once; -1: it has exited. */
int nbdserver_open_gate(struct nbdserver *server, struct error *err);

/*
 * nbdserver_stop() - close the socket if it is still open, and wait until the image is closed
 *
 * Waits at most @timeout_ms; then the server is left alone and -1 returned: it still holds the
 * lock. Also -1 if it exited with a failure.
 */
int nbdserver_stop(struct nbdserver *server, int timeout_ms,
		   struct error *err);

/* nbdserver_explain() - replace @err by qemu-nbd's own message, with the refusal that it
 * means; call it after nbdserver_stop(). Keeps @err if qemu-nbd printed nothing. Returns -1. */
int nbdserver_explain(struct nbdserver *server, const char *path,
		      struct error *err);

void nbdserver_free(struct nbdserver *server);

#endif
