/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain.h - domain XML bytes <-> struct domain: disks, buses, tag and state
 */
#ifndef BUSFLIP_DOMAIN_H
#define BUSFLIP_DOMAIN_H

#include "helper/shared/job.h"
#include "hook/domain/phase.h"
#include "hook/domain/xml.h"

#define TAG_URI "urn:busflip:domain:1"
#define STATE_URI "urn:busflip:state:1"
#define QEMU_URI "http://libvirt.org/schemas/domain/qemu/1.0"
/* Marks a disk as the bait: QEMU presents it to the guest as the serial number. */
#define BAIT_SERIAL "busflip-bait"

/* Where a disk is. Where the system disk can end is enum target_bus (job.h). */
enum bus { BUS_NONE, BUS_VIRTIO, BUS_SCSI, BUS_SATA, BUS_IDE, BUS_OTHER };

/* Longest target name that is accepted: libvirt's own are at most "sdzzzz". */
#define TARGET_SIZE 32

/*
 * domain_word() - how a recommended command refers to a domain: its name, quoted for a shell;
 * its UUID, if known, if the name looks like an option. Return @buf. Names are bounded: libvirt
 * creates files with these names.
 */
#define DOMAIN_WORD 1100
const char *domain_word(const char *name, const char *uuid, char buf[DOMAIN_WORD]);

/* The tag, which the user sets: <busflip:domain bus= disk= partition=>. */
struct tag {
	bool present;
	bool valid;		/* false: it has an invalid attribute */
	char wrong[80];		/* that attribute, printable; "": there are two tags */
	enum bus bus;		/* BUS_NONE: not given */
	char disk[TARGET_SIZE];	/* "": not given */
	uint32_t partition;	/* of Windows on that disk; 0: not given */
};

/*
 * The state element. Only busflip writes it, but anybody who may define a domain can forge one,
 * so nothing in it is trusted: rewriting checks each claim against the devices and restores
 * only known attributes.
 */
struct state {
	enum phase phase;	/* PHASE_NONE: no state element */
	bool valid;		/* false: there is one, but it is invalid */
	long attempts;
	bool override;		/* the trial was ordered by the administrator */
	char since[24];		/* when the phase began, ISO 8601, UTC */
	char reason[256];	/* reason of the last decision, for status */
	char at[24];		/* time of that decision, in the form of since */
	enum bus bus;		/* the target bus: virtio or scsi */
	enum bus origin;	/* the bus before staging */
	char disk[TARGET_SIZE];	/* the system disk's present target name, "" */
	char source[1024];	/* its source, see disk_source(), or "" */
	bool staged_form;	/* the disk is on its staging bus, with the bait */
	char panic[8];		/* model of a device added for the trial, or "" */
	long sata_added;	/* index of a controller that staging added, or -1 */
	long scsi_added;
	long pci_added;		/* PCI controllers from this index on came later, or -1 */
	long scsi;		/* index of the virtio-scsi controller for the disk, or -1 */
	long scsi_avoid;	/* while staging: an index that is not free, or -1 */
	xmlNode *saved;		/* what was removed from the disk, or NULL */
};

struct domain {
	xmlDoc *doc;
	bool declaration;	/* the bytes began with an XML declaration */
	xmlNode *root, *metadata, *devices;
	xmlNode *tag_node, *state_node;
	char name[256];
	char uuid[40];		/* "" if the XML has none (filters only) */
	char machine[40];	/* the UUID that the guest sees (machineid.h) */
	struct tag tag;
	struct state state;
};

/* domain_parse() - fill @domain from XML. The caller must domain_free() it even after an
 * error. */
int domain_parse(const char *bytes, size_t len, struct domain *domain,
		 struct error *err);

/* domain_parse_bare() - the same, for reading only: white space between elements is dropped. */
int domain_parse_bare(const char *bytes, size_t len, struct domain *domain, struct error *err);
void domain_free(struct domain *domain);
#define AUTO_DOMAIN __attribute__((cleanup(domain_free)))

/* domain_format() - the document as bytes; the caller frees *bytes. */
int domain_format(const struct domain *domain, char **bytes, size_t *len,
		  struct error *err);

