// SPDX-License-Identifier: GPL-2.0-or-later
/* pending.c - a step that a hook has recorded for a later process */

#include "hook/state/pending.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/text.h"
#include "helper/shared/uuid.h"
#include "hook/state/lock.h"

/* A record is a dozen short lines; a larger file is not a record. */
#define RECORD_LIMIT 4096

static bool record_path(const char *uuid, char *path, size_t size)
{
	return uuid_ok(uuid) && str_printf(path, size, PENDING_FOLDER "/%s", uuid);
}

static long long uptime_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
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
	str_printf(pending->token, sizeof(pending->token), "%x-%llx",
		   (unsigned)getpid() & 0xffffff, (unsigned long long)pending->at);
}

long long pending_age(const struct pending *pending)
{
	long long age = uptime_ms() - pending->at;
	char now[BOOT_ID];

	return boot_id_read(now) && strcmp(now, pending->boot) == 0 && age >= 0 ? age : -1;
}

int pending_write(const struct pending *p, struct error *err)
{
	char path[512], text[RECORD_LIMIT], name[256], reason[24], logged[24],
		why[256];

	if (!record_path(p->uuid, path, sizeof(path)))
		return fail(err, EINVAL, "%s is not a UUID", p->uuid);
	if (state_folders_make(err) < 0)
		return -1;
	/* A newline in one of these values would begin another line. */
	str_fits(name, sizeof(name), p->name);
	str_fits(reason, sizeof(reason), p->reason);
	str_fits(logged, sizeof(logged), p->logged);
	str_fits(why, sizeof(why), p->disk_why);
	make_printable(why);
	make_printable(name);
	make_printable(reason);
	make_printable(logged);
	if (!str_printf(text, sizeof(text),
			"busflip 1\nkind %s\nname %s\nsession %s\nreason %s\n"
			"logged %s\nexcused %d\ndisk %s\ndisk_why %s\nbegun %d\nid %d\npaused %d\n"
			"at %lld\nboot %s\ntoken %s\nend\n",
			p->kind == PENDING_BOUNCE ? "bounce" : "release", name,
			phase_name(p->session), reason, logged, p->excused, p->disk,
			why, p->begun, p->id, p->paused, p->at, p->boot, p->token))
		return fail(err, EINVAL, "pending record too long");
	return file_replace(path, text, strlen(text), 0600, err);
}

static bool copy_value(char *dst, size_t size, const char *line, const char *key)
{
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 && line[n] == ' ' &&
	       str_fits(dst, size, line + n + 1);
}

static void parse_line(struct pending *p, const char *line)
{
	char word[24];

	if (copy_value(word, sizeof(word), line, "kind"))
		p->kind = strcmp(word, "bounce") == 0 ? PENDING_BOUNCE : PENDING_RELEASE;
	else if (copy_value(word, sizeof(word), line, "session"))
		p->session = phase_parse(word);
	else if (copy_value(word, sizeof(word), line, "begun"))
		p->begun = strcmp(word, "1") == 0;
	else if (copy_value(word, sizeof(word), line, "excused"))
		p->excused = strcmp(word, "1") == 0;
	else if (copy_value(word, sizeof(word), line, "id"))
		p->id = (int)strtol(word, NULL, 10);
	else if (copy_value(word, sizeof(word), line, "at"))
		p->at = strtoll(word, NULL, 10);
	else if (copy_value(word, sizeof(word), line, "paused"))
		p->paused = strcmp(word, "1") == 0;
	else
		(void)(copy_value(p->name, sizeof(p->name), line, "name") ||
		       copy_value(p->reason, sizeof(p->reason), line, "reason") ||
		       copy_value(p->logged, sizeof(p->logged), line, "logged") ||
		       copy_value(p->disk, sizeof(p->disk), line, "disk") ||
		       copy_value(p->disk_why, sizeof(p->disk_why), line, "disk_why") ||
		       copy_value(p->boot, sizeof(p->boot), line, "boot") ||
		       copy_value(p->token, sizeof(p->token), line, "token"));
}

int pending_read(const char *uuid, struct pending *pending, struct error *err)
{
	AUTO_FREE char *text = NULL;
	AUTO_FD int fd = -1;
	char path[512], *line, *save = NULL;
	bool first = true, whole = false;
	size_t len;

	memset(pending, 0, sizeof(*pending));
	if (!record_path(uuid, path, sizeof(path)))
		return fail(err, EINVAL, "%s is not a UUID", uuid);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail_errno(err, "cannot open %s", path);
	if (read_all(fd, RECORD_LIMIT, &text, &len, err) < 0)
		return error_prefix(err, "%s", path);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (first && strcmp(line, "busflip 1") != 0)
			break;
		first = false;
		whole = strcmp(line, "end") == 0;
		parse_line(pending, line);
	}
	str_fits(pending->uuid, sizeof(pending->uuid), uuid);
	if (!whole || pending->session == PHASE_COUNT)
		return fail(err, EINVAL, "%s is not a record of busflip", path);
	return 1;
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
