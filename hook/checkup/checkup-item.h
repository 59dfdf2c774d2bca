/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checkup-item.h - what the parts of a checkup share: the patient, and one item of what
 * was found
 */
#ifndef BUSFLIP_CHECKUP_ITEM_H
#define BUSFLIP_CHECKUP_ITEM_H

#include "hook/cli/line.h"
#include "hook/checkup/selinux.h"
#include "hook/image/backing.h"
#include "hook/disk/findings.h"
#include "hook/image/diskimage.h"
#include "hook/domain/domain.h"
#include "hook/host/access.h"
#include "hook/libvirt/virt.h"

struct checkup_item {
	char name[16];
	enum holds holds;	/* HOLDS_NO: found wrong; HOLDS_UNKNOWN: no telling */
	char found[1024];
	char cure[1024];	/* "" when there is none, or none is needed */
};

struct checkup {
	struct checkup_item *list;
	size_t count, room;
};

struct patient {
	const struct command_line *line;
	const struct virt_domain *dom;
	char *xml;			/* the persistent definition */
	struct domain domain;
	const xmlNode *disk;		/* the system disk, or NULL */
	char target[TARGET_SIZE];	/* its name */
	/* To be typed: name of the domain, that target, the image. */
	char name_word[DOMAIN_WORD], target_word[4 * TARGET_SIZE], path_word[4400];
	struct disk_image place;
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

#endif
