// SPDX-License-Identifier: GPL-2.0-or-later
/* jail.c - limits, an unprivileged user and dropped capabilities */

#include "helper/shared/jail.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#define FIRST_USER 0x7f000000u
/* The kernel's limit of process numbers. */
#define PROCESSES (1u << 22)

int jail_limits(const struct jail_limit *limits, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		__rlimit_resource_t resource = (__rlimit_resource_t)limits[i].resource;
		struct rlimit now, want = { limits[i].limit, limits[i].limit };

		if (getrlimit(resource, &now) < 0)
			return fail_errno(err, "getrlimit");
		if (now.rlim_max != RLIM_INFINITY && now.rlim_max < want.rlim_max)
			want = (struct rlimit){ now.rlim_max, now.rlim_max };
		if (setrlimit(resource, &want) < 0)
			return fail_errno(err, "setrlimit");
	}
	return 0;
}

uid_t jail_user(void)
{
	return FIRST_USER + (uid_t)getpid() % PROCESSES;
}

static int set_capabilities(uint64_t mask)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	uint32_t low = (uint32_t)mask, high = (uint32_t)(mask >> 32);
	const struct __user_cap_data_struct data[2] = { { low, low, low }, { high, high, high } };

	return (int)syscall(SYS_capset, &header, data);
}

int jail_effective(uint64_t mask)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	data[0].effective = (uint32_t)mask;
	data[1].effective = (uint32_t)(mask >> 32);
	return (int)syscall(SYS_capset, &header, data);
}

/* EINVAL comes from the first capability that the kernel does not know; EPERM from a
 * container: then there is nothing to drop. */
static void drop_bounds(uint64_t keep)
{
	for (unsigned long cap = 0; cap < 64; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;
}

/* Ambient capabilities survive an execve(). */
int jail_drop(uint64_t keep)
{
	drop_bounds(keep);
	if (set_capabilities(keep) < 0)
		return -1;
	for (unsigned long cap = 0; cap < 64; cap++)
		if (keep >> cap & 1 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return -1;
	return 0;
}

int jail_become(uid_t user, uint64_t keep, struct error *err)
{
	/* The privilege to change it is lost with the user. */
	drop_bounds(keep);
	if (prctl(PR_SET_KEEPCAPS, keep ? 1 : 0, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(user, user, user) < 0 || setresuid(user, user, user) < 0)
		return fail_errno(err, "cannot become user %u", (unsigned int)user);
	if (jail_drop(keep) < 0)
		return fail_errno(err, "cannot drop capabilities");
	if (user != 0 && setuid(0) == 0)
		return fail(err, EPERM, "root privileges can be regained");
	return 0;
}
