/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job.h - the request to busflip-helper, and its reply
 *
 * SHARED with hook/. The request is one message of fixed size on the helper's standard input.
 * The reply is a memory file created by busflip: a header, then sections. The helper has parsed
 * hostile data when it writes the reply, so busflip trusts nothing in it: job_reply_parse()
 * checks every offset before anything is read, and text is made printable before it is shown.
 *
 * Numbers are little-endian. Both ends come from one build: a different version is an error,
 * there is no negotiation.
 */
#ifndef BUSFLIP_JOB_H
#define BUSFLIP_JOB_H

#include "helper/shared/base.h"

#define JOB_VERSION 3u

/* The helper's open descriptors; no others are open. */
enum job_fd {
	JOB_FD_REQUEST = 0,	/* the request */
	JOB_FD_REPLY = 1,	/* memory file for the reply */
	JOB_FD_LOG = 2,		/* lines for the log */
	JOB_FD_DISK = 3,	/* connected NBD socket */
	JOB_FD_DRIVERS = 4,	/* directory or ISO file with virtio-win */
	JOB_FD_HIVE = 5,	/* undo: the SYSTEM hive of the backup, ... */
	JOB_FD_LOG1 = 6,	/* ... and its logs */
	JOB_FD_LOG2 = 7,
	JOB_FD_KEEP = 8,	/* patch: memory file for SYSTEM as it was ... */
	JOB_FD_KEPT = 9,	/* ... and a pipe to signal that it is there */
	JOB_FD_COUNT = 10,
};

enum job_action {
	JOB_INSPECT = 1,	/* read and report */
	JOB_PATCH,		/* prepare Windows for SATA and VirtIO */
	JOB_UNDO,		/* restore the hive of the backup */
	JOB_SETTLE,		/* restore the settings that were changed temporarily */
	JOB_ACTION_LAST = JOB_SETTLE,
};

/* Where a system disk can end, as libvirt calls it, and the driver in Windows for that. */
enum target_bus {
	TARGET_VIRTIO,		/* viostor */
	TARGET_SCSI,		/* vioscsi */
	TARGET_BUSES,
};

enum job_drivers {
	JOB_DRIVERS_NONE = 0,
	JOB_DRIVERS_DIRECTORY,
	JOB_DRIVERS_ISO,
	JOB_DRIVERS_LAST = JOB_DRIVERS_ISO,
};

/* What is found of a condition, by the helper and by busflip itself. */
enum verdict { VERDICT_UNKNOWN, VERDICT_NO, VERDICT_YES };

/* verdict_name() - "yes", "no" or "unknown", as the helper writes it; verdict_parse() - from
 * that, and VERDICT_UNKNOWN from anything else. verdict_json() - true, false or null;
 * verdict_text() - "ok", "not ok" or "not known". */
const char *verdict_name(enum verdict verdict);
enum verdict verdict_parse(const char *name);
const char *verdict_json(enum verdict verdict);
const char *verdict_text(enum verdict verdict);

#define JOB_HIVE_HEAD 4096u

/* Fingerprint of a hive: enough to see whether Windows has written to it since. */
struct job_hive_mark {
	uint64_t size;
	uint32_t crc;		/* of its first JOB_HIVE_HEAD bytes (crc32.h), the base block,
				 * which every write changes */
	uint32_t sequence;	/* primary sequence number */
};

struct job {
	enum job_action action;
	enum target_bus bus;
	enum job_drivers drivers;
	bool dry_run;		/* compute everything, return no pages */
	bool force;		/* undo although the guest has changed the registry */
	bool live;		/* the disk may change while it is read */
	bool driver_optional;	/* continue without a driver for VirtIO */
	bool sandbox_require;	/* refuse if a part of the sandbox is not available */
	uint32_t partition;	/* number in the table; 0: search for Windows */
	bool has_uuid;
	uint8_t uuid[16];	/* UUID of the domain, as its XML spells it */
	uint64_t run_from;	/* FILETIME of the domain's last start; 0: */
	uint64_t run_to;	/* unknown; and of its end */
	uint16_t device_id;	/* PCI ID that the disk will have; 0: any */
	bool has_before;	/* result of an inspection before that run: */
	uint64_t before_last_use, before_shutdown;
	uint32_t before_boot_id;
	struct job_hive_mark patched;	/* undo: the hive as patch left it */
	char hive_path[512];	/* undo: its path in the volume */
	char drivers_path[256];	/* patch: of JOB_FD_DRIVERS, for messages */
};

#define JOB_SIZE 896u

void job_pack(const struct job *job, uint8_t out[JOB_SIZE]);
int job_unpack(const uint8_t *data, size_t len, struct job *job,
	       struct error *err);

