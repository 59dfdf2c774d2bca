/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * baitimage.h - the image of the bait: who may read it, and whether QEMU can lock it
 *
 * QEMU marks how it uses an image by locks on single bytes of the file (raw_check_lock_bytes()
 * in block/file-posix.c). It reads the bait and lets nobody write, so it fails while anybody
 * else has a lock on byte 101 or 200, for which read access is enough (measured with QEMU 7.2).
 * One file is the bait of all domains: anybody who may read it can keep all staged guests from
 * starting. So nobody may, except the users that QEMU runs as, by an ACL; and an image that is
 * locked all the same is replaced by a new one of the same name. The locks stay with the old
 * file, and so do guests that run with it.
 */
#ifndef BUSFLIP_BAITIMAGE_H
#define BUSFLIP_BAITIMAGE_H

#include "hook/host/access.h"
#include "hook/libvirt/virt.h"
#include "hook/phase/bait.h"

/*
 * baitimage_ready() - create the image at @path if it does not exist: blank (a disk signature
 * could collide with a real disk's), sparse, readable by root and the host's QEMU user
 *
 * An image that everybody may read, or that somebody has locked, is replaced, unless it holds
 * data or is a domain's own disk: then -1 if QEMU would fail on it, otherwise it is left as it
 * is, and that is logged.
 */
int baitimage_ready(const char *path, struct error *err);

/* baitimage_admit() - let @user read the image at @path, which exists. -1: EACCES, with what
 * to do; otherwise 0, also if access can't be determined. */
int baitimage_admit(const char *path, const struct access_user *user, struct error *err);

/* baitimage_leave_out() - remove the image at @path, if it may be replaced: libvirt starts a
 * domain whose bait does not exist. Return: true if it does not exist now. */
bool baitimage_leave_out(const char *path);

/* baitimage_sound() - false and @err with what is wrong with the image at @path; .code EEXIST:
 * and it can't be replaced. Also true if it does not exist or can't be opened. */
bool baitimage_sound(const char *path, struct error *err);

/*
 * qemu_reads_bait() - let QEMU's user read the image at @path, which exists, as the bait of
 * @domain. A domain on SCSI has none. @virt: NULL in a hook.
 *
 * libvirt drops a bait that does not exist, but not one that QEMU can't read, or in a folder
 * that it may not enter: the start of the guest would fail. -1: EACCES, with what to do;
 * otherwise 0, also if it can't be determined.
 */
int qemu_reads_bait(struct virt *virt, const struct domain *domain, const char *path,
		    struct error *err);

/*
 * bait_sweep() - remove overlays of the image at @path that no file of libvirt names any more
 * and that are older than some minutes
 *
 * libvirt creates one, named as the image with seconds in place of its suffix, whenever an
 * external snapshot is reverted: it does so for each disk, even read-only ones, and leaves them
 * (force_default_location of virDomainSnapshotAlignDisks() in src/conf/snapshot_conf.c,
 * 11.3.0).
 */
void bait_sweep(const char *path);

#endif
