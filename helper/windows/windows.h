/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * windows.h - the Windows on a volume, and its state
 *
 * Order of calls, for one volume that holds <root>/System32/config/SYSTEM:
 *
 *	windows_inspect(vol, "Windows", false, &win, err)	winvolume.c; reads only
 *	report_text(), report_json()			report.h
 *	windows_check(win, err)		why it must not be patched
 *	drivers_pick(..)		drivers.h
 *	edits_plan(win, &request, &plan, err)		edits.h
 *	edits_apply(..)			after windows_load_system()
 *	evidence_judge(win, ..)		evidence.h
 *	windows_free(win)
 *
 * windows_inspect() loads only the parts of the hives that it needs, and replays their logs in
 * memory; a hive that can't be trusted is an error with enum refusal. The pure part,
 * windows_from_hives(), gets open hives and a table of functions for facts about files; tests
 * and fuzzers use it.
 *
 * Every fact has its source, even if it does not exist: `from` is "SYSTEM\ControlSet001\..." or
 * a path in the volume. Times are FILETIME (100 ns since 1601, UTC according to Windows). Text
 * is UTF-8 and hostile: it may contain control characters, which report.h replaces.
 *
 * The meaning of each fact is described where it is read, with its source: Microsoft's
 * documentation, the source of a driver or of virt-v2v, or the registries of real Windows 7 and
 * 10 (tests/README.md, "Registries of real Windows").
 */
#ifndef BUSFLIP_WINDOWS_H
#define BUSFLIP_WINDOWS_H

#include "helper/hive/hive.h"
#include "helper/ntfs/ntfs.h"
#include "helper/shared/job.h"

#define FACT_FROM 384
#define FACT_TEXT 256
#define WINDOWS_ROOT 64

struct fact_number {
	bool known;
	uint64_t value;
	char from[FACT_FROM];
};

struct fact_text {
	bool known;
	char value[FACT_TEXT];
	char from[FACT_FROM];
};

enum windows_generation {
	WINDOWS_UNKNOWN,
	WINDOWS_TOO_OLD,	/* before 7 (build 7600) */
	WINDOWS_7,		/* and Server 2008 R2: CriticalDeviceDatabase */
	WINDOWS_8,		/* and 2012: DriverDatabase from here on */
	WINDOWS_8_1,		/* and 2012 R2 */
	WINDOWS_10,		/* and Server 2016, 2019, 2022 */
	WINDOWS_11,		/* and Server 2025: build 22000 and later */
};

enum windows_arch { ARCH_UNKNOWN, ARCH_X86, ARCH_AMD64, ARCH_ARM64 };

enum presence { PRESENCE_UNKNOWN, PRESENCE_NO, PRESENCE_YES };

/* A driver's service key. winload starts it if its effective start is 0:
 * StartOverride\<hardware configuration> overrides Start (8 and later). */
struct service {
	char name[64];
	char from[FACT_FROM];
	bool present;		/* the key exists */
	bool has_start, has_type;
	uint32_t start, type;
	char image_path[FACT_TEXT];	/* "" if there is none */
	bool overridden;	/* StartOverride exists, whatever it contains */
	bool has_override;	/* ... with a value for the configuration that Windows used
				 * last, or, if that is not known, for any */
	uint32_t override;	/* that value; of several one that is not 0 */
	uint32_t effective;	/* as winload would use it; 3 without Start */
	char file[FACT_TEXT];	/* the image in the volume, or "" */
	enum presence file_there;
	uint64_t changed;	/* FILETIME of the key */
};

/* One device instance below Enum\PCI. */
struct device {
	char from[FACT_FROM];
	uint16_t vendor, id;
	char service[64], class_guid[64], driver[64];
	bool has_flags;
	uint32_t config_flags;
	bool driver_key;	/* Control\Class\<driver> exists */
	uint64_t installed, first_installed, arrived, removed;	/* 0: no value */
	char version[64], inf[64], section[64], matching_id[FACT_TEXT];
};

enum virtio_state {
	VIRTIO_ABSENT,		/* the driver does not exist */
	VIRTIO_STAGED,		/* it exists, but winload can't start from it */
	VIRTIO_BOOTABLE,	/* loaded at boot and found for the device */
	VIRTIO_BOUND,		/* ... and a device instance is set up */
};

