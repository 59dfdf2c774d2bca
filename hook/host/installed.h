/* SPDX-License-Identifier: GPL-2.0-or-later */
/* installed.h - is busflip's hook where libvirt runs it from? */
#ifndef BUSFLIP_INSTALLED_H
#define BUSFLIP_INSTALLED_H

#include "helper/shared/base.h"

#define HOOK_FOLDER BUSFLIP_SYSCONFDIR "/libvirt/hooks"

/* hook_is_installed() - @where, may be NULL: its path. */
bool hook_is_installed(const char **where);

/* hook_can_run() - check that the program that the hook at @where runs can be executed.
 * @program: its path; errno: why not. */
bool hook_can_run(const char *where, char *program, size_t size);

#endif
