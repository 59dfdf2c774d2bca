/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbdserver.h - qemu-nbd on one image, in a jail, on a private socket
 *
 * It serves one connection. It holds QEMU's lock on the image from the answered
 * handshake until the connection is closed, and then ends by itself. Where no handshake came to
 * be it would wait for ever, so it is asked to end with SIGTERM then, and when
 * busflip dies: it closes the image in order. While it starts it forgets a
 * SIGTERM, so a small process of ours stands between and asks again. It is never
 * killed: that would leave persistent dirty bitmaps unusable.
 */
#ifndef BUSFLIP_NBDSERVER_H
#define BUSFLIP_NBDSERVER_H

#include "hook/image/backing.h"

struct nbdserver_image {
	const char *path;		/* canonical */
	const char *format;		/* "raw", "qcow2", ... never guessed */
	const struct backing *backing;
	bool writable;
	bool live;			/* read while somebody else may write; takes no
					 * lock */
	bool gated;			/* not opened before nbdserver_open_gate() */
};

struct nbdserver {
	pid_t pid;			/* of its keeper; 0: not running */
	int lifeline;			/* closed: the keeper ends it */
	int log;			/* memory file with its stderr */
	int notes;			/* another, with what its jail lacks */
	int client;			/* connected socket; take with steal_fd() */
	int gate;			/* a byte: it may open the image */
};

/* nbdserver_none() - what can be stopped and freed, but was not started. */
struct nbdserver nbdserver_none(void);

/*
 * nbdserver_start() - connect first, then start
 *
 * @program: path of qemu-nbd. @require_jail: REFUSE_SANDBOX where a part
 * of the jail can't be had; otherwise that is logged when it is stopped.
 * The socket is connected, but nothing has answered: whether the image could
 * be opened shows in the handshake; after a failed one, nbdserver_explain().
 * @server must be stopped in any case.
 */
int nbdserver_start(const char *program, const struct nbdserver_image *image,
		    bool require_jail, struct nbdserver *server,
		    struct error *err);

/* nbdserver_open_gate() - a server that is @gated has come up as far as its program, and
 * waits. Once; -1: it is gone. */
int nbdserver_open_gate(struct nbdserver *server, struct error *err);

/*
 * nbdserver_stop() - close the socket if it is left, wait until the image is closed
 *
 * At most @timeout_ms, then it is left to itself and -1 given: it still holds
 * the lock. Also -1 when it ended with a failure.
 */
int nbdserver_stop(struct nbdserver *server, int timeout_ms,
		   struct error *err);

/* nbdserver_explain() - why it failed, in its own words, with the refusal that
 * they mean; to be called after nbdserver_stop(). Keeps @err when it said
 * nothing. Gives -1. */
int nbdserver_explain(struct nbdserver *server, const char *path,
		      struct error *err);

void nbdserver_free(struct nbdserver *server);

#endif
