/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * confine.h - would AppArmor or SELinux keep QEMU from a guest's files?
 *
 * busflip evaluates neither policy itself. For AppArmor it runs libvirt's own program that
 * writes the profile. For SELinux this file is about file systems without labels; for labels
 * see selinux.h.
 */
#ifndef BUSFLIP_CONFINE_H
#define BUSFLIP_CONFINE_H

#include "helper/shared/base.h"

/*
 * confine_apparmor() - check whether a profile can be generated for the domain @xml.
 *
 * Runs virt-aa-helper --dryrun, as the daemon does before a start (load_profile() in
 * src/security/security_apparmor.c, libvirt 9.0.0), which changes nothing. Return 1 yes, 0 no
 * with its message in @err, -1 it can't be run, with the reason.
 */
int confine_apparmor(const char *uuid, const char *xml, struct error *err);

/*
 * confine_boolean() - the SELinux boolean that QEMU needs for a file on that kind of file
 * system (f_type of statfs(2)), or NULL: files there have labels of their own. See
 * virt_selinux(8).
 */
const char *confine_boolean(long type);

/* confine_boolean_is_on() - @folder: /sys/fs/selinux/booleans. Return 1, 0, or -1 if there is
 * no such boolean. */
int confine_boolean_is_on(const char *folder, const char *name);

#endif
