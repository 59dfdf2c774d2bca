/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checkup-item.h - what the parts of a checkup share: the domain being checked, and one item of
 * the result
 */
#ifndef BUSFLIP_CHECKUP_ITEM_H
#define BUSFLIP_CHECKUP_ITEM_H

#include "hook/checkup/selinux.h"
#include "hook/cli/line.h"
#include "hook/disk/findings.h"
#include "hook/domain/domain.h"
#include "hook/host/access.h"
#include "hook/image/backing.h"
#include "hook/image/diskimage.h"
#include "hook/libvirt/virt.h"

struct checkup_item {
	char name[16];
	enum verdict holds;	/* VERDICT_NO: a problem was found; VERDICT_UNKNOWN: could not be
				 * checked */
	char found[1024];
	char cure[1024];	/* "" if there is none, or none is needed */
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
	char target[TARGET_SIZE];	/* its target name */
	/* Quoted for a shell: name of the domain, that target, the image. */
	char name_word[DOMAIN_WORD], target_word[4 * TARGET_SIZE], path_word[4400];
	struct disk_image image;
	bool has_image;			/* .image is valid */
	bool wrong_format;		/* it is not of the format that the definition says */
	bool new_variables;		/* those of its UEFI firmware are empty */
	bool own_chain;			/* the definition puts other files below it than the
					 * image does */
	/* from libvirt's capabilities and qemu.conf of the host */
	struct access_user user;
	bool has_user;
	char no_user[256];		/* what the definition has in its place */
	bool relabels;			/* libvirt changes the owner of files to QEMU's user at
					 * a start */
	bool apparmor, selinux;
	char label[SELINUX_LABEL];	/* SELinux: label of its QEMU; "" if unknown */
	struct checkup *out;
	size_t choice;			/* index from 1 of the item that libvirt's command
					 * decides; or 0 */
	struct checkup_item spare;	/* used when there is no memory for another item */
	bool no_memory;
};

/* checkup_add() - add an item; never NULL, and valid until the next one is added. */
struct checkup_item *checkup_add(struct patient *p, const char *name, enum verdict holds,
				 const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* checkup_denied() - true if @err is about what busflip may read and not about the domain;
 * then one item reports it. */
bool checkup_denied(struct patient *p, const char *name, const struct error *err);
void checkup_cure(struct checkup_item *item, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* checkup_wrong() - add an item with the text of @err and the cure for errors of its kind,
 * otherwise the given one; "%s" with "": none. */
void checkup_wrong(struct patient *p, const char *name, const struct error *err,
		   const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A file that QEMU needs. */
struct need {
	const char *item;		/* the item it belongs to */
	const char *of;			/* "disk sdb: ", or "" for the system disk */
	const char *path;
	bool write;
	const xmlNode *source;		/* <source> of its disk, or NULL */
};

#endif
