/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain.h - domain XML bytes <-> struct domain: disks, buses, tag and state
 */
#ifndef BUSFLIP_DOMAIN_H
#define BUSFLIP_DOMAIN_H

#include "hook/domain/phase.h"
#include "hook/domain/xml.h"

#define TAG_URI "urn:busflip:domain:1"
#define STATE_URI "urn:busflip:state:1"
/* What marks a disk as the bait: QEMU gives it to the guest as its serial. */
#define BAIT_SERIAL "busflip-bait"

enum bus { BUS_NONE, BUS_VIRTIO, BUS_SCSI, BUS_SATA, BUS_IDE, BUS_OTHER };

/* Longest target name that is accepted: libvirt's own are at most "sdzzzz". */
#define TARGET_SIZE 32

/*
 * domain_word() - what a command that a message says to type calls a domain: its name as
 * one word of a shell; its UUID, if that is known, where the name looks like an option.
 * Return @buf. Names are bounded: libvirt makes files that are called so.
 */
#define DOMAIN_WORD 1100
const char *domain_word(const char *name, const char *uuid, char buf[DOMAIN_WORD]);

/* The user's wish: <busflip:domain bus= disk=>. */
struct tag {
	bool present;
	bool valid;		/* false: an attribute that busflip can't read */
	char wrong[80];		/* that one, printable; "": there are two tags */
	enum bus bus;		/* BUS_NONE: not given */
	char disk[TARGET_SIZE];	/* "": not given */
};

/*
 * The state element, written by busflip only - but anybody who may define a
 * domain can forge one, so nothing in it is taken on trust: rewriting checks
 * each claim against the devices and puts back known attributes only.
 */
struct state {
	enum phase phase;	/* PHASE_NONE: no state element */
	bool valid;		/* false: there is one, but it makes no sense */
	long attempts;
	bool override;		/* trial ordered by the administrator */
	char since[24];		/* when the phase began, ISO 8601, UTC */
	char reason[256];	/* the last decision, for status */
	char at[24];		/* when that was, as since */
	enum bus bus;		/* where the disk will end: virtio or scsi */
	enum bus origin;	/* where it was before staging */
	char disk[TARGET_SIZE];	/* the system disk's target name now, "" */
	bool staged_form;	/* the disk is on its staging bus, bait there */
	char panic[8];		/* model of a device added for the trial, or "" */
	long sata_added;	/* index of a controller that staging added, -1 */
	long scsi_added;
	long scsi;		/* virtio-scsi controller for the disk, -1 */
	long scsi_avoid;	/* while staging: index that is not free, -1 */
	xmlNode *saved;		/* what was taken off the disk, or NULL */
};

struct domain {
	xmlDoc *doc;
	bool declaration;	/* the bytes began with an XML declaration */
	xmlNode *root, *metadata, *devices;
	xmlNode *tag_node, *state_node;
	char name[256];
	char uuid[40];		/* "" when the XML has none (filters only) */
	char machine[40];	/* the UUID that the guest sees: <hwuuid>, which libvirt has
				 * since 11.7.0, else the same */
	struct tag tag;
	struct state state;
};

/* domain_parse() - fill @domain from XML. The caller must domain_free() it
 * even after an error. */
int domain_parse(const char *bytes, size_t len, struct domain *domain,
		 struct error *err);

/* domain_parse_bare() - the same, to be looked at and not to be written: white space
 * between elements isn't kept. */
int domain_parse_bare(const char *bytes, size_t len, struct domain *domain, struct error *err);
void domain_free(struct domain *domain);
#define AUTO_DOMAIN __attribute__((cleanup(domain_free)))

/* domain_format() - the document as bytes; *bytes is the caller's. */
int domain_format(const struct domain *domain, char **bytes, size_t *len,
		  struct error *err);

/*
 * domain_odd_tag() - what may be meant as the tag, and is none: an element of the metadata
 * whose namespace or prefix has busflip in it. Return a clause, printable; "" when there is
 * the tag, or nothing like it.
 */
#define ODD_TAG 256
const char *domain_odd_tag(const struct domain *domain, char buf[ODD_TAG]);

/* domain_set_tag() - write the tag in place of whatever its namespace has there; @bus
 * BUS_NONE and @disk "" leave the attribute away. domain_drop_tag() takes it and an empty
 * <metadata> out. */
void domain_set_tag(struct domain *domain, enum bus bus, const char *disk);
void domain_drop_tag(struct domain *domain);

/* domain_put_state() - write domain->state into the document (the saved parts
 * are there already); domain_drop_state() removes the element. */
void domain_put_state(struct domain *domain);
void domain_drop_state(struct domain *domain);

enum bus bus_parse(const char *name);
const char *bus_name(enum bus bus);	/* "virtio", "scsi", "sata", "ide", "?" */

/* disk_bus() - the bus of a <disk>; without one in the XML, what libvirt would
 * take from the target's name (hd: ide, sd: scsi, vd: virtio). */
enum bus disk_bus(const xmlNode *disk);
bool disk_target(const xmlNode *disk, char *buf, size_t size);
bool disk_is_hard_disk(const xmlNode *disk);	/* device disk or lun */
bool disk_is_bait(const xmlNode *disk);
xmlNode *domain_disk(const struct domain *domain, const char *target);
xmlNode *domain_bait(const struct domain *domain);

/*
 * domain_system_disk() - the <disk> that Windows boots from: the one that the
 * tag names, else that with the lowest <boot order>, else the first hard disk
 * in libvirt's order when the domain boots from hd. NULL and @err when there
 * is none or no telling.
 */
xmlNode *domain_system_disk(const struct domain *domain, struct error *err);

/* domain_state_damaged() - fail: the state element says what can't be. */
int domain_state_damaged(const struct domain *domain, struct error *err);

/* domain_disk_gone() - fail: the disk that the state element names is not there. */
int domain_disk_gone(const struct domain *domain, struct error *err);

/* domain_boots_from_hd() - does <boot dev='hd'/> (or nothing at all, which
 * means the same) decide what it boots from? */
bool domain_boots_from_hd(const struct domain *domain);

/* disk_name_index() - the number in a target's letters as libvirt counts them:
 * sda 0, sdz 25, sdaa 26 (virDiskNameParse() in src/util/virutil.c). -1: not
 * such a name. */
long disk_name_index(const char *name);

/* domain_first_hard_disk() - the one that <boot dev='hd'/> means: libvirt
 * groups disks by bus and sorts each group by target name
 * (virDomainDiskInsert() in src/conf/domain_conf.c, libvirt 9.0.0). */
xmlNode *domain_first_hard_disk(const struct domain *domain);

#endif
