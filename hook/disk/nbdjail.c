// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nbdjail.c - what qemu-nbd gives up before it opens an untrusted image
 *
 * DOC: why in this order
 *
 * limits      first, they need nothing
 * namespaces  need the privileges that "user" gives up; the new root of the mount
 *             namespace holds programs, libraries and the image's files
 * user        its own; with the right to open other users' files only if one of the
 *             image's files needs that
 * files       Landlock, for the same files again; sets no_new_privs
 * calls       last, because it forbids what the other steps do
 *
 * An image that a guest, its owner or a compromised helper has crafted to exploit QEMU stays
 * confined in this jail.
 */

#include "hook/disk/nbdjail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "helper/shared/jail.h"
#include "helper/shared/newroot.h"
#include "helper/shared/refusal.h"
#include "hook/disk/nbdcalls.h"

/* 64 requests of 4 MiB at once, far more than busflip makes, used 535 MB of address space: a
 * thread has 8 MiB of it for its stack, and there are at most 64 threads. */
#define MEMORY_LIMIT (2048ull * 1024 * 1024)
/* patch_timeout is at most 50. */
#define CPU_SECONDS 120
/* Two for each of 64 files, which may be open at the same moment. */
#define FILES 256

#define CALL_FACCESSAT2 439	/* on every architecture */

#define RULES (16 + BACKING_LIMIT)

struct jail {
	const struct nbdserver_image *image;
	struct landlock_rule rules[RULES];
	size_t n_rules, n_programs;
	bool require;
	char missing[512];		/* what this host does not provide */
};

/* ---- its files ---------------------------------------------------------------- */

static void add_rule(struct jail *jail, const char *path, enum landlock_access access)
{
	jail->rules[jail->n_rules++] = (struct landlock_rule){ path, -1, access };
}

/*
 * Its program, libraries and modules (in /usr/lib or /usr/lib64, or in a folder of these), and
 * /dev/null, without which QEMU assumes that locks don't work and takes none. Then the image's
 * files. Not all of /usr: qemu-nbd may have the capability to read files of others, and
 * /usr/local may have files that only root may read.
 */
static void list_files(struct jail *jail, const char *program)
{
	static const char *const programs[] = {
		"/usr/lib", "/usr/lib64", "/lib", "/lib64", "/nix/store",
	};
	static const char *const settings[] = {
		"/etc/ld.so.cache", "/etc/gnutls", "/sys/devices/system", "/proc/sys/crypto",
	};
	const struct nbdserver_image *image = jail->image;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		add_rule(jail, programs[i], LANDLOCK_READ_EXECUTE);
	add_rule(jail, program, LANDLOCK_READ_EXECUTE);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		add_rule(jail, settings[i], LANDLOCK_READ);
	add_rule(jail, "/dev/null", LANDLOCK_READ_WRITE);
	jail->n_programs = jail->n_rules;
	add_rule(jail, image->path, image->writable ? LANDLOCK_READ_WRITE : LANDLOCK_READ);
	for (size_t i = 0; i < image->backing->count; i++)
		add_rule(jail, image->backing->paths[i],
			 image->writable && image->backing->writable[i]
			 ? LANDLOCK_READ_WRITE : LANDLOCK_READ);
}

/* ---- what can't be had --------------------------------------------------------- */

static int lacks(struct jail *jail, const char *what, int error, struct error *err)
{
	size_t n = strlen(jail->missing);

	if (jail->require)
		return fail(err, REFUSE_SANDBOX, "qemu-nbd can't be sandboxed here, without %s: %s",
			    what, strerror(error));
	snprintf(jail->missing + n, sizeof(jail->missing) - n, "%s%s (%s)", n ? ", " : "", what,
		 strerror(error));
	return 0;
}

static void tell(const struct jail *jail, int notes)
{
	if (jail->missing[0])
		dprintf(notes, "%s: qemu-nbd is sandboxed without %s; sandbox = require in "
			"/etc/busflip.conf makes this an error", jail->image->path, jail->missing);
}

/* ---- the layers ----------------------------------------------------------------- */

static int limit(struct error *err)
{
	static const struct jail_limit limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_CPU, CPU_SECONDS },
		{ RLIMIT_NOFILE, FILES },
		{ RLIMIT_AS, MEMORY_LIMIT },
	};

	return jail_limits(limits, ARRAY_SIZE(limits), err);
}

