/* SPDX-License-Identifier: GPL-2.0-or-later */
/* passing.h - attempts to pass a descriptor over a connection */
#ifndef BUSFLIP_TESTS_PASSING_H
#define BUSFLIP_TESTS_PASSING_H

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

static int ends[2];	/* of the connection; a descriptor waits at the second */

/* To a qemu-nbd that was taken over, or from it. true: it worked. */
static bool pass_descriptor(bool send)
{
	char byte = 'x';
	struct iovec bytes = { &byte, 1 };
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr aligned;
	} control = { .aligned = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr message = {
		.msg_iov = &bytes, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.aligned), &ends[0], sizeof(ends[0]));
	return send ? sendmsg(ends[0], &message, 0) == 1 :
		      recvmsg(ends[1], &message, MSG_DONTWAIT) == 1;
}

static bool try_send(void)
{
	return pass_descriptor(true);
}

static bool try_take(void)
{
	return pass_descriptor(false);
}

/* begin_passing() - before the sandbox */
static bool begin_passing(void)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 &&
	       pass_descriptor(true);
}

#endif
