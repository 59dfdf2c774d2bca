// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * clean.c - remove data of domains and disks that no longer exist
 *
 * Registries, session notes and stories outlive their domain, because a domain may be defined
 * again under the same UUID, or its disk may be used by another one. They are useless once
 * libvirt does not have the domain and its disk is gone as well; so is the journal of an
 * interrupted patch once its image is gone.
 */

#include "hook/command/command.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/json.h"
#include "helper/shared/text.h"
#include "helper/shared/uuid.h"
#include "hook/libvirt/virt.h"
#include "hook/recovery/backup.h"
#include "hook/recovery/journal.h"
#include "hook/recovery/orphan.h"
#include "hook/state/lock.h"
#include "hook/state/pending.h"
#include "hook/state/session.h"
#include "hook/state/story.h"

/* Names in the first folder are UUIDs of domains, and image-HASH for disks given by path; in
 * the others, UUIDs. */
static const char *const folders[] = { BUSFLIP_STATEDIR, SESSION_FOLDER, LAST_FOLDER,
				      STORY_FOLDER };

#define LOCK_SECONDS 10

struct cleaning {
	const struct command_line *line;
	struct virt *virt;
	int removed, left, code;
	long long bytes;
};

static long long bytes;	/* nftw() passes no context */

static int count_bytes(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)path, (void)kind, (void)ftw;
	bytes += (long long)st->st_blocks * 512;
	return 0;
}

static long long size_of(const char *name)
{
	char path[512];

	bytes = 0;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (str_printf(path, sizeof(path), "%s/%s", folders[i], name))
			nftw(path, count_bytes, 8, FTW_PHYS);
	return bytes;
}

/* Return 1 if it exists, 0 if not, -1 on error. */
static int domain_exists(struct virt *virt, const char *uuid, struct error *err)
{
	AUTO_VIRT_DOMAIN struct virt_domain *dom = NULL;

	if (virt_find(virt, uuid, &dom, err) == 0)
		return 1;
	return err->code == ENOENT ? 0 : -1;
}

static int clean_failed(struct cleaning *c, const char *name, const struct error *err)
{
	complain("%s: %s; left as it is", name, err->msg);
	c->code = EXIT_FAILED;
	return -1;
}

static int remove_all(const char *name, const char *folder, struct error *err)
{
	if (backup_remove(folder, err) < 0)
		return -1;
	if (uuid_ok(name)) {
		session_remove(name);
		story_remove(name);
	}
	return 0;
}

static void clean_one(struct cleaning *c, const char *name)
{
	char folder[512], image[4096], last[4096 + 64] = "";
	struct error err = { 0 };
	AUTO_FD int lock = -1;
	long long size = size_of(name);
	int exists = 0;

	if (!str_printf(folder, sizeof(folder), "%s/%s", folders[0], name))
		return;
	if (uuid_ok(name)) {
		lock = domain_lock(name, LOCK_SECONDS, &err);
		exists = lock < 0 ? -1 : domain_exists(c->virt, name, &err);
	}
	if (exists == 0)
		exists = 2 * backup_image(folder, image, &err);
	if (exists < 0) {
		clean_failed(c, name, &err);
		return;
	}
	if (exists) {
		if (exists == 2) {
			printf("%s: kept, since its disk still exists: ", name);
			text_safe(stdout, image);
			putchar('\n');
			c->left++;
		}
		return;
	}
	if (!c->line->dry_run && remove_all(name, folder, &err) < 0) {
		clean_failed(c, name, &err);
		return;
	}
	if (image[0])
		snprintf(last, sizeof(last), ", of %s", image);
	printf("%s: %s, %lld KiB", name, c->line->dry_run ? "to be removed" : "removed",
	       size / 1024);
	text_safe(stdout, last);
	putchar('\n');
	c->removed++;
	c->bytes += size;
}

static bool is_in_an_earlier_folder(size_t folder, const char *name)
{
	char path[512];

	for (size_t i = 0; i < folder; i++)
		if (str_printf(path, sizeof(path), "%s/%s", folders[i], name) &&
		    access(path, F_OK) == 0)
			return true;
	return false;
}

static void clean_folder(struct cleaning *c, size_t folder)
{
	struct dirent **list = NULL;
	int n = scandir(folders[folder], &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		if ((uuid_ok(name) || (folder == 0 && !strncmp(name, "image-", 6))) &&
		    !is_in_an_earlier_folder(folder, name))
			clean_one(c, name);
		free(list[i]);
	}
	free(list);
}

static int clean_journal(void *context, const struct interrupted *patch)
{
	struct cleaning *c = context;
	const char *name = strrchr(patch->journal, '/') + 1;
	char said[8192], cure[4096 + 128];
	struct error err = { 0 };
	struct stat st = { 0 };

	interrupted_say(patch, said, sizeof(said));
	interrupted_cure(patch, cure, sizeof(cure));
	if (!interrupted_is_over(patch)) {
		printf("%s: kept: ", name);
		text_safe(stdout, said);
		if (interrupted_is_orphan(patch)) {
			fputs("; cure: ", stdout);
			text_safe(stdout, cure);
		}
		putchar('\n');
		c->left++;
		return 0;
	}
	stat(patch->journal, &st);
	if (!c->line->dry_run && journal_remove(patch->journal, &err) < 0) {
		clean_failed(c, name, &err);
		return 0;
	}
	printf("%s: %s, %lld KiB: ", name, c->line->dry_run ? "to be removed" : "removed",
	       (long long)st.st_blocks / 2);
	text_safe(stdout, said);
	putchar('\n');
	c->removed++;
	c->bytes += (long long)st.st_blocks * 512;
	return 0;
}

static void clean_journals(struct cleaning *c)
{
	struct error err = { 0 };

	if (interrupted_each(JOURNAL_FOLDER, clean_journal, c, &err) < 0) {
		complain("%s", err.msg);
		c->code = EXIT_FAILED;
	}
	/* Files of patches that were killed before their journal was complete. */
	if (!c->line->dry_run)
		file_replace_sweep(JOURNAL_FOLDER);
}

int command_clean(const struct command_line *line)
{
	AUTO_VIRT struct virt *virt = NULL;
	struct cleaning c = { .line = line };
	struct error err = { 0 };

	/* The libvirt of another host does not have the domains of this host. */
	if (!virt_is_this_system(line->config.uri)) {
		complain("clean removes data of this host's domains, and %s is not this host's "
			 "libvirt: leave out --connect", line->config.uri);
		return EXIT_USAGE;
	}
	if (virt_open(line->config.uri, &virt, &err) < 0) {
		complain("%s", err.msg);
		return EXIT_FAILED;
	}
	c.virt = virt;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		clean_folder(&c, i);
	clean_journals(&c);
	printf("%d %s, %lld KiB; %d left\n", c.removed,
	       line->dry_run ? "to be removed" : "removed", c.bytes / 1024, c.left);
	return finish_stdout(c.code);
}