static int leave_namespaces(struct jail *jail, struct error *err)
{
	const struct backing *backing = jail->image->backing;

	/* A user namespace gives an ordinary user the right to the others, but not to mount
	 * over another user's mounts. */
	if (geteuid() != 0)
		return unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) == 0
			? 0 : lacks(jail, "namespaces of its own", errno, err);
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS) < 0)
		return lacks(jail, "namespaces of its own", errno, err);
	if (newroot_enter(jail->rules, jail->n_rules, (const char *const *)backing->names,
			  backing->count) < 0)
		return lacks(jail, "a root of its own", errno, err);
	return 0;
}

/* With the capabilities that are in force now. */
static bool can_open(const struct jail *jail)
{
	for (size_t i = jail->n_programs; i < jail->n_rules; i++) {
		const struct landlock_rule *rule = &jail->rules[i];
		int mode = rule->access == LANDLOCK_READ_WRITE ? R_OK | W_OK : R_OK;

		if (syscall(CALL_FACCESSAT2, AT_FDCWD, rule->path, mode, AT_EACCESS) < 0 &&
		    errno == EACCES)
			return false;
	}
	return true;
}

/* As the effective user, and back; the change drops the effective capabilities. */
static bool is_known(uid_t user)
{
	return setresuid((uid_t)-1, user, (uid_t)-1) == 0 &&
	       setresuid((uid_t)-1, 0, (uid_t)-1) == 0;
}

/*
 * Find the least privilege with which all files can be opened: none, or the right to open other
 * users' files for reading or for writing. Return false if only root may open them, as on the
 * file system of another host, or on FUSE.
 */
static bool find_least(const struct jail *jail, uid_t user, uint64_t *keep)
{
	const uint64_t right = 1ull << (jail->image->writable ? CAP_DAC_OVERRIDE
							      : CAP_DAC_READ_SEARCH);
	bool opens;

	*keep = right;
	if (setgroups(0, NULL) < 0 || setresgid((gid_t)-1, user, (gid_t)-1) < 0 ||
	    setresuid((uid_t)-1, user, (uid_t)-1) < 0)
		return false;
	opens = can_open(jail);
	if (opens)
		*keep = 0;
	else
		opens = jail_effective(right) == 0 && can_open(jail);
	return setresuid((uid_t)-1, 0, (uid_t)-1) == 0 &&
	       setresgid((gid_t)-1, 0, (gid_t)-1) == 0 && opens;
}

static int change_user(struct jail *jail, struct error *err)
{
	uid_t user = jail_user();
	uint64_t keep = 0;

	if (geteuid() != 0)
		return jail_drop(0) == 0 ? 0 : fail_errno(err, "cannot drop capabilities");
	if (!is_known(user)) {
		if (lacks(jail, "a user of its own", errno, err) < 0)
			return -1;
		user = is_known(JAIL_NOBODY) ? JAIL_NOBODY : 0;
	}
	if (user && !find_least(jail, user, &keep)) {
		if (lacks(jail, "a user of its own, who can't open the image", EACCES,
			  err) < 0)
			return -1;
		user = 0;
	}
	return jail_become(user, keep, err);
}

/* A change of user resets the parent death signal. */
static int die_with(pid_t keeper, struct error *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return fail_errno(err, "cannot set the parent death signal");
	return getppid() == keeper ? 0 : fail(err, ECHILD, "busflip has exited");
}

static int leave_files(struct jail *jail, struct error *err)
{
	switch (landlock_restrict(jail->rules, jail->n_rules, err)) {
	case 0:
		return 0;
	case 1:
		return lacks(jail, "Landlock", errno, err);
	default:
		return -1;
	}
}

static int filter_calls(struct jail *jail, struct error *err)
{
	return nbdcalls_filter() == 0 ? 0 : lacks(jail, "a filter of system calls", errno, err);
}

int nbdjail_enter(const char *program, const struct nbdserver_image *image,
		  bool require, int notes, struct error *err)
{
	struct jail jail = { .image = image, .require = require };
	const pid_t keeper = getppid();

	list_files(&jail, program);
	if (limit(err) < 0 || leave_namespaces(&jail, err) < 0 || change_user(&jail, err) < 0 ||
	    die_with(keeper, err) < 0 || leave_files(&jail, err) < 0 ||
	    filter_calls(&jail, err) < 0)
		return err && err->code == REFUSE_SANDBOX ? -1
			: error_prefix(err, "cannot sandbox qemu-nbd");
	tell(&jail, notes);
	return 0;
}
