/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nt.h - one Windows: its disk, its machine, and what it has determined so far
 *
 * Who sets which fields, in this order:
 *	nt_open()		disk, volume, registry, windows	(nt.c)
 *	loader_run()		set, hardware, drivers		(loader.c)
 *	pnp_boot_ready()	0x7B, or not			(pnp.c)
 *	session_begin()		HardwareConfig, times		(session.c)
 *	enum_bind_all()		Enum, Class, StartOverride	(enum.c)
 *	install_packages()	driver packages			(install.c)
 *	session_end()		shutdown, full or hybrid	(session.c)
 */
#ifndef MODEL_NT_H
#define MODEL_NT_H

#include "base.h"
#include "disk.h"
#include "hive.h"
#include "hivelog.h"
#include "pci.h"
#include "volume.h"

#define CONFIG "Windows/System32/config/"
#define NAME_SIZE 80
#define MACHINE_DISKS 16

/* options - "name=value" words; see README.md for the names */
struct options {
	const char *word[64];
	size_t n;
};
const char *option(const struct options *o, const char *name, const char *otherwise);
unsigned option_number(const struct options *o, const char *name, unsigned otherwise);
bool option_is(const struct options *o, const char *name, const char *value);

/* What firmware tells: SMBIOS and ACPI */
struct machine {
	char uuid[40];		/* lower case, without braces */
	char vendor[64], product[64], bios[64];
	bool s4;		/* ACPI has hibernation */
	bool pvpanic;
	struct machine_disk {
		char address[16];	/* PCI function that it hangs on */
		char vendor[16], product[32];	/* as Windows spells them */
		uint32_t signature;		/* of its MBR; 0: none */
	} disks[MACHINE_DISKS];	/* the system disk first */
	size_t disk_count;
};

enum load {
	LOAD_YES,
	LOAD_DEMAND,		/* Start is not 0 */
	LOAD_OVERRIDDEN,	/* StartOverride\<Id> is not 0 */
	LOAD_NO_IMAGE,		/* no ImagePath */
	LOAD_NO_FILE,
	LOAD_BAD_FILE,		/* no PE, other machine, newer than this NT, unsigned */
};

struct driver {
	char name[NAME_SIZE];
	hkey key;
	uint32_t type, start;
	enum load load;
	bool used;		/* some device came up with it in this session */
};

struct drivers {
	struct driver *d;
	size_t n;
	char stop[NAME_SIZE];	/* the one that the loader stops at, or "" */
};

/* match - why a device would get a service */
enum match_by {
	MATCH_NONE,
	MATCH_ENUM,		/* its own instance has it */
	MATCH_CDD,		/* CriticalDeviceDatabase, before 8 */
	MATCH_DDB,		/* DriverDatabase, 8 and later */
};

struct match {
	enum match_by by;
	char service[NAME_SIZE], class_guid[48];
	char id[PCI_ID_SIZE];			/* that matched */
	char inf[NAME_SIZE], label[NAME_SIZE], section[NAME_SIZE];
	uint32_t rank;
};

struct windows {
	bool modern;		/* 8 and later: has a DriverDatabase */
	unsigned major, minor;	/* of ntoskrnl.exe */
	uint16_t pe_machine;
	bool client;
	bool new_logs;		/* 8.1 and later */
};

struct nt {
	const struct options *options;
	struct machine machine;
	struct pci_list pci;
	int controller;		/* index of the system disk's function */
	char *path;
	struct nbd_client disk;
	struct partition part;
	struct volume *vol;
	struct hivefiles files;	/* SYSTEM as it lies on disk */
	struct bytes shown;	/* SYSTEM as primary and logs together make it */
	uint32_t seq;		/* the last sequence number used */
	struct hive *sys;
	struct windows win;
	hkey set;
	char set_name[32];
	uint32_t hardware;	/* HardwareConfig Id of this machine */
	bool hardware_known;
	struct drivers drivers;
	bool started[PCI_MAX];	/* that function has a driver at work */
	uint64_t boot_time;
	bool resumed;
	uint32_t boot_id;
	bool quiet;		/* the loader's facts have been told */
	uint32_t ticks;
};

