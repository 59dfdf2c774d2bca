// SPDX-License-Identifier: GPL-2.0-or-later
/* recover.c - before a guest starts: finish interrupted patches of its disks */

#include "hook/lifecycle/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/shared/file.h"
#include "helper/shared/log.h"
#include "helper/shared/refusal.h"
#include "hook/disk/guestdisk.h"
#include "hook/host/cure.h"
#include "hook/host/qemuuser.h"
#include "hook/image/diskimage.h"
#include "hook/phase/writable.h"
#include "hook/recovery/journal.h"
#include "hook/state/story.h"

static int recover_disk(const struct domain *domain, const xmlNode *disk,
			const struct guestdisk_options *options, struct error *err)
{
	struct access_user qemu;
	struct guestdisk image = { .qemu = qemu_user(NULL, domain, &qemu) ? &qemu : NULL };
	struct disk_image file;
	struct error why = { 0 };
	char target[TARGET_SIZE] = "?";
	int r;

	disk_target(disk, target, sizeof(target));
	/* A disk that busflip can't read was not patched; if it does not exist, libvirt will
	 * report it. */
	if (disk_image_of(disk, &file, err) < 0)
		return err->code == ENOTSUP || err->code == ENOENT || err->code == EAGAIN ? 0 :
			error_prefix(err, "its disk %s may be half patched, and its location can't "
				     "be read", target);
	image.path = file.path;
	image.format = file.format;
	if (writable_check(disk, &why) < 0) {
		r = guestdisk_is_half_patched(&image, options, err);
		if (r > 0)
			return fail(err, EPERM, "%s; it is half patched: first start the domain "
				    "that owns that disk, or run busflip inspect on it",
				    why.msg);
		return r < 0 && err->code != ENOENT ? -1 : 0;
	}
	r = guestdisk_recover(&image, options, err);
	if (r < 0 && err->code == ENOENT)
		return 0;
	if (r > 0)
		story_tell(LOG_LEVEL_NOTICE, domain->name, domain->uuid,
			   "disk %s (%s): an interrupted patch was finished before the start",
			   target, file.path);
	if (r >= 0)
		return 0;
	if (err->code == REFUSE_JOURNAL)
		return error_prefix(err, "a patch of its disk %s was interrupted, and something "
				    "else has changed the disk since; restore it from a backup, or "
				    "remove the journal named here to start it as it is", target);
	cure_append(err);
	return error_prefix(err, "its disk %s is half patched; the patch must be finished before "
			    "the start, and that failed; fix this and start it again", target);
}

int recover_disks(const struct domain *domain, struct error *err)
{
	struct guestdisk_options options = guestdisk_defaults();
	const xmlNode *disk;

	if (!any_journal())
		return 0;
	options.deadline = monotonic_ms() + options.timeout_ms;
	for (disk = xml_child(domain->devices, "disk"); disk;
	     disk = xml_next(disk, "disk"))
		if (disk_is_hard_disk(disk) && recover_disk(domain, disk, &options, err) < 0)
			return -1;
	return 0;
}
