/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * access.h - may the user that QEMU runs as use a file?
 *
 * A process that has become that user asks the kernel. So ACLs, groups and the user mapping of
 * a network file system count exactly as they will when QEMU starts.
 */
#ifndef BUSFLIP_ACCESS_H
#define BUSFLIP_ACCESS_H

#include <sys/types.h>

#include "helper/shared/base.h"

struct access_user {
	uid_t uid;
	gid_t gid;
};

/*
 * access_user_parse() - parse a label of libvirt's DAC driver: "+64055:+993" or "qemu:qemu"
 * (virParseOwnershipIds() in src/util/virutil.c). False: no user or group of that name, or not
 * one of each; then @user is unchanged.
 */
bool access_user_parse(const char *label, struct access_user *user);

enum access_answer {
	ACCESS_OK,
	ACCESS_NO_FOLDER,	/* .where can't be entered */
	ACCESS_NO_FILE,		/* the file itself does not allow it */
	ACCESS_MISSING,		/* no such file, or not visible to that user */
	ACCESS_READ_ONLY,	/* its file system is read-only, whoever owns the file */
	ACCESS_IMMUTABLE,	/* chattr +i: not even its owner or root */
	ACCESS_APPEND_ONLY,	/* chattr +a: the same for QEMU, which does not append */
	ACCESS_UNKNOWN,		/* could not be checked: see .where for the reason */
};

struct access_result {
	enum access_answer answer;
	bool fixed;		/* nobody can change its owner or mode at present */
	char where[4096];
};

/* access_ask() - @path is absolute; @write: for reading and writing, otherwise for reading.
 * Waits as long as the file system takes. */
void access_ask(const struct access_user *user, const char *path, bool write,
		struct access_result *result);

/* access_check() - may @user (NULL: not known, so he may nothing) do that with @path? -1:
 * REFUSE_READ_ONLY, with @path, why, and what to do. */
int access_check(const struct access_user *user, const char *path, bool write,
		 struct error *err);

#endif
