// SPDX-License-Identifier: GPL-2.0-or-later
/* lock.c - the lock of a domain */

#include "hook/state/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "helper/shared/file.h"
#include "helper/shared/uuid.h"
#include "hook/state/pending.h"

int state_folders_make(struct error *err)
{
	static const struct {
		const char *path;
		mode_t mode;
	} folders[] = {
		{ BUSFLIP_STATEDIR, 0755 },	/* QEMU reads the bait in it */
		{ PENDING_FOLDER, 0700 },
		{ BUSFLIP_RUNDIR, 0700 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(folders); i++)
		if (folder_make(folders[i].path, folders[i].mode, err) < 0)
			return -1;
	return 0;
}

int shared_lock(const char *name, unsigned seconds, struct error *err)
{
	AUTO_FD int fd = -1;
	char path[512];
	int64_t end = monotonic_ms() + (int64_t)seconds * 1000;

	if (!str_printf(path, sizeof(path), BUSFLIP_RUNDIR "/%s.lock", name))
		return fail(err, ENAMETOOLONG, "%s: name too long", name);
	if (folder_make(BUSFLIP_RUNDIR, 0700, err) < 0)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail_errno(err, "cannot open %s", path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail_errno(err, "cannot lock %s", path);
		if (monotonic_ms() >= end)
			return fail(err, EBUSY, "another busflip is working on this domain and did "
				    "not finish in %u s: try again later, or find it with fuser -v "
				    "%s", seconds, path);
		pause_ms(5);
	}
	return steal_fd(&fd);
}

int domain_lock(const char *uuid, unsigned seconds, struct error *err)
{
	if (!uuid_ok(uuid))
		return fail(err, EINVAL, "%s is not a UUID", uuid);
	return state_folders_make(err) < 0 ? -1 : shared_lock(uuid, seconds, err);
}
