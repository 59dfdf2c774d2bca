// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup-lease.c - does libvirt's lock manager let a hook write to the system disk? */

#include "hook/checkup/checkup-parts.h"

#include "hook/host/cure.h"
#include "hook/image/lease.h"

void checkup_lease(struct patient *p)
{
	struct checkup_item *item;
	struct error err = { 0 };
	struct lease lease;

	if (!p->has_image)
		return;
	lease_find(p->image.path, &lease);
	if (lease.kind == LEASE_NONE)
		return;
	if (cure_is_root(lease.why.code)) {
		checkup_denied(p, "lock-manager", &lease.why);
	} else if (lease_allows(p->image.path, &lease, &err) < 0) {
		item = checkup_add(p, "lock-manager", VERDICT_UNKNOWN, "%s", err.msg);
		checkup_cure(item, "when the guest runs on no host, run busflip patch %s before "
			     "its first start", p->name_word);
	} else if (lease.kind == LEASE_ELSEWHERE) {
		checkup_add(p, "lock-manager", VERDICT_YES, "%s; but %s is on a file system that "
			    "no other host has", lease.why.msg, p->image.path);
	} else if (lease_is_held(&lease)) {
		item = checkup_add(p, "lock-manager", VERDICT_UNKNOWN, "%s is in use, on this or "
				   "another host: the lock of libvirt's lock manager (%s) on %s "
				   "is held", p->image.path, lease.manager, lease.file);
		checkup_cure(item, "shut down the guest that uses it; until then libvirt starts "
			     "this guest on no other host, and no hook writes to that disk");
	} else {
		checkup_add(p, "lock-manager", VERDICT_YES, "%s: a hook writes to %s only while it "
			    "holds the lock on %s", lease.manager, p->image.path, lease.file);
	}
}
