/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbdcalls.h - the system calls that qemu-nbd may make in its jail */
#ifndef BUSFLIP_NBDCALLS_H
#define BUSFLIP_NBDCALLS_H

#include "helper/shared/base.h"

/* nbdcalls_filter() - install the filter in this process, with no_new_privs set. Return 0, or
 * -1 with errno: this kernel or architecture does not support it. */
int nbdcalls_filter(void);

#endif
