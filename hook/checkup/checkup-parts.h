/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checkup-parts.h - the parts of a checkup */
#ifndef BUSFLIP_CHECKUP_PARTS_H
#define BUSFLIP_CHECKUP_PARTS_H

#include "hook/checkup/checkup-item.h"

/* checkup_is_there() - or says that it is not; @p's user is not asked. */
bool checkup_is_there(struct patient *p, const struct need *need);

enum chain {
	CHAIN_OF_IMAGE,		/* what the image says, in @out of checkup_chain() */
	CHAIN_UNREADABLE,	/* @err: the image does not say it, or a file is missing */
	CHAIN_ENDED,		/* by the definition, and the image names more files */
	CHAIN_OTHER,		/* the definition names others than the image does */
	CHAIN_BROKEN,		/* and one of them is not there: that was said */
};

/* checkup_chain() - what QEMU opens below @disk's image, @need. The caller frees @out. */
enum chain checkup_chain(struct patient *p, const struct need *need, const xmlNode *disk,
			 const char *format, struct backing *out, struct error *err);

/*
 * checkup_format() - is what @disk's file was seen to be what the definition says? Or says
 * what is wrong.
 *
 * @said: <driver type=>. @seen: of magic_format().
 */
bool checkup_format(struct patient *p, const struct need *need, const xmlNode *disk,
		    const char *said, const char *seen);

/* checkup_ask() - may QEMU's user use it, or will he? 1 yes, 0: said why not,
 * -1: said that nobody knows. */
int checkup_ask(struct patient *p, const struct need *need);

/* checkup_ask_label() - the same of SELinux, which libvirt is known to use; but -1, no
 * answer, is not said. */
int checkup_ask_label(struct patient *p, const struct need *need);

/*
 * checkup_ask_chain() - one of these two of the system disk's image and each of the files
 * below it. 0: no for one of them, else -1: not known of one, else 1.
 */
int checkup_ask_chain(struct patient *p, const char *item, const struct backing *backing,
		      int (*ask)(struct patient *p, const struct need *need));

/* checkup_user() - the name of QEMU's user; return @buf. */
const char *checkup_user(const struct patient *p, char *buf, size_t size);

/* checkup_is_left_alone() - does a <seclabel> below @parent, which may be NULL, say that
 * libvirt is to leave files as they are? */
bool checkup_is_left_alone(const xmlNode *parent, const char *model);

/* checkup_host() - what is known of the host: QEMU's user, and its security models. */
void checkup_host(struct patient *p, struct virt *virt);

/* The parts, each adds its items: where @p's disk is, which is known, ... */
void checkup_place(struct patient *p);
/* ... files of the host ... */
void checkup_files(struct patient *p);
/* ... what AppArmor and SELinux say of the system disk's, ... */
void checkup_confinement(struct patient *p, const struct backing *backing);
/* ... whether libvirt's lock manager lets a hook write to it, ... */
void checkup_lease(struct patient *p);
/* ... those of other disks, the kernel, ... */
void checkup_others(struct patient *p);
/* ... the bait, which it may be that others have as a disk. */
void checkup_bait(struct patient *p);
/* What its interfaces need; @local: of this host. */
void checkup_networks(struct patient *p, struct virt *virt, bool local);
/* ... and what is on the disk. */
void checkup_disk(struct patient *p);

/* checkup_is_uefi() - 1 the definition asks for UEFI, 0 for a BIOS, -1 no telling. */
int checkup_is_uefi(const struct domain *domain);

#endif
