/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checkup-internal.h - what the parts of checkup.h share */
#ifndef BUSFLIP_CHECKUP_INTERNAL_H
#define BUSFLIP_CHECKUP_INTERNAL_H

#include "hook/access.h"
#include "hook/backing.h"
#include "hook/checkup.h"
#include "hook/domain.h"
#include "hook/place.h"
#include "hook/selinux.h"

struct patient {
	const struct command_line *line;
	const struct virt_domain *dom;
	char *xml;			/* the persistent definition */
	struct domain domain;
	const xmlNode *disk;		/* the system disk, or NULL */
	char target[TARGET_SIZE];	/* its name */
	/* To be typed: name of the domain, that target, the image. */
	char name_word[DOMAIN_WORD], target_word[4 * TARGET_SIZE], path_word[4400];
	struct place place;
	bool placed;			/* .place is known */
	bool own_chain;			/* other files are below it than the image says */
	/* of the host, from libvirt's capabilities and qemu.conf */
	struct access_user user;
	bool has_user;
	char no_user[256];		/* what the definition has in place of one */
	bool relabels;			/* files are given to QEMU's user at a start */
	bool apparmor, selinux;
	char label[SELINUX_LABEL];	/* SELinux: of its QEMU; "" not known */
	struct checkup *out;
	size_t choice;			/* item that libvirt's command decides, from 1; or 0 */
	struct checkup_item spare;	/* taken when there was no memory for one more */
	bool no_memory;
};

/* checkup_add() - one more item; never NULL, and good until the next one is added. */
struct checkup_item *checkup_add(struct patient *p, const char *name, enum holds holds,
				 const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* checkup_denied() - where @err is about what busflip may read and not about the domain,
 * one item that says so; else false. */
bool checkup_denied(struct patient *p, const char *name, const struct error *err);
void checkup_cure(struct checkup_item *item, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* checkup_wrong() - one item that says what @err does, with the cure of all errors of its
 * kind, else the one that is given; "%s" with "": none. */
void checkup_wrong(struct patient *p, const char *name, const struct error *err,
		   const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A file that QEMU needs. */
struct need {
	const char *item;		/* which item it belongs to */
	const char *of;			/* "disk sdb: ", or "" for the system disk */
	const char *path;
	bool write;
	const xmlNode *source;		/* <source> of its disk, or NULL */
};

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
