/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cure.h - what to do about a disk that was refused */
#ifndef BUSFLIP_CURE_H
#define BUSFLIP_CURE_H

#include "helper/shared/base.h"

/* cure_of() - one clause for an error with this code; NULL: what was refused says
 * already what to do, or there is nothing that could be said of all of its kind. */
const char *cure_of(int code);

/* cure_at_import() - the same for a domain that has not been started here yet, and
 * whose Windows may still run elsewhere. */
const char *cure_at_import(int code);

/* cure_is_root() - an errno value that says no more than who has run busflip: it looks
 * at files of root and of QEMU's user. */
bool cure_is_root(int code);

/* cure_append() - "; " and the cure behind what @err says. Gives -1. For who prints it:
 * what is noted for later, within another sentence, is better off without. */
int cure_append(struct error *err);

#endif
