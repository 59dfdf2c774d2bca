// SPDX-License-Identifier: GPL-2.0-or-later
/* session.c - what is recorded at the beginning of a domain's session, for its end */

#include "hook/state/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/text.h"
#include "helper/shared/uuid.h"
#include "hook/state/pending.h"

#define NOTE_LIMIT 2048
/* 1601 to 1970 in seconds (ULARGE_INTEGER arithmetic of the Windows SDK). */
#define EPOCH UINT64_C(11644473600)

uint64_t filetime_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ((uint64_t)now.tv_sec + EPOCH) * 10000000 + (uint64_t)now.tv_nsec / 100;
}

static bool note_path(const char *uuid, char *path, size_t size)
{
	return uuid_ok(uuid) && str_printf(path, size, SESSION_FOLDER "/%s", uuid);
}

int session_write(const struct session_note *n, struct error *err)
{
	char path[512], text[NOTE_LIMIT], why[256], since[24];

	if (!note_path(n->uuid, path, sizeof(path)))
		return fail(err, EINVAL, "%s is not a UUID", n->uuid);
	if (folder_make(BUSFLIP_STATEDIR, 0755, err) < 0 ||
	    folder_make(SESSION_FOLDER, 0700, err) < 0)
		return -1;
	str_fits(why, sizeof(why), n->why);
	make_printable(why);
	memcpy(since, n->since, sizeof(since));
	make_printable(since);
	if (!str_printf(text, sizeof(text),
			"busflip 1\nphase %s\nsince %s\nfrom %llu\nread %d\nwhy %s\nbefore %d\n"
			"last_use %llu\nshutdown %llu\nboot_id %u\nwrites %d\nrestart %d\n"
			"over %d\nfailed %d\nfront %d\njob %d\nend\n",
			phase_name(n->phase), since, (unsigned long long)n->from,
			n->read, why, n->has_before, (unsigned long long)n->last_use,
			(unsigned long long)n->shutdown, n->boot_id, n->writes_seen,
			n->restart, n->over, n->failed, n->front, n->job))
		return fail(err, EINVAL, "session record too long");
	return file_replace(path, text, strlen(text), 0600, err);
}

static bool value_of(const char *line, const char *key, const char **value)
{
	size_t n = strlen(key);

	*value = line + n + 1;
	return strncmp(line, key, n) == 0 && line[n] == ' ';
}

static void parse_line(struct session_note *n, const char *line)
{
	const char *value;

	if (value_of(line, "phase", &value))
		n->phase = phase_parse(value);
	else if (value_of(line, "since", &value))
		str_fits(n->since, sizeof(n->since), value);
	else if (value_of(line, "from", &value))
		n->from = strtoull(value, NULL, 10);
	else if (value_of(line, "read", &value))
		n->read = strcmp(value, "1") == 0;
	else if (value_of(line, "why", &value))
		str_fits(n->why, sizeof(n->why), value);
	else if (value_of(line, "before", &value))
		n->has_before = strcmp(value, "1") == 0;
	else if (value_of(line, "last_use", &value))
		n->last_use = strtoull(value, NULL, 10);
	else if (value_of(line, "shutdown", &value))
		n->shutdown = strtoull(value, NULL, 10);
	else if (value_of(line, "writes", &value))
		n->writes_seen = strcmp(value, "1") == 0;
	else if (value_of(line, "restart", &value))
		n->restart = strcmp(value, "1") == 0;
	else if (value_of(line, "front", &value))
		n->front = (int)strtol(value, NULL, 10);
	else if (value_of(line, "failed", &value))
		n->failed = (int)strtol(value, NULL, 10);
	else if (value_of(line, "job", &value))
		n->job = strcmp(value, "1") == 0;
	else if (value_of(line, "over", &value))
		n->over = strcmp(value, "1") == 0;
	else if (value_of(line, "boot_id", &value))
		n->boot_id = (uint32_t)strtoul(value, NULL, 10);
}

int session_read(const char *uuid, struct session_note *note)
{
	AUTO_FREE char *text = NULL;
	AUTO_FD int fd = -1;
	char path[512], *line, *save = NULL;
	struct error err;
	bool whole = false;
	size_t len;

	memset(note, 0, sizeof(*note));
	if (!note_path(uuid, path, sizeof(path)))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || read_all(fd, NOTE_LIMIT, &text, &len, &err) < 0)
		return 0;
	line = strtok_r(text, "\n", &save);
	if (!line || strcmp(line, "busflip 1") != 0)
		return 0;
	while ((line = strtok_r(NULL, "\n", &save))) {
		parse_line(note, line);
		whole = strcmp(line, "end") == 0;
	}
	str_fits(note->uuid, sizeof(note->uuid), uuid);
	return whole && note->phase != PHASE_COUNT;
}

void session_remove(const char *uuid)
{
	char path[512];

	if (note_path(uuid, path, sizeof(path)))
		unlink(path);
}

bool session_is_of(const struct session_note *note, enum phase phase, const char *since)
{
	char text[sizeof(note->since)];

	str_fits(text, sizeof(text), since);
	make_printable(text);
	return note->phase == phase && strcmp(note->since, text) == 0;
}

bool session_led_to(const struct session_note *note, enum phase phase, const char *since)
{
	char began[SESSION_TIME];

	session_began(note, began);
	/* Both have the same format, in which later times sort after earlier ones. */
	if (strcmp(since, began) < 0)
		return false;
	return (note->phase == PHASE_STAGED && phase == PHASE_TRIAL) ||
	       (note->phase == PHASE_TRIAL && phase == PHASE_DONE) ||
	       (note->phase != phase && phase == PHASE_HELD);
}

void session_compare(const struct session_note *note, struct job *job)
{
	job->run_from = note->from;
	job->run_to = filetime_now();
	job->has_before = note->has_before;
	job->before_last_use = note->last_use;
	job->before_shutdown = note->shutdown;
	job->before_boot_id = note->boot_id;
}

bool session_since(const char *since, struct job *job)
{
	const char *end;
	struct tm tm;
	time_t when;

	memset(&tm, 0, sizeof(tm));
	end = strptime(since, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end)
		return false;
	when = timegm(&tm);
	if (when < 0)
		return false;
	job->run_from = ((uint64_t)when + EPOCH) * 10000000;
	job->run_to = filetime_now();
	return true;
}

void session_began(const struct session_note *note, char text[SESSION_TIME])
{
	time_t when = (time_t)(note->from / 10000000) - (time_t)EPOCH;
	struct tm tm;

	if (!gmtime_r(&when, &tm) ||
	    !strftime(text, SESSION_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm))
		text[0] = '\0';
}
