/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbdcalls.h - the system calls that qemu-nbd may make in its jail */
#ifndef BUSFLIP_NBDCALLS_H
#define BUSFLIP_NBDCALLS_H

#include "helper/shared/base.h"

/* nbdcalls_filter() - from now on; the process's number stays. no_new_privs is set.
 * Return 0, or -1 with errno: this kernel or architecture can't. */
int nbdcalls_filter(void);

#endif
