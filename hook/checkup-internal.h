/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checkup-internal.h - what the parts of checkup.h share */
#ifndef BUSFLIP_CHECKUP_INTERNAL_H
#define BUSFLIP_CHECKUP_INTERNAL_H

#include "hook/access.h"
#include "hook/checkup.h"
#include "hook/domain.h"
#include "hook/place.h"

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
	/* of the host, from libvirt's capabilities and qemu.conf */
	struct access_user user;
	bool has_user;
	bool relabels;			/* files are given to QEMU's user at a start */
	bool apparmor, selinux;
	struct checkup *out;
};

/* checkup_add() - one more item; never NULL: what has no room replaces the last. */
struct checkup_item *checkup_add(struct patient *p, const char *name, enum holds holds,
				 const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void checkup_cure(struct checkup_item *item, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The parts, each adds its items: files of the host ... */
void checkup_files(struct patient *p);
/* ... and what is on the disk. */
void checkup_disk(struct patient *p);

/* checkup_is_uefi() - 1 the definition asks for UEFI, 0 for a BIOS, -1 no telling. */
int checkup_is_uefi(const struct domain *domain);

#endif
