/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mk.h - mkdisk: the disks of guests that were used before. README.md lists the options.
 */
#ifndef MODEL_MK_H
#define MODEL_MK_H

#include "nt.h"

#define MACHINE_AMD64 0x8664u
#define MACHINE_X86 0x14cu

#define CLASS_SCSI "{4d36e97b-e325-11ce-bfc1-08002be10318}"
#define CLASS_HDC "{4d36e96a-e325-11ce-bfc1-08002be10318}"
#define CLASS_DISK "{4d36e967-e325-11ce-bfc1-08002be10318}"
#define CLASS_VOLUME "{71a27cdd-812a-11d0-bec7-08002be2092f}"
#define CLASS_SYSTEM "{4d36e97d-e325-11ce-bfc1-08002be10318}"
#define CLASS_USB "{36fc9e60-c465-11cf-8056-444553540000}"
#define CLASS_NET "{4d36e972-e325-11ce-bfc1-08002be10318}"
#define CLASS_DISPLAY "{4d36e968-e325-11ce-bfc1-08002be10318}"

struct generation {
	const char *name;
	unsigned major, minor, build;
	const char *product;
	bool client;
};

struct mk {
	struct options options;
	const struct generation *gen;
	uint16_t pe;
	struct nbd_client disk;
	struct volume *vol;
	struct hive *sys;
	hkey set;
	bool modern;
	uint64_t last_use, last_off;	/* of the last session */
};

/* mkinbox.c: what Windows brings along */
struct inbox {
	const char *name;
	unsigned start7, start8;	/* 9: not in that Windows */
	const char *group, *class, *inf;
	const char *ids[3];
	const char *origin;	/* the controller whose driver it is */
};
const struct inbox *inbox(size_t i);	/* NULL at the end */

/* mkhive.c */
void mk_system(struct mk *mk);
struct bytes mk_software(struct mk *mk);
void mk_service(struct mk *mk, const char *name, unsigned start, const char *group);
void mk_override(struct mk *mk, const char *name, unsigned id);
void mk_package(struct mk *mk, const char *inf, const char *label,
		const char *class, bool oem);
void mk_package_device(struct mk *mk, const char *inf, const char *label,
		       const char *service, const char *id);
void mk_cdd(struct mk *mk, const char *id, const char *service, const char *class);
/* mk_instance() - a device that was there in the last session. @function is a
 * line for pci_parse() */
void mk_instance(struct mk *mk, const char *function, const char *service,
		 const char *class, const char *inf);

/* mkvirtio.c */
void mk_virtio(struct mk *mk);

/* mkfiles.c */
struct bytes mk_pe(uint16_t machine, unsigned major, unsigned minor, const char *what);
void mk_driver_file(struct mk *mk, const char *name, uint16_t machine);
void mk_files(struct mk *mk);

#endif
