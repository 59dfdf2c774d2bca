/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checkup.h - what would make a domain's first start fail, before Windows is even read
 *
 * Nothing is changed. Each item says what was looked at and found, and for one that is
 * not as it should be which command cures it.
 */
#ifndef BUSFLIP_CHECKUP_H
#define BUSFLIP_CHECKUP_H

#include "hook/checkup/checkup-item.h"

/*
 * checkup_run() - look at @dom
 *
 * @line: configuration, and where to find helper and state. Takes as long as the look
 * at a disk takes: well below a second, at most the time limit of two such looks for
 * each hard disk. -1 and @err: libvirt or its XML failed, or there is no memory; what
 * @out has then is not all. It is freed by checkup_free() in any case.
 */
int checkup_run(const struct command_line *line, struct virt *virt,
		const struct virt_domain *dom, struct checkup *out, struct error *err);

void checkup_free(struct checkup *checkup);
#define AUTO_CHECKUP __attribute__((cleanup(checkup_free)))

/* check_and_warn() - what was found wrong, on stderr; nothing when all is well or
 * can't be told. */
void check_and_warn(const struct command_line *line, struct virt *virt,
		    const struct virt_domain *dom);

/* checkup_ok() - nothing was found wrong. */
bool checkup_ok(const struct checkup *checkup);

#endif
