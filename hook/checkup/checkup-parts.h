/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checkup-parts.h - the parts of a checkup */
#ifndef BUSFLIP_CHECKUP_PARTS_H
#define BUSFLIP_CHECKUP_PARTS_H

#include "hook/checkup/checkup-item.h"

/* checkup_is_there() - check that it exists, or report that it does not; does not check access
 * by @p's user. */
bool checkup_is_there(struct patient *p, const struct need *need);

enum chain {
	CHAIN_OF_IMAGE,		/* as the image says, in @out of checkup_chain() */
	CHAIN_UNREADABLE,	/* @err: the image does not say it, or a file is missing */
	CHAIN_ENDED,		/* as the definition says, which ends before the image does */
	CHAIN_OTHER,		/* the definition names others than the image does */
	CHAIN_BROKEN,		/* and one of them does not exist: already reported */
};

/* checkup_chain() - what QEMU opens below @disk's image, @need. The caller frees @out. */
enum chain checkup_chain(struct patient *p, const struct need *need, const xmlNode *disk,
			 const char *format, struct backing *out, struct error *err);

/*
 * checkup_format() - check that the format seen in @disk's file is the one in the definition,
 * or report the difference.
 *
 * @said: <driver type=>. @seen: from magic_format().
 */
bool checkup_format(struct patient *p, const struct need *need, const xmlNode *disk,
		    const char *said, const char *seen);

/* checkup_ask() - may QEMU's user use the file, now or once libvirt has changed its owner? 1
 * yes, 0 no, which is reported, -1 unknown, which is reported. */
int checkup_ask(struct patient *p, const struct need *need);

/* checkup_ask_label() - the same for SELinux, which libvirt must be using; but -1 is not
 * reported. */
int checkup_ask_label(struct patient *p, const struct need *need);

/*
 * checkup_ask_chain() - apply one of these two to the system disk's image and each file below
 * it. 0: no for one of them; otherwise -1: unknown for one; otherwise 1.
 */
int checkup_ask_chain(struct patient *p, const char *item, const struct backing *backing,
		      int (*ask)(struct patient *p, const struct need *need));

/* checkup_user() - the name of QEMU's user; return @buf. */
const char *checkup_user(const struct patient *p, char *buf, size_t size);

/* checkup_is_left_alone() - true if a <seclabel> below @parent (may be NULL) makes libvirt
 * leave files as they are. */
bool checkup_is_left_alone(const xmlNode *parent, const char *model);

/* checkup_host() - determine QEMU's user and the security models of the host. */
void checkup_host(struct patient *p, struct virt *virt);

/* The parts, each of which adds its items: the image of @p's disk, ... */
void checkup_image(struct patient *p);
/* ... files of the host ... */
void checkup_files(struct patient *p);
/* ... its UEFI firmware with the variables, ... */
void checkup_firmware(struct patient *p);
/* ... what AppArmor and SELinux allow for the system disk's files, ... */
void checkup_confinement(struct patient *p, const struct backing *backing);
/* ... whether libvirt's lock manager lets a hook write to it, ... */
void checkup_lease(struct patient *p);
/* ... those of other disks, the kernel, ... */
void checkup_others(struct patient *p);
/* ... the bait, which other domains may have as a disk, ... */
void checkup_bait(struct patient *p);
/* ... what its interfaces need; @local: on this host ... */
void checkup_networks(struct patient *p, struct virt *virt, bool local);
/* ... and what is on the disk. */
void checkup_disk(struct patient *p);

/* checkup_clock() - whether Windows, as @result of an inspection has it, takes the domain's
 * clock for what it is; adds an item only if not. */
void checkup_clock(struct patient *p, const struct guestdisk_result *result);

/* What a disk has for a firmware to boot from. */
struct table {
	bool mbr, gpt, esp;
	bool bare_esp;		/* without a loader that the firmware starts by itself */
	bool loader;		/* the boot loader for a BIOS */
};
void checkup_table(const struct guestdisk_result *result, struct table *table);

/* checkup_read() - read a disk once, @partition of it or, 0, the one with Windows; at most a dry
 * run of a patch. Return as subject_run() does. */
int checkup_read(const struct patient *p, const struct disk_image *image, uint32_t partition,
		 enum job_action action, struct guestdisk_result *result, struct error *err);

/* checkup_boot() - Windows is on @disk: does the domain boot it, and does busflip work on it?
 * @table: of that disk. */
void checkup_boot(struct patient *p, const xmlNode *disk, const struct table *table);

/* checkup_has_esp() - true if a disk other than the system disk has an EFI system partition. */
bool checkup_has_esp(const struct patient *p);

/* checkup_find_windows() - there is none on the system disk, for the reason @why: search the
 * others. False if the reason is another one, which is not reported. */
bool checkup_find_windows(struct patient *p, const struct error *why,
			  const struct guestdisk_result *result);

/* checkup_is_uefi() - 1 the definition asks for UEFI, 0 for a BIOS, -1 unknown. */
int checkup_is_uefi(const struct domain *domain);

#endif
