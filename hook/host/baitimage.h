/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * baitimage.h - the file behind the bait: who may read it, and that QEMU gets its locks
 *
 * QEMU marks what it does with an image by locks on single bytes of the file
 * (raw_check_lock_bytes() in block/file-posix.c). It reads the bait and lets nobody write,
 * so it is refused while anybody else has a lock on byte 101 or 200, for which reading the
 * file is enough (measured with QEMU 7.2). One file is the bait of all domains: whoever
 * may read it can keep all staged guests from starting. So nobody may, except the users
 * that QEMU runs as, by an ACL; and an image that is held all the same is replaced by a new
 * one of that name. The locks stay with the old file, and so do guests that run with it.
 */
#ifndef BUSFLIP_BAITIMAGE_H
#define BUSFLIP_BAITIMAGE_H

#include "hook/host/access.h"
#include "hook/libvirt/virt.h"
#include "hook/phase/bait.h"

/*
 * baitimage_ready() - make the image at @path when it is not there: blank (a disk
 * signature could collide with a real disk's), sparse, for root and the host's QEMU user
 *
 * One that everybody may read, or that somebody holds, is replaced. Not one on which
 * something is written, or that a domain has as a disk of its own: -1 when QEMU would be
 * refused, else it stays as it is, and that is logged.
 */
int baitimage_ready(const char *path, struct error *err);

/* baitimage_admit() - let @user read the image at @path, which exists. -1: EACCES, with
 * what to do; else 0, also when it can't be told whether he can. */
int baitimage_admit(const char *path, const struct access_user *user, struct error *err);

/* baitimage_leave_out() - remove the image at @path, where it may be replaced: libvirt
 * starts a domain without a bait that is missing. Return: it is not there. */
bool baitimage_leave_out(const char *path);

/* baitimage_sound() - false and @err with what is wrong with the image at @path, .code
 * EEXIST: and it can't be replaced. True also when it is not there or can't be opened. */
bool baitimage_sound(const char *path, struct error *err);

/*
 * qemu_reads_bait() - let QEMU's user read the image at @path, which exists, as the bait
 * that @domain has. One on SCSI has none. @virt: NULL in a hook.
 *
 * libvirt leaves out a bait that is missing, but not one that QEMU can't read, or in a
 * folder that it may not enter: the start of the guest would fail. -1: EACCES, with what
 * to do; else 0, also when it can't be told.
 */
int qemu_reads_bait(struct virt *virt, const struct domain *domain, const char *path,
		    struct error *err);

/*
 * bait_sweep() - remove overlays of the image at @path that nothing of libvirt names any
 * more and that are older than some minutes
 *
 * libvirt makes one, called as the image with seconds in place of its suffix, whenever an
 * external snapshot is reverted: it does so for each disk, read-only ones too, and leaves
 * them (force_default_location of virDomainSnapshotAlignDisks() in
 * src/conf/snapshot_conf.c, 11.3.0).
 */
void bait_sweep(const char *path);

#endif