/* One PCI ID of a VirtIO device, and the driver that Windows finds for it. */
struct virtio_id {
	uint16_t id;		/* 1001, 1042, 1004 or 1048 */
	bool listed;		/* some device database entry names it */
	bool findable;		/* ... and leads to this driver's service */
	bool by_package;	/* an INF other than ours names it (8 and later) */
	char from[FACT_FROM];	/* the entry, or where it would be */
	char inf[64];		/* 8 and later: the INF that it leads to */
};

struct virtio {
	struct service service;
	struct virtio_id ids[2];	/* legacy, modern */
	enum virtio_state state;
	char reason[FACT_TEXT];	/* why the state is not better */
	size_t bound_device;	/* index in devices; only when VIRTIO_BOUND */
};

struct class_filter {
	char class_guid[40];
	bool upper;
	char name[64];
	char from[FACT_FROM];
	bool service;		/* the service key exists */
	enum presence file;
	bool elsewhere;		/* its file is not on Windows' volume, as far as its path says */
};

/* A VirtIO driver file in System32\drivers. */
struct board_driver {
	char path[FACT_TEXT];
	uint64_t size;
	uint16_t machine;	/* PE machine; 0: not a PE file */
	bool has_version;
	uint16_t version[4];
};

#define WINDOWS_SETS 8		/* Windows itself keeps at most four */
#define WINDOWS_DEVICES 64
#define WINDOWS_FILTERS 64
#define WINDOWS_SERVICES 512
#define WINDOWS_BOARD 16

struct hive_status {
	bool there;
	uint64_t size;
	uint32_t minor;		/* hive format 1.<minor> */
	struct hivelog log;	/* if there is none, its pages are gone, too */
};

struct windows {
	char root[WINDOWS_ROOT];	/* of the system, in the volume */
	struct hive_status system_status, software_status;
	struct hive system, software;	/* open until windows_free() */

	struct fact_text product, edition, installation, display_version;
	struct fact_text build_text, build_lab, product_type;
	struct fact_number major, revision;
	uint32_t build;			/* 0: not known */
	enum windows_generation generation;
	bool server;
	struct fact_text system_root;	/* as Windows calls it: "C:\Windows" */
	struct fact_text arch_text;	/* as the hive says */
	struct fact_number arch_machine;	/* PE machine of the kernel */
	enum windows_arch arch;		/* UNKNOWN if the two disagree */

	struct fact_number current, default_set, failed, last_known_good;
	char control_set[16];		/* "ControlSet001", or "" */
	char lkg_set[16];		/* another one to patch as well (7), or "" */
	char other_sets[WINDOWS_SETS][16];	/* all that are not in use, lkg_set included */
	size_t other_set_count;
	bool driver_database;		/* root key DriverDatabase exists */
	bool critical_database;		/* CriticalDeviceDatabase exists */

	struct fact_text hardware_config, manufacturer, model, bios_version;
	struct fact_number hardware_id, last_use;
	struct fact_number shutdown_time, boot_id, dirty_shutdowns;
	struct fact_number last_boot_shutdown, last_boot_succeeded;
	struct fact_number clock_utc;	/* the machine's clock is taken for UTC */
	struct fact_number clock_bias;	/* minutes from local time to UTC, a signed 32-bit number */
	struct fact_number hiberboot, hibernate;
	struct fact_number auto_reboot, crash_dump, san_policy;
	struct fact_number poll_boot_partition;
	struct fact_text restrictions;	/* policy on device installation */
	struct fact_text renames;	/* pending rename that involves VirtIO */
	struct fact_number memory_dump;	/* FILETIME of MEMORY.DMP */
	struct fact_number minidumps;	/* FILETIME of the folder Minidump */
	struct fact_number bootstat_clean;	/* unreliable: see winfiles.c */

	struct virtio virtio[TARGET_BUSES];
	bool ahci_ready;		/* a SATA disk would be found at boot */
	char ahci_reason[FACT_TEXT];	/* why not */
	bool ide_ready;
	struct service *services;	/* boot-start drivers, and all storage drivers */
	size_t service_count;
	struct device devices[WINDOWS_DEVICES];	/* storage and VirtIO */
	size_t device_count;
	bool virtio_disk_seen;		/* Enum\SCSI\Disk&Ven_Red_Hat&Prod_VirtIO */
	uint64_t virtio_disk_arrived;	/* newest arrival of one, FILETIME */
	struct class_filter filters[WINDOWS_FILTERS];
	size_t filter_count;
	struct board_driver board[WINDOWS_BOARD];
	size_t board_count;

	void *owned;			/* used by winvolume.c */
};

