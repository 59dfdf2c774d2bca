/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.h - find every Windows on a disk, and choose the one to work on
 *
 * A Windows is a folder in the root of an NTFS volume that has System32/config/SYSTEM. Volumes
 * that can't be read (BitLocker, damaged) are recorded with the reason, for the message that no
 * Windows was found.
 */
#ifndef BUSFLIP_TARGET_H
#define BUSFLIP_TARGET_H

#include "helper/image/partition.h"
#include "helper/ntfs/ntfs.h"

#define TARGET_LIMIT 16

struct target {
	const struct partition *part;
	char root[256 * 3];		/* "Windows" */
};

struct targets {
	unsigned int only;		/* the partition that was searched; 0: all */
	size_t count;
	struct target list[TARGET_LIMIT];
	struct error obstacle;		/* code 0: all volumes could be read */
	bool loader;			/* a volume has the boot loader for a BIOS, which may be
					 * on another disk than Windows */
	/* The volume of the last Windows found stays open, since most disks have one and it is
	 * needed next. The caller closes it. */
	struct volume *volume;
	struct volume_health health;	/* of it */
	struct error read_only;		/* code 0, or why it was not opened for writing as
					 * requested */
};

/*
 * target_find() - search all NTFS volumes, or partition @only (0: all)
 *
 * @writable: open volumes for writing if they allow it. A Windows on a volume that does not is
 * found all the same; then @targets->volume is read-only and target_check_writable() returns
 * the reason. @targets must be zero.
 */
int target_find(struct image *image, const struct partition_table *table,
		unsigned int only, bool writable, struct targets *targets,
		struct error *err);

/* target_choose() - the only Windows; or -1 with REFUSE_SEVERAL_WINDOWS, which names them all,
 * or the reason why there is none. */
int target_choose(const struct partition_table *table,
		  const struct targets *targets, struct error *err);

/* target_check_writable() - -1 if the disk or the volume of the chosen Windows must not be
 * written to, with the reason. */
int target_check_writable(const struct targets *targets, struct error *err);

#endif
