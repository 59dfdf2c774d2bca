/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * files.h - what a hook reads from libvirt's own files
 *
 * libvirt waits for a hook with the domain locked, so a hook can't call it. Everything is read
 * at the time of the call and valid only at that time. Names of domains are file names here:
 * libvirt does not allow a slash in them.
 */
#ifndef BUSFLIP_FILES_H
#define BUSFLIP_FILES_H

#include "hook/domain/domain.h"

/*
 * libvirt_logged_reason() - why the last session of @name ended, as
 * virDomainShutoffReasonTypeToString() names it; "" if its log does not say.
 *
 * libvirt writes "<time>: shutting down, reason=<reason>" into the domain's log before it calls
 * the stopped and release hooks (qemuProcessStop() in src/qemu/qemu_process.c, 9.0.0).
 */
void libvirt_logged_reason(const char *name, char *buf, size_t size);

/*
 * libvirt_ended_start() - did libvirt itself end the last start of @name? If a start fails
 * because of QEMU, the log contains an error of QEMU's. When a "started" hook is killed,
 * libvirt ends a guest whose disk is all right.
 */
bool libvirt_ended_start(const char *name);

/* libvirt_is_defined() - true if @name has a persistent definition. */
bool libvirt_is_defined(const char *name);

/*
 * libvirt_definition() - the persistent definition of @name, as libvirt has stored it. @err:
 * ENOENT if there is none: the domain is transient. The caller must domain_free() @domain even
 * after an error.
 */
int libvirt_definition(const char *name, struct domain *domain, struct error *err);

/*
 * libvirt_names_other_images() - true if the image of @disk, or with NULL of any hard disk, of
 * @live is not a disk of the persistent definition. @live is the XML that a hook was given.
 * False if there is no definition to compare with.
 *
 * A revert to an external snapshot starts with the images of the snapshot, and libvirt stores
 * the definition with the new overlays afterwards; no restore hook announces its memory (since
 * libvirt 9.9; measured with 11.3). The images that busflip would write to are then below
 * overlays.
 */
bool libvirt_names_other_images(const struct domain *live, const xmlNode *disk);

/*
 * libvirt_names_file() - true if a definition, a running session, a snapshot or a managed save
 * of any domain names the file @path, or if that can't be read. @path must not contain
 * characters that XML escapes.
 */
bool libvirt_names_file(const char *path);

/*
 * libvirt_writes_file() - find the domain that has @path as the image of a disk that it may
 * write, in its definition or while it runs. False: none. A file that can't be read counts as a
 * hit, with its name.
 */
bool libvirt_writes_file(const char *path, char *name, size_t size);

/*
 * libvirt_has_block_job() - in the stopped hook: was a job on the disks of @name unfinished
 * when QEMU ended (blockjobs in the status file)? Then the current image may differ from the
 * definition.
 */
bool libvirt_has_block_job(const char *name);

enum start_kind {
	START_CONTINUES,	/* resumes memory: restored, migrated, reverted */
	START_BOOTS,
	START_BOOTS_PAUSED,	/* like "virsh start --paused": boots when it is resumed */
};

struct start {
	enum start_kind kind;
	int id;			/* libvirt's number of this run of the guest */
};

/*
 * libvirt_start() - in the started hook: does the guest boot, or resume memory? This is the
 * only place that decides it.
 *
 * It uses the state that libvirt has stored for itself just before the hook (domstatus in
 * /run/libvirt/qemu/NAME.xml: qemuProcessLaunch() in src/qemu/qemu_process.c) and QEMU's
 * command line. Measured with 9.0 and 11.3, in the started hook:
 *
 *	start, reverted to a snapshot without memory	running (booted)
 *	start --paused, start --console since 9.9	paused (user), async job "start"
 *	restored, migrated, external snapshot		paused (migration), -incoming
 *	internal snapshot, before 10.9			paused (user), -loadvm
 *	internal snapshot, since 10.9			paused (user), async job "snapshot"
 *
 * Anything but the first two rows resumes: a guest that resumes has memory to lose, one that
 * boots has not. -1 and @err if unknown.
 */
int libvirt_start(const char *name, struct start *start, struct error *err);

/*
 * libvirt_start_of_status() - the same from the bytes of a status file, without QEMU's command
 * line; @pid is set to QEMU's process. Pure.
 */
int libvirt_start_of_status(const char *status, size_t len, struct start *start, int *pid,
			    struct error *err);

#endif