/*
 * domain_odd_tag() - find what may be meant as the tag but is not: an element of the metadata
 * whose namespace or prefix contains busflip. Return a printable clause; "" if there is a tag,
 * or nothing like it.
 */
#define ODD_TAG 256
const char *domain_odd_tag(const struct domain *domain, char buf[ODD_TAG]);

/* domain_set_tag() - write the tag, replacing any element of its namespace; @bus BUS_NONE,
 * @disk "" and @partition 0 omit the attribute. domain_drop_tag() removes it, and an empty
 * <metadata>. */
void domain_set_tag(struct domain *domain, enum bus bus, const char *disk, uint32_t partition);
void domain_drop_tag(struct domain *domain);

/* domain_put_state() - write domain->state into the document (the saved parts are in it
 * already); domain_drop_state() removes the element. */
void domain_put_state(struct domain *domain);
void domain_drop_state(struct domain *domain);

/* partition_parse() - the number of a partition, as people write it. */
bool partition_parse(const char *text, uint32_t *number);

enum bus bus_parse(const char *name);
const char *bus_name(enum bus bus);	/* "virtio", "scsi", "sata", "ide", "?" */

/* bus_is_target() - true if a system disk can end there. bus_target() - the target bus for
 * it. bus_of_target() - the reverse. */
bool bus_is_target(enum bus bus);
enum target_bus bus_target(enum bus bus);
enum bus bus_of_target(enum target_bus target);

/* disk_bus() - the bus of a <disk>; if the XML has none, the one that libvirt derives from the
 * target's name (hd: ide, sd: scsi, vd: virtio). */
enum bus disk_bus(const xmlNode *disk);
bool disk_target(const xmlNode *disk, char *buf, size_t size);

/* disk_drop_foreign_address() - remove the <address> of @disk if it is of a type that its bus
 * does not have; libvirt refuses such a disk. True: it was removed. */
bool disk_drop_foreign_address(xmlNode *disk);

bool disk_is_hard_disk(const xmlNode *disk);	/* device disk or lun */
bool disk_is_bait(const xmlNode *disk);
xmlNode *domain_disk(const struct domain *domain, const char *target);

/* disk_source() - what identifies the source of @disk among those of one domain: its file,
 * device, volume or name. False, and "", if there is none or it does not fit. */
bool disk_source(const xmlNode *disk, char *buf, size_t size);
xmlNode *domain_bait(const struct domain *domain);

/*
 * domain_system_disk() - the <disk> that Windows boots from: the one that the tag names,
 * otherwise the one with the lowest <boot order>, otherwise the first hard disk in libvirt's
 * order if the domain boots from hd. NULL and @err if there is none or it is ambiguous.
 */
xmlNode *domain_system_disk(const struct domain *domain, struct error *err);

/* domain_boot_disk() - the same, but whatever the tag names: the disk that its firmware boots
 * from. */
xmlNode *domain_boot_disk(const struct domain *domain, struct error *err);

/* domain_state_damaged() - fail: the state element is invalid. */
int domain_state_damaged(const struct domain *domain, struct error *err);

/* domain_recorded_disk() - the disk that the state element names, which may be any disk of the
 * domain; if it was given another name since, the hard disk with the recorded source. NULL and
 * @err: there is none. */
xmlNode *domain_recorded_disk(const struct domain *domain, struct error *err);

/* domain_disk_gone() - fail: the disk that the state element names does not exist. */
int domain_disk_gone(const struct domain *domain, struct error *err);

/* domain_boots_from_hd() - true if <boot dev='hd'/> (or no boot element at all, which means
 * the same) decides what it boots from. */
bool domain_boots_from_hd(const struct domain *domain);

/* disk_name_index() - the number in a target's letters as libvirt counts them: sda 0, sdz 25,
 * sdaa 26 (virDiskNameParse() in src/util/virutil.c). -1: not such a name. */
long disk_name_index(const char *name);

/* domain_first_hard_disk() - the one that <boot dev='hd'/> means: libvirt groups disks by bus
 * and sorts each group by target name (virDomainDiskInsert() in src/conf/domain_conf.c,
 * libvirt 9.0.0). */
xmlNode *domain_first_hard_disk(const struct domain *domain);

#endif
