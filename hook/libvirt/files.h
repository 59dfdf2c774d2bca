/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * files.h - what a hook reads in libvirt's own files
 *
 * libvirt waits for a hook with the domain locked, so a hook can't ask it. All of this is
 * read at the moment of the call and is right for that moment only. Names of domains are
 * names of files here: libvirt lets none have a slash.
 */
#ifndef BUSFLIP_FILES_H
#define BUSFLIP_FILES_H

#include "hook/domain/domain.h"

/*
 * libvirt_logged_reason() - why the last session of @name ended, in the words of
 * virDomainShutoffReasonTypeToString(); "" when its log does not say.
 *
 * libvirt writes "<time>: shutting down, reason=<reason>" into the domain's log before it
 * calls the stopped and release hooks (qemuProcessStop() in src/qemu/qemu_process.c, 9.0.0).
 */
void libvirt_logged_reason(const char *name, char *buf, size_t size);

/*
 * libvirt_ended_start() - did libvirt end the last start of @name itself? When a start
 * fails for a reason of QEMU's own, QEMU says something else. A "started" hook that was
 * killed makes libvirt end a guest whose disk is all right.
 */
bool libvirt_ended_start(const char *name);

/* libvirt_is_defined() - is there a persistent definition of @name? */
bool libvirt_is_defined(const char *name);

/*
 * libvirt_definition() - the persistent definition of @name, as libvirt has stored it.
 * @err: ENOENT when there is none: the domain is transient. The caller must domain_free()
 * @domain even after an error.
 */
int libvirt_definition(const char *name, struct domain *domain, struct error *err);

/*
 * libvirt_names_other_images() - is the image of @disk, or with NULL of any hard disk, of
 * @live no disk of the persistent definition? @live is the XML that a hook was given.
 * False when there is no definition to compare with.
 *
 * An external snapshot that is reverted starts with the images of the snapshot, and libvirt
 * stores the definition with the new overlays afterwards; no restore hook tells of its
 * memory (since libvirt 9.9; measured with 11.3). What busflip would write to is below
 * overlays then.
 */
bool libvirt_names_other_images(const struct domain *live, const xmlNode *disk);

/*
 * libvirt_names_file() - does a definition, a session that runs, a snapshot or a managed
 * save of any domain name the file @path? True also where that can't be read. @path must be
 * free of what XML escapes.
 */
bool libvirt_names_file(const char *path);

/*
 * libvirt_writes_file() - which domain has @path, in its definition or while it runs, as the
 * image of a disk that it may write? False: none. What can't be read counts, with its name.
 */
bool libvirt_writes_file(const char *path, char *name, size_t size);

/*
 * libvirt_has_block_job() - in the stopped hook: was a job on the disks of @name not finished
 * when QEMU went (blockjobs in the status file)? Which image is the current one may not be
 * what the definition says then.
 */
bool libvirt_has_block_job(const char *name);

enum start_kind {
	START_CONTINUES,	/* goes on with memory: restored, migrated, reverted */
	START_BOOTS,
	START_BOOTS_PAUSED,	/* as "virsh start --paused": boots when it is resumed */
};

struct start {
	enum start_kind kind;
	int id;			/* libvirt's number of this run of the guest */
};

/*
 * libvirt_start() - in the started hook: does the guest boot, or go on with memory that it
 * had? This is the one place that decides it.
 *
 * Told by the state that libvirt has stored for itself just before the hook (domstatus in
 * /run/libvirt/qemu/NAME.xml: qemuProcessLaunch() in src/qemu/qemu_process.c) and by QEMU's
 * command line. Measured with 9.0 and 11.3, in the started hook:
 *
 *	start, reverted to a snapshot without memory	running (booted)
 *	start --paused, start --console since 9.9	paused (user), async job "start"
 *	restored, migrated, external snapshot		paused (migration), -incoming
 *	internal snapshot, before 10.9			paused (user), -loadvm
 *	internal snapshot, since 10.9			paused (user), async job "snapshot"
 *
 * Whatever is not one of the first two rows continues: a guest that continues has memory
 * to lose, one that boots has not. -1 and @err when there is no telling.
 */
int libvirt_start(const char *name, struct start *start, struct error *err);

/*
 * libvirt_start_of_status() - the same of the bytes of a status file, without a look at
 * QEMU's command line; @pid is set to QEMU's process. Pure.
 */
int libvirt_start_of_status(const char *status, size_t len, struct start *start, int *pid,
			    struct error *err);

#endif
