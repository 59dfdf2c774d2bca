/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * access.h - may the user that QEMU runs as use a file?
 *
 * The kernel is asked, by a process that has become that user: so ACLs, groups and
 * what a network file system makes of a user count as they will when QEMU starts.
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
 * access_user_parse() - a label of libvirt's DAC driver: "+64055:+993" or "qemu:qemu"
 * (virParseOwnershipIds() in src/util/virutil.c). False: no user or group of that name,
 * or not one of each; @user is left as it was.
 */
bool access_user_parse(const char *label, struct access_user *user);

enum access_answer {
	ACCESS_OK,
	ACCESS_NO_FOLDER,	/* .where can't be entered */
	ACCESS_NO_FILE,		/* the file itself does not allow it */
	ACCESS_MISSING,		/* no such file, or not for that user */
	ACCESS_READ_ONLY,	/* its file system, whoever owns it */
	ACCESS_IMMUTABLE,	/* chattr +i: not even its owner, nor root */
	ACCESS_APPEND_ONLY,	/* chattr +a: the same for QEMU, which does not append */
	ACCESS_UNKNOWN,		/* nobody could be asked: see .where for the reason */
};

struct access_result {
	enum access_answer answer;
	bool fixed;		/* nobody can change its owner or mode as it is now */
	char where[4096];
};

/* access_ask() - @path is absolute; @write: for reading and writing, else for
 * reading. Waits for as long as the file system takes. */
void access_ask(const struct access_user *user, const char *path, bool write,
		struct access_result *result);

#endif
