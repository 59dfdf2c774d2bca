// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-lease.c - when a lease of libvirt's lock manager is needed (the lease itself is
 * tested by test-busflip-lockd.sh)
 */

#include "hook/image/lease.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/tap.h"

/* What busflip can't lock is written to on a file system of this host only. */
static void test_places(void)
{
	struct lease lease = { .kind = LEASE_ELSEWHERE, .fd = -1 };
	char file[] = "/dev/shm/busflip-lease.XXXXXX";
	struct error err = { 0 };
	int fd = mkstemp(file);

	fail(&lease.why, ENOTSUP, "for a reason");
	ok(fd >= 0, "a file in memory");
	is_int(lease_allows(file, &lease, &err), 0, "no other host has that");
	is_int(lease_allows("/proc/version", &lease, &err), -1, "nobody knows that file system");
	is_int(err.code, ENOLCK, "which is no refusal of the disk");
	is_str(err.msg, "/proc/version may be in use on another host, and busflip can't take the "
	       "lock of libvirt's lock manager (for a reason), so no hook writes to it",
	       "names the image and the setting");
	is_int(lease_allows("/dev/shm", &lease, &err), -1, "no file");
	is_int(lease_allows("/dev/shm/busflip-none", &lease, &err), -1, "not there");
	lease.kind = LEASE_FILE;
	is_int(lease_allows("/proc/version", &lease, &err), 0, "one that it can take");
	close(fd);
	unlink(file);
}

int main(void)
{
	test_places();
	return done_testing();
}