/* ---- reply -------------------------------------------------------------- */

enum job_section {
	JOB_SECTION_TEXT,	/* report for people, UTF-8 */
	JOB_SECTION_JSON,	/* the same with everything, UTF-8 */
	JOB_SECTION_REG,	/* the edits as a .reg file, UTF-8 */
	JOB_SECTION_EVIDENCE,	/* for the phase table: "key=value" lines */
	JOB_SECTION_LOG1,	/* the hive's logs before the patch */
	JOB_SECTION_LOG2,
	JOB_SECTION_RUNS,	/* targets of the pages: JOB_RUN_SIZE each */
	JOB_SECTION_PAGES,	/* the new content, one run after the other */
	JOB_SECTION_COUNT,
};

/*
 * Size limits of each part. The helper may have been compromised by the guest, and what it
 * returns takes the host's memory, and then its disk. SYSTEM of five real Windows (7 to 10) has
 * 8 to 15 MB, a log up to 3.2 MB, the largest report 48 KB; a patch changes
 * about 1 MiB of pages. Windows itself accepts larger hives, up to half of its memory; so the
 * limits are at least eight times what was seen, but not unlimited.
 */
#define JOB_HIVE_LIMIT (128u * 1024 * 1024)	/* of SYSTEM, in JOB_FD_KEEP */
#define JOB_LOG_LIMIT (32u * 1024 * 1024)	/* of each of its logs */
#define JOB_REPORT_LIMIT (4u * 1024 * 1024)	/* of each: text, JSON, .reg */
#define JOB_EVIDENCE_LIMIT 65536u		/* 32 conditions, each below 1 KB */

#define JOB_REPLY_HEADER 4096u
#define JOB_REPLY_LIMIT (144u * 1024 * 1024)	/* all of them, and IMAGE_DIRTY_LIMIT */
#define JOB_RUN_SIZE 16u		/* u64 offset, u32 length, u32 zero */
#define JOB_RUN_LIMIT 65536u

/* Limit of any file that the helper writes: those above, and its own for hivex. */
#define JOB_FILE_LIMIT JOB_REPLY_LIMIT

struct job_bytes {
	const uint8_t *data;	/* within the reply; NULL if not present */
	size_t len;
};

struct job_reply {
	struct error result;	/* code 0: success */
	bool changed;		/* there is something to write */
	uint32_t partition;	/* partition of Windows; 0: none */
	struct job_hive_mark patched;	/* the hive as left by the patch */
	uint64_t kept;		/* bytes in JOB_FD_KEEP; 0: nothing to back up */
	char hive_path[512];
	struct job_bytes section[JOB_SECTION_COUNT];
};

/* One run of pages that the helper wants to have written. */
struct job_run {
	uint64_t off;		/* bytes on the disk */
	uint32_t len;
	const uint8_t *data;
};

/*
 * job_reply_parse() - check a finished reply of @len bytes
 *
 * @out points into @data. No section is larger than the limits above, no two overlap, and the
 * path of the hive has no control characters, so that it remains one line of a file. The pages
 * are checked as far as possible without knowing the disk: aligned, ascending, not overlapping,
 * exactly as many bytes as announced, and no more than IMAGE_DIRTY_LIMIT.
 */
int job_reply_parse(const uint8_t *data, size_t len, struct job_reply *out,
		    struct error *err);

/* job_reply_runs() - the number of runs, and run @index of a parsed reply. */
size_t job_reply_runs(const struct job_reply *reply);
struct job_run job_reply_run(const struct job_reply *reply, size_t index,
			     uint64_t *data_off);

/* The helper's side: sections in any order, each once, appended to @fd. */
struct job_writer {
	int fd;
	uint64_t end;		/* of what is written */
	uint64_t off[JOB_SECTION_COUNT], len[JOB_SECTION_COUNT];
};

void job_writer_start(struct job_writer *w, int fd);

/* job_writer_add() - append bytes to @section; finish one section before the next. */
int job_writer_add(struct job_writer *w, enum job_section section,
		   const void *data, size_t len, struct error *err);

/* job_writer_finish() - write the header, from @reply without its sections; truncate @fd after
 * the last one. A reply without a header, from a helper that died, never parses. */
int job_writer_finish(struct job_writer *w, const struct job_reply *reply,
		      struct error *err);

/* Changes are collected, journalled and written in pages of this size. */
#define IMAGE_PAGE 4096u

/* A patch changes about 1 MiB. More than this indicates an error, and the memory limit of the
 * sandbox must hold. */
#define IMAGE_DIRTY_LIMIT (64u * 1024 * 1024)

#endif
