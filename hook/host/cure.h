/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cure.h - what to do about a disk that was refused */
#ifndef BUSFLIP_CURE_H
#define BUSFLIP_CURE_H

#include "helper/shared/base.h"

/* cure_of() - one clause for an error with this code; NULL: the message already says what to
 * do, or there is nothing to say for all errors of its kind. */
const char *cure_of(int code);

/* cure_at_import() - the same for a domain that has not been started on this host yet, and
 * whose Windows may still run elsewhere. */
const char *cure_at_import(int code);

/* cure_is_root() - true for an errno value that only means that busflip was not run as root:
 * it reads files of root and of QEMU's user. */
bool cure_is_root(int code);

/* cure_append() - append "; " and the cure to @err. Returns -1. For callers that print it; a
 * text recorded for later, within another sentence, should not have it. */
int cure_append(struct error *err);

#endif
