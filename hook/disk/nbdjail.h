/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbdjail.h - what qemu-nbd gives up before it opens an untrusted image */
#ifndef BUSFLIP_NBDJAIL_H
#define BUSFLIP_NBDJAIL_H

#include "hook/disk/nbdserver.h"

/*
 * nbdjail_enter() - confine the process that becomes qemu-nbd; irreversible
 *
 * @program: what is executed next. What this host does not provide is REFUSE_SANDBOX with
 * @require, and otherwise written to @notes as one sentence.
 */
int nbdjail_enter(const char *program, const struct nbdserver_image *image,
		  bool require, int notes, struct error *err);

#endif
