/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * confine.h - would AppArmor or SELinux keep QEMU from a guest's files?
 *
 * Neither is worked out here: AppArmor's answer is that of libvirt's own program which
 * writes the profile. With SELinux, this is about file systems that keep no labels; for
 * labels see selinux.h.
 */
#ifndef BUSFLIP_CONFINE_H
#define BUSFLIP_CONFINE_H

#include "helper/shared/base.h"

/*
 * confine_apparmor() - could a profile be made for the domain @xml?
 *
 * Runs virt-aa-helper --dryrun, as the daemon does before a start (load_profile() in
 * src/security/security_apparmor.c, libvirt 9.0.0), which leaves nothing behind.
 * Return 1 yes, 0 no with its words in @err, -1 nobody to ask with the reason.
 */
int confine_apparmor(const char *uuid, const char *xml, struct error *err);

/*
 * confine_boolean() - the SELinux boolean that QEMU needs for a file on that kind of
 * file system (f_type of statfs(2)), or NULL: files there carry labels of their own.
 * See virt_selinux(8).
 */
const char *confine_boolean(long type);

/* confine_boolean_is_on() - @folder: /sys/fs/selinux/booleans. Return 1, 0, or -1 when
 * there is no such boolean. */
int confine_boolean_is_on(const char *folder, const char *name);

#endif
