// SPDX-License-Identifier: GPL-2.0-or-later
/* guestdisk-kept.c - the backups on the host of the disk that busflip works on */

#include "hook/disk/guestdisk-run.h"

#include <string.h>

#include "helper/shared/file.h"
#include "helper/shared/refusal.h"

bool run_will_write(const struct job *job)
{
	return job->action != JOB_INSPECT && !job->dry_run;
}

int run_find_kept(struct run *s, struct error *err)
{
	if (run_will_write(s->job) && folder_make(BUSFLIP_STATEDIR, 0755, err) < 0)
		return -1;
	if (backup_folder(BUSFLIP_STATEDIR, s->disk->key, s->image.path,
			  s->backups, sizeof(s->backups), err) < 0)
		return -1;
	if (run_will_write(s->job))
		backup_rename_old(BUSFLIP_STATEDIR, s->image.path);
	if (s->job->action != JOB_UNDO)
		return 0;
	backup_close(&s->backup);
	/* With --force the hive is not compared, so use only backups under this disk's own
	 * name. */
	if (backup_open_newest(BUSFLIP_STATEDIR, !s->job->force, s->backups, s->image.path,
			       &s->backup, err) < 0)
		return -1;
	/* Without --force it is restored only where the patch was made: the hive is compared. */
	if (s->job->force && strcmp(s->backup.image, s->image.path) != 0)
		return fail(err, REFUSE_NO_BACKUP, "the backup (%s) is of %s, not of this disk: "
			    "busflip does not write it to another disk",
			    s->backup.path, s->backup.image);
	return 0;
}
