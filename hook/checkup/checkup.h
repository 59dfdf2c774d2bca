/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checkup.h - what would make a domain's first start fail, before Windows is even read
 *
 * Nothing is changed. Each item says what was checked and found, and if something is wrong,
 * which command fixes it.
 */
#ifndef BUSFLIP_CHECKUP_H
#define BUSFLIP_CHECKUP_H

#include "hook/checkup/checkup-item.h"

/*
 * checkup_run() - check @dom
 *
 * @line: configuration, and where to find helper and state. Takes as long as reading a disk:
 * well below a second, at most the time limit of two reads for each hard disk. -1 and @err:
 * libvirt or its XML failed, or there is no memory; then @out is incomplete. In any case
 * checkup_free() frees it.
 */
int checkup_run(const struct command_line *line, struct virt *virt,
		const struct virt_domain *dom, struct checkup *out, struct error *err);

void checkup_free(struct checkup *checkup);
#define AUTO_CHECKUP __attribute__((cleanup(checkup_free)))

/* check_and_warn() - print the problems on stderr; nothing if there are none or they can't be
 * determined. */
void check_and_warn(const struct command_line *line, struct virt *virt,
		    const struct virt_domain *dom);

/* checkup_ok() - true if no problem was found. */
bool checkup_ok(const struct checkup *checkup);

#endif
