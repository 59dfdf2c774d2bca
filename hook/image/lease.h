/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lease.h - the lease of libvirt's lock manager, while an image is written
 *
 * With lock_manager in qemu.conf, libvirt takes a lease on each disk of a guest, which other
 * hosts see. It does so when the guest's processors start, after the prepare hook. So busflip
 * takes the same lease, where it can, while it writes to an image.
 */
#ifndef BUSFLIP_LEASE_H
#define BUSFLIP_LEASE_H

#include "helper/shared/base.h"

enum lease_kind {
	LEASE_NONE,		/* libvirt takes none on this image */
	LEASE_FILE,		/* a lock on .file: the image itself, or a file in a lockspace */
	LEASE_ELSEWHERE,	/* a lease that busflip can't take: .why */
};

struct lease {
	enum lease_kind kind;
	char manager[64];	/* lock_manager of qemu.conf; "" if none */
	char file[4096];
	bool made;		/* .file is in a lockspace, and is removed when it is released */
	struct error why;	/* the setting and its file; or the error */
	int fd;			/* -1: not held */
};

/* lease_find() - determine the lease that libvirt takes on the image @path, given as in the
 * definition; does not take it. */
void lease_find(const char *path, struct lease *lease);

/*
 * lease_allows() - may a hook write to the image @path, as far as @lease is concerned?
 *
 * LEASE_ELSEWHERE: only to a file on a file system that only one host has. ENOLCK: it may not;
 * @err names the lock manager's setting and the image.
 */
int lease_allows(const char *path, const struct lease *lease, struct error *err);

/* lease_is_held() - true if anybody holds it, on this host or on another. */
bool lease_is_held(const struct lease *lease);

/*
 * lease_take() - take it before something is written to the image @path; held until
 * lease_release()
 *
 * @by_hand: a user has asked for it, who knows where else the guest may run, so a lease that
 * busflip can't take is not required. REFUSE_IN_USE: somebody holds it. Waits up to two
 * seconds, because the lease of a guest that has just ended is released a little later.
 */
int lease_take(const char *path, bool by_hand, struct lease *lease, struct error *err);

/* lease_release() - takes effect at once, even if a forked process has it too; one that was
 * not taken may be released. */
void lease_release(struct lease *lease);

#endif
