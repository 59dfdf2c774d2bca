/* SPDX-License-Identifier: GPL-2.0-or-later */
/* installed.h - is busflip's hook where libvirt runs it from, and does libvirt know? */
#ifndef BUSFLIP_INSTALLED_H
#define BUSFLIP_INSTALLED_H

#include "helper/shared/base.h"

#define HOOK_FOLDER BUSFLIP_SYSCONFDIR "/libvirt/hooks"

/* hook_is_installed() - @where, may be NULL: its path. */
bool hook_is_installed(const char **where);

/* hook_can_run() - can the program be run that the hook at @where runs? @program: which
 * one that is; errno: why not. */
bool hook_can_run(const char *where, char *program, size_t size);

/*
 * hook_is_known() - has the daemon of this host looked for hooks since there is one?
 *
 * It looks when it starts and when it is reloaded, and a reload leaves no trace, but that
 * of conf/setup.sh and that of the hooks that were run since. So: 1 yes, 0 no telling,
 * -1 no daemon was found. @daemon: its name, else NULL.
 */
int hook_is_known(const char **daemon);

#endif
