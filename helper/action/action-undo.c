// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * action-undo.c - restore the hive from the backup made before a patch
 *
 * Only if the hive and its logs are still as the patch left them: anything that Windows has
 * written since would be lost. With force it is lost: then the logs are restored too, otherwise
 * Windows would replay new entries into the old hive.
 */

#include "helper/action/actions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "helper/shared/crc32.h"
#include "helper/shared/file.h"

#define HIVE_FILE_LIMIT (256u * 1024 * 1024)

struct bytes {
	uint8_t *data;
	size_t len;
};

static const char *const suffixes[] = { "", ".LOG1", ".LOG2" };

static int read_kept(int fd, struct bytes *b, struct error *err)
{
	char *data = NULL;

	/* busflip leaves the descriptor closed if there was no such log. */
	if (fcntl(fd, F_GETFD) < 0)
		return 0;
	if (read_all(fd, HIVE_FILE_LIMIT, &data, &b->len, err) < 0)
		return error_prefix(err, "the hive that was kept");
	b->data = (uint8_t *)data;
	return 0;
}

static int read_guest(struct volume *vol, const char *path, struct bytes *b,
		      struct error *err)
{
	struct error why;

	if (volume_read(vol, path, HIVE_FILE_LIMIT, &b->data, &b->len,
			&why) == 0)
		return 0;
	if (why.code == ENOENT)
		return 0;
	if (err)
		*err = why;
	return -1;
}

static bool is_as_patched(const struct job_hive_mark *mark,
			  const struct bytes *now)
{
	return now->len >= JOB_HIVE_HEAD && now->len == mark->size &&
	       get_le32(now->data + 4) == mark->sequence &&
	       crc32_update(0, now->data, JOB_HIVE_HEAD) == mark->crc;
}

static bool equal(const struct bytes *a, const struct bytes *b)
{
	return a->len == b->len &&
	       (!a->len || memcmp(a->data, b->data, a->len) == 0);
}

static int check_unmoved(const struct action *action, const struct bytes now[3],
			 const struct bytes kept[3], struct error *err)
{
	bool moved = !is_as_patched(&action->job->patched, &now[0]);

	/* Windows writes its logs first and the hive later. */
	for (size_t i = 1; i < 3; i++)
		moved |= kept[i].len && !equal(&now[i], &kept[i]);
	if (!moved || action->job->force || equal(&now[0], &kept[0]))
		return 0;
	return fail(err, REFUSE_MOVED_ON,
		    "Windows has written to its registry since the patch; --force restores the old "
		    "registry and loses that");
}

static int restore_file(struct action *action, const char *path,
			const struct bytes *now, const struct bytes *kept,
			struct error *err)
{
	/* The hive does not need a log that was not backed up or does not exist any more. */
	if (!kept->len || !now->data || equal(now, kept))
		return 0;
	return volume_write(action->targets.volume, path,
			    &(struct file_content){ .data = kept->data,
						    .len = kept->len,
						    .old = now->data,
						    .old_len = now->len }, err);
}

static int undo(struct action *action, struct bytes now[3],
		struct bytes kept[3], struct error *err)
{
	char path[3][sizeof(action->job->hive_path) + 8];

	for (size_t i = 0; i < 3; i++) {
		if (!str_printf(path[i], sizeof(path[i]), "%s%s",
				action->job->hive_path, suffixes[i]))
			return fail(err, EPROTO, "%s: path too long", action->job->hive_path);
		if (read_kept(JOB_FD_HIVE + (int)i, &kept[i], err) < 0 ||
		    read_guest(action->targets.volume, path[i], &now[i], err))
			return -1;
	}
	if (!kept[0].len || !now[0].data)
		return fail(err, REFUSE_NO_BACKUP, "there is no hive to restore, or none to "
			    "replace: is it still the Windows that was patched?");
	if (check_unmoved(action, now, kept, err) < 0)
		return -1;
	for (size_t i = 0; i < 3; i++)
		if (restore_file(action, path[i], &now[i], &kept[i], err) < 0)
			return -1;
	return reply_pages(action, err);
}

int action_undo(struct action *action, struct error *err)
{
	struct bytes now[3] = { { 0 } }, kept[3] = { { 0 } };
	int r = undo(action, now, kept, err);

	for (size_t i = 0; i < 3; i++) {
		free(now[i].data);
		free(kept[i].data);
	}
	return r;
}