/* Functions for facts about files of the volume; each may be NULL. Like volume_stat() and
 * volume_read_head(). */
struct windows_files {
	int (*stat)(void *opaque, const char *path, struct file_info *info,
		    struct error *err);
	int (*head)(void *opaque, const char *path, size_t want, uint8_t *data,
		    size_t *len, struct error *err);
	void *opaque;
};

/*
 * windows_from_hives() - fill @win from its open hives
 *
 * @win: system (and software, if software_status.there) are open, root is set; all other
 * members are zero. @files may be NULL: then nothing is known about files. Fails only if a hive
 * is damaged or can't be read.
 */
int windows_from_hives(struct windows *win, const struct windows_files *files,
		       struct error *err);

/*
 * windows_inspect() - all of the above from a volume; windows_free() frees *@out
 *
 * @root: "Windows", or the folder that the caller found. @editing: read all of SYSTEM at once,
 * because it will be needed, unless that service already starts at boot (then there may be
 * nothing to edit); NULL: read only the needed parts.
 */
int windows_inspect(struct volume *vol, const char *root, const char *editing,
		    struct windows **out, struct error *err);
void windows_free(struct windows *win);

/*
 * windows_load_system() - make win->system.data the whole hive with its logs replayed, for
 * editing
 *
 * windows_inspect() may have read it. Also completes win->system_status.log.newest_seq, which
 * needs the logs of a clean hive too; an inspection does not read them.
 */
int windows_load_system(struct windows *win, struct error *err);

/* windows_read_system() - SYSTEM as it is on the disk, logs not replayed; hive_memory_free()
 * frees it. */
int windows_read_system(const struct windows *win, struct hive_memory *memory,
			struct error *err);

/* windows_clock_ahead() - by how many minutes a machine's clock in UTC is ahead for this Windows;
 * 0: it is not, or that is not known. Windows takes it for local time, unless RealTimeIsUniversal
 * is set. */
uint64_t windows_clock_ahead(const struct windows *win);

/* windows_set_failed() - true if the control set of the next boot is marked as failed. Any other
 * set is marked for ever once Windows has replaced it by the last known good one (Microsoft's
 * KB 102984), and does not matter. */
bool windows_set_failed(const struct windows *win);

/* windows_check() - -1 if this Windows must not be patched or moved: too old, unknown, control
 * sets that disagree. */
int windows_check(const struct windows *win, struct error *err);

/* windows_find_service() - a service in win->services, or NULL. */
const struct service *windows_find_service(const struct windows *win,
					   const char *name);

const char *windows_generation_name(enum windows_generation generation);
const char *windows_arch_name(enum windows_arch arch);
const char *virtio_state_name(enum virtio_state state);
const char *virtio_service_name(enum target_bus kind);

/* The PCI IDs of a kind: [0] legacy, [1] modern (VIRTIO specification, "PCI Device
 * Discovery"). */
const uint16_t *virtio_device_ids(enum target_bus kind);

/*
 * windows_match_id() - find the driver for one PCI ID at boot, and whether it is @service
 *
 * @forms: the device's IDs ("VEN_1AF4&DEV_1001&REV_00"), ended by NULL. Fills listed, findable,
 * by_package, from and inf of @out. An ID that leads to a package without Configurations and
 * Descriptors is not findable: this is the state of a driver that was staged but never had a
 * device (pvscsi of a real Windows 10 1903).
 */
int windows_match_id(const struct windows *win, const char *const *forms,
		     const char *service, struct virtio_id *out,
		     struct error *err);

/* ---- shared by the parts of windows.c ------------------------------------ */
#define VENDOR_VIRTIO 0x1af4

/* windows_is_storage() - true for the service of a storage controller. */
bool windows_is_storage(const char *name);
/* windows_find_path() - find a key of the SYSTEM hive by its whole path. */
int windows_find_path(const struct windows *win, const char *path,
		      struct hive_key *key, struct error *err);
int windows_read_services(struct windows *win, const struct windows_files *files,
			  struct error *err);
int windows_read_devices(struct windows *win, struct error *err);
int windows_read_filters(struct windows *win, const struct windows_files *files,
			 struct error *err);
int windows_read_virtio(struct windows *win, struct error *err);
int windows_read_files(struct windows *win, const struct windows_files *files,
		       struct error *err);
int windows_read_service(const struct windows *win, const char *name,
			 const struct windows_files *files,
			 struct service *service, struct error *err);

#endif
