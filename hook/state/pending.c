// SPDX-License-Identifier: GPL-2.0-or-later
/* pending.c - a step that a hook has recorded for a later process */

#include "hook/state/pending.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/uuid.h"
#include "hook/state/lock.h"
#include "hook/state/record.h"

static const char *const kinds[] = {
	[PENDING_RELEASE] = "release", [PENDING_BOUNCE] = "bounce", [PENDING_RESTART] = "restart",
	NULL,
};

#define MEMBER(member) RECORD_MEMBER(struct pending, member)
static const struct record_field fields[] = {
	{ "kind", RECORD_WORD, MEMBER(kind), kinds },
	{ "name", RECORD_TEXT, MEMBER(name), NULL },
	{ "session", RECORD_PHASE, MEMBER(session), NULL },
	{ "reason", RECORD_TEXT, MEMBER(reason), NULL },
	{ "logged", RECORD_TEXT, MEMBER(logged), NULL },
	{ "excused", RECORD_FLAG, MEMBER(excused), NULL },
	{ "asking", RECORD_FLAG, MEMBER(asking), NULL },
	{ "disk", RECORD_TEXT, MEMBER(disk), NULL },
	{ "disk_why", RECORD_TEXT, MEMBER(disk_why), NULL },
	{ "writes", RECORD_FLAG, MEMBER(writes), NULL },
	{ "restart", RECORD_FLAG, MEMBER(restart), NULL },
	{ "begun", RECORD_FLAG, MEMBER(begun), NULL },
	{ "id", RECORD_INT, MEMBER(id), NULL },
	{ "paused", RECORD_FLAG, MEMBER(paused), NULL },
	{ "at", RECORD_INT, MEMBER(at), NULL },
	{ "boot", RECORD_TEXT, MEMBER(boot), NULL },
	{ "token", RECORD_TEXT, MEMBER(token), NULL },
};

static bool record_path(const char *uuid, char *path, size_t size)
{
	return uuid_ok(uuid) && str_printf(path, size, PENDING_FOLDER "/%s", uuid);
}

void pending_new(struct pending *pending, enum pending_kind kind,
		 const char *uuid, const char *name)
{
	memset(pending, 0, sizeof(*pending));
	pending->kind = kind;
	str_fits(pending->uuid, sizeof(pending->uuid), uuid);
	str_fits(pending->name, sizeof(pending->name), name);
	boot_id_read(pending->boot);
	pending->at = uptime_ms();
	pending->id = -1;
}

long long pending_age(const struct pending *pending)
{
	long long age = uptime_ms() - pending->at;
	char now[BOOT_ID];

	return boot_id_read(now) && strcmp(now, pending->boot) == 0 && age >= 0 ? age : -1;
}

/* A process may write a record twice in one millisecond. */
static void new_token(struct pending *p)
{
	static unsigned int count;

	str_printf(p->token, sizeof(p->token), "%x-%llx-%x", (unsigned)getpid() & 0xffffff,
		   (unsigned long long)uptime_ms(), count++ & 0xff);
}

int pending_write(struct pending *p, struct error *err)
{
	char path[512];

	new_token(p);
	if (!record_path(p->uuid, path, sizeof(path)))
		return fail(err, EINVAL, "%s is not a UUID", p->uuid);
	if (state_folders_make(err) < 0)
		return -1;
	return record_write(path, fields, ARRAY_SIZE(fields), p, err);
}

int pending_read(const char *uuid, struct pending *pending, struct error *err)
{
	char path[512];
	int r;

	memset(pending, 0, sizeof(*pending));
	if (!record_path(uuid, path, sizeof(path)))
		return fail(err, EINVAL, "%s is not a UUID", uuid);
	r = record_read(path, fields, ARRAY_SIZE(fields), pending, err);
	str_fits(pending->uuid, sizeof(pending->uuid), uuid);
	if (r > 0 && pending->session == PHASE_COUNT)
		return fail(err, EINVAL, "%s is not a record of busflip", path);
	return r;
}

void pending_discard(const char *uuid)
{
	char path[512];

	if (record_path(uuid, path, sizeof(path)))
		unlink(path);
}

void pending_remove(const struct pending *pending)
{
	struct pending now;
	struct error err;

	if (pending_read(pending->uuid, &now, &err) == 1 &&
	    strcmp(now.token, pending->token) == 0)
		pending_discard(pending->uuid);
}

bool pending_exists(const char *uuid)
{
	char path[512];

	return record_path(uuid, path, sizeof(path)) && access(path, F_OK) == 0;
}

bool pending_is_restart(const char *uuid)
{
	struct pending pending;
	struct error ignored;
	long long age;

	if (pending_read(uuid, &pending, &ignored) != 1 ||
	    !(pending.kind == PENDING_RESTART || (pending.asking && pending.restart)))
		return false;
	age = pending_age(&pending);
	return age >= 0 && age <= PENDING_RESTART_MS;
}

void pending_sweep(void)
{
	file_replace_sweep(PENDING_FOLDER);
}

void pending_each(void (*each)(void *context, const char *uuid), void *context)
{
	DIR *folder = opendir(PENDING_FOLDER);
	struct dirent *entry;

	if (!folder)
		return;
	while ((entry = readdir(folder)))
		if (uuid_ok(entry->d_name))
			each(context, entry->d_name);
	closedir(folder);
}
