/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backup-internal.h - what the two files of backup.h share */
#ifndef BUSFLIP_BACKUP_INTERNAL_H
#define BUSFLIP_BACKUP_INTERNAL_H

#include "hook/recovery/backup.h"

#include <dirent.h>
#include <limits.h>

#include "hook/state/record.h"

#define BACKUP_INFO "patch.info"
#define BACKUP_INFO_LIMIT 16384	/* bytes */

/* All lines of it except the last one, as members of struct backup. The last one is "image=":
 * a path may contain any byte except NUL. */
#define BACKUP_FIELDS 6
extern const struct record_field backup_fields[BACKUP_FIELDS];

/* backup_is_finished() - for scandir(): names of finished backups begin with a digit, of
 * unfinished ones with a dot. */
int backup_is_finished(const struct dirent *e);

#define BACKUP_NAME (NAME_MAX + 1)

/* backup_newest_name() - the name that sorts last of all finished backups in all folders of
 * @state; stays as it is if there is none. */
void backup_newest_name(const char *state, char newest[BACKUP_NAME]);

/* backup_read_image() - of which image the one @name in @folder is; false: it is damaged. */
bool backup_read_image(const char *folder, const char *name, char image[4096]);

#endif
