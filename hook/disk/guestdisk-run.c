// SPDX-License-Identifier: GPL-2.0-or-later
/* guestdisk-run.c - one run on a disk: what is open, and its time limit */

#include "hook/disk/guestdisk-run.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "helper/shared/refusal.h"
#include "hook/host/child.h"

int run_left(const struct run *s)
{
	int64_t left = s->deadline - monotonic_ms();

	return left < 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

int run_in_time(const struct run *s, struct error *err)
{
	return run_left(s) ? 0 :
		fail(err, REFUSE_HELPER_DIED, "%s: the time limit of %d ms is over; nothing was "
		     "written", s->image.path, s->options->timeout_ms);
}

int session_begin(struct run *s, const struct guestdisk *disk,
		  const struct guestdisk_options *options, const struct job *job,
		  struct error *err)
{
	memset(s, 0, sizeof(*s));
	s->disk = disk;
	s->options = options;
	s->job = job;
	s->deadline = options->deadline ? options->deadline
					: monotonic_ms() + options->timeout_ms;
	s->reply = s->log = s->keep = s->kept = -1;
	s->lock = imagelock_none();
	s->reader = s->writer = nbdserver_none();
	for (size_t i = 0; i < ARRAY_SIZE(s->backup.files); i++)
		s->backup.files[i] = -1;
	return identity_find(disk->path, &s->image, err);
}

void session_close(struct run *s)
{
	child_kill(&s->helper);
	nbd_client_close(s->nbd);
	s->nbd = NULL;
	if (s->map)
		/* munmap() doesn't write. */
		munmap((void *)(uintptr_t)s->map, s->map_len);
	s->map = NULL;
	memset(&s->parsed, 0, sizeof(s->parsed));
	cleanup_close(&s->reply);
	cleanup_close(&s->log);
	cleanup_close(&s->keep);
	cleanup_close(&s->kept);
	backup_abandon(s->backups, &s->work);
	nbdserver_free(&s->reader);
	nbdserver_free(&s->writer);
	imagelock_release(&s->lock);
}
