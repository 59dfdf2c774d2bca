/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbdsocket.h - a listening socket that nobody else can connect to, and a connection to it */
#ifndef BUSFLIP_NBDSOCKET_H
#define BUSFLIP_NBDSOCKET_H

#include "helper/shared/base.h"

/*
 * nbdsocket_pair() - both ends, close-on-exec; the connection waits in the backlog
 *
 * The socket is made in BUSFLIP_RUNDIR, where only root can make files; by an ordinary user
 * in /tmp. Its name is gone again on return. What a killed busflip left there is removed.
 */
int nbdsocket_pair(int *listener, int *client, struct error *err);

#endif
