// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * landlock.c - restrict this process to named parts of the file system
 *
 * The constants are those of the kernel's ABI (Documentation/userspace-api/landlock.rst),
 * written out because the build host's headers may be older than the kernel that it runs on.
 * Right 15, ioctl on devices, is never restricted: qemu-nbd needs it to get the size of block
 * devices.
 */

#include "helper/shared/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_TRUNCATE (1ull << 14)

#define RULE_PATH_BENEATH 1
#define CREATE_RULESET_VERSION 1u

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct __attribute__((packed)) path_attr {
	uint64_t access;
	int32_t fd;
};

/* All rights known to the kernel with each ABI; the last row is for newer ones. */
static const struct {
	struct ruleset_attr rights;
	size_t size;			/* the size that this kernel accepts */
} abis[] = {
	{ { 0x1fff, 0, 0 }, 8 },	/* 1: Linux 5.13 */
	{ { 0x3fff, 0, 0 }, 8 },	/* 2: 5.19, refer */
	{ { 0x7fff, 0, 0 }, 8 },	/* 3: 6.2, truncate */
	{ { 0x7fff, 3, 0 }, 16 },	/* 4: 6.7, TCP bind and connect */
	{ { 0x7fff, 3, 0 }, 16 },	/* 5: 6.10, ioctl */
	{ { 0x7fff, 3, 3 }, 24 },	/* 6: 6.12, sockets and signals */
};

static uint64_t rights_of(enum landlock_access access, bool folder)
{
	switch (access) {
	case LANDLOCK_READ:
		return FS_READ_FILE | (folder ? FS_READ_DIR : 0);
	case LANDLOCK_READ_EXECUTE:
		return FS_READ_FILE | FS_EXECUTE | (folder ? FS_READ_DIR : 0);
	case LANDLOCK_READ_WRITE:
		return FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE;
	}
	return 0;
}

static bool is_folder(int fd)
{
	int probe = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (probe >= 0)
		close(probe);
	return probe >= 0;
}

static int add_rule(int ruleset, const struct landlock_rule *rule,
		    uint64_t handled, struct error *err)
{
	struct path_attr attr = { .fd = rule->fd };
	AUTO_FD int opened = -1;

	if (*rule->path) {
		opened = open(rule->path, O_PATH | O_CLOEXEC);
		if (opened < 0 && (errno == ENOENT || errno == ENOTDIR))
			return 0;
		if (opened < 0)
			return fail_errno(err, "Landlock: cannot open %s", rule->path);
		attr.fd = opened;
	}
	attr.access = rights_of(rule->access, is_folder(attr.fd)) & handled;
	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &attr,
		    0) < 0)
		return fail_errno(err, "Landlock: cannot allow %s",
				  *rule->path ? rule->path : "the image");
	return 0;
}

int landlock_restrict(const struct landlock_rule *rules, size_t n,
		      struct error *err)
{
	struct ruleset_attr rights;
	AUTO_FD int ruleset = -1;
	long abi;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail_errno(err, "Landlock: cannot set no_new_privs");
	abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
		      CREATE_RULESET_VERSION);
	if (abi < 1)
		return 1;
	if (abi > (long)ARRAY_SIZE(abis))
		abi = (long)ARRAY_SIZE(abis);
	rights = abis[abi - 1].rights;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights,
			       abis[abi - 1].size, 0);
	if (ruleset < 0)
		return fail_errno(err, "Landlock: cannot make rules");
	for (size_t i = 0; i < n; i++)
		if (add_rule(ruleset, &rules[i], rights.fs, err) < 0)
			return -1;
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return fail_errno(err, "Landlock: cannot begin");
	return 0;
}
