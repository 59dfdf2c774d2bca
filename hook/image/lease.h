/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lease.h - libvirt's lock manager, while an image is written to
 *
 * With lock_manager in qemu.conf, libvirt takes a lease on each disk of a guest, which
 * other hosts see, when the guest's processors start: after the prepare hook. So whoever
 * writes to an image takes the same lease, where busflip can.
 */
#ifndef BUSFLIP_LEASE_H
#define BUSFLIP_LEASE_H

#include "helper/shared/base.h"

enum lease_kind {
	LEASE_NONE,		/* libvirt takes none on this image */
	LEASE_FILE,		/* a lock on .file, that of the image or one in a lockspace */
	LEASE_ELSEWHERE,	/* one that busflip can't take: .why */
};

struct lease {
	enum lease_kind kind;
	char manager[64];	/* lock_manager of qemu.conf; "" none */
	char file[4096];
	bool made;		/* .file is in a lockspace, and goes when it is released */
	struct error why;	/* which setting of which file; or what went wrong */
	int fd;			/* -1: not held */
};

/* lease_find() - which lease libvirt takes on the image @path, which is as in the
 * definition; it is not taken yet. */
void lease_find(const char *path, struct lease *lease);

/*
 * lease_allows() - may a hook write to the image @path, as far as @lease of it goes?
 *
 * LEASE_ELSEWHERE: only to a file on a file system that one host has for itself. ENOLCK:
 * it may not; @err names the lock manager's setting and the image.
 */
int lease_allows(const char *path, const struct lease *lease, struct error *err);

/* lease_is_held() - does anybody hold it, on this host or on another? */
bool lease_is_held(const struct lease *lease);

/*
 * lease_take() - before something is written to the image @path; held until
 * lease_release()
 *
 * @by_hand: somebody has asked for it who knows where else the guest may run, so one that
 * can't be taken by busflip is not needed. REFUSE_IN_USE: it is not to be had. Waits up to
 * two seconds: that of a guest which has just ended is released a little later.
 */
int lease_take(const char *path, bool by_hand, struct lease *lease, struct error *err);

/* lease_release() - at once, even when a forked process has it too; one that was not
 * taken is fine. */
void lease_release(struct lease *lease);

#endif
