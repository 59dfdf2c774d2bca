/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * magic.h - what format the first bytes of a file look like
 *
 * For advice only: a guest with a raw disk can write the header of any format, so nothing is
 * ever opened in the format that this returns.
 */
#ifndef BUSFLIP_MAGIC_H
#define BUSFLIP_MAGIC_H

#include "helper/shared/base.h"

/* magic_is_known() - true if files of that format can be recognized. */
bool magic_is_known(const char *format);

/*
 * magic_format() - the format as libvirt's <driver type=> names it, "raw" for anything without
 * a magic number
 *
 * Magic numbers are from docs/interop/qcow2.txt, block/vmdk.c, block/vpc.c, block/vdi.c,
 * block/qed.h and block/vhdx.h of QEMU 7.2. NULL and @err if @path can't be read, or is neither
 * a file nor a block device, which is then not opened.
 */
const char *magic_format(const char *path, struct error *err);

#endif