enum outcome {
	NT_UP,
	NT_NO_SYSTEM,		/* there is no Windows on that disk */
	NT_LOADER,		/* winload stops: on whatever controller */
	NT_BUGCHECK,		/* 0x7B */
	NT_RESUME_CRASH,	/* a hibernated kernel on other hardware */
};

/* nt_open() - everything is only read. Return: a Windows is there. */
bool nt_open(struct nt *nt, const char *path);
/* nt_boot() - from power-on to the end of boot, or to where it stops. A stop
 * has written nothing. */
enum outcome nt_boot(struct nt *nt);
/* nt_user_mode() - what comes some time after boot: driver packages */
void nt_user_mode(struct nt *nt);
/* nt_tick() - one of the small writes that a running system keeps making */
void nt_tick(struct nt *nt);
/* nt_shutdown() - @button: the ACPI button, which may mean fast startup */
void nt_shutdown(struct nt *nt, bool button);
void nt_close(struct nt *nt);
/* nt_flush() - registry and volume to the disk, in one batch */
enum flush {
	FLUSH_RUNNING,		/* system goes on */
	FLUSH_CLOSED,		/* full shutdown */
	FLUSH_HIBERNATED,
};
void nt_flush(struct nt *nt, enum flush how);

/* loader.c */
bool loader_run(struct nt *nt);
bool loader_choose_set(struct nt *nt);
void loader_hardware(struct nt *nt);
void loader_drivers(struct nt *nt);
struct driver *loader_find(struct nt *nt, const char *service);
enum load loader_image(struct nt *nt, hkey service, char why[NAME_SIZE]);
char *loader_path(const char *image);
const char *load_name(enum load l);
/* pe_machine() - 0: no PE. @version: major << 8 | minor that it needs */
uint16_t pe_machine(const struct bytes *file, unsigned *version, bool *is_signed);

/* pnp.c */
void pnp_match(struct nt *nt, size_t function, struct match *m);
/* pnp_database() - the best package for a device, its own instance aside */
bool pnp_database(struct nt *nt, const struct pci_ids *ids, struct match *m);
bool pnp_boot_ready(struct nt *nt);
hkey pnp_instance(struct nt *nt, size_t function, bool make);

/* enum.c, sweep.c */
void enum_bind_all(struct nt *nt);
/* enum_start() - Return: a driver of that name can be at work now. */
bool enum_start(struct nt *nt, const char *service);
void enum_configure(struct nt *nt, size_t function, const struct match *m);
void enum_disks(struct nt *nt);
void enum_property(struct nt *nt, hkey instance, const char *set, unsigned number,
		   uint32_t type, const void *data, size_t len);
void sweep_clear(struct nt *nt, const char *service);
void sweep_run(struct nt *nt);

/* inf.c, install.c */
struct inf {
	char service[NAME_SIZE], binary[NAME_SIZE], catalog[NAME_SIZE];
	char class_guid[48];
	char ids[16][PCI_ID_SIZE];
	size_t n;			/* ids */
	unsigned dirid;			/* of the binary: 12 or 13 */
};
/* inf_parse() - what the model needs of a driver's INF. Return: it has all. */
bool inf_parse(const struct bytes *text, struct inf *inf);
void install_packages(struct nt *nt);

/* session.c, hiber.c */
void session_begin(struct nt *nt);
void session_end(struct nt *nt, bool hybrid);
/* session_seal() - note what the registry's files are while a session is @open;
 * session_seal_good() - Return: nobody has changed them under an open log. */
void session_seal(struct volume *vol, bool open);
bool session_seal_good(struct volume *vol);
bool hiber_wanted(struct nt *nt);
void hiber_write(struct nt *nt);
/* hiber_resume() - @crash: the image belongs to other hardware. Return: it is
 * the old session that goes on. */
bool hiber_resume(struct nt *nt, bool *crash);
void hiber_woken(struct nt *nt);

#endif
