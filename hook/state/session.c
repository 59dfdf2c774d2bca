// SPDX-License-Identifier: GPL-2.0-or-later
/* session.c - what is recorded at the beginning of a domain's session, for its end */

#include "hook/state/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/text.h"
#include "helper/shared/uuid.h"
#include "hook/state/record.h"

/* 1601 to 1970 in seconds (ULARGE_INTEGER arithmetic of the Windows SDK). */
#define EPOCH UINT64_C(11644473600)

uint64_t filetime_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ((uint64_t)now.tv_sec + EPOCH) * 10000000 + (uint64_t)now.tv_nsec / 100;
}

static bool note_path(const char *folder, const char *uuid, char *path, size_t size)
{
	return uuid_ok(uuid) && str_printf(path, size, "%s/%s", folder, uuid);
}

#define MEMBER(member) RECORD_MEMBER(struct session_note, member)
#define BEFORE \
	{ "last_use", RECORD_UINT, MEMBER(last_use), NULL }, \
	{ "shutdown", RECORD_UINT, MEMBER(shutdown), NULL }, \
	{ "boot_id", RECORD_UINT, MEMBER(boot_id), NULL }

/* Of these the helper tells, of nothing else in a note. */
static const struct record_field before[] = { BEFORE };
static const struct record_field fields[] = {
	{ "phase", RECORD_PHASE, MEMBER(phase), NULL },
	{ "since", RECORD_TEXT, MEMBER(since), NULL },
	{ "from", RECORD_UINT, MEMBER(from), NULL },
	{ "read", RECORD_FLAG, MEMBER(read), NULL },
	{ "why", RECORD_TEXT, MEMBER(why), NULL },
	{ "before", RECORD_FLAG, MEMBER(has_before), NULL },
	BEFORE,
	{ "writes", RECORD_FLAG, MEMBER(writes_seen), NULL },
	{ "failed", RECORD_INT, MEMBER(failed), NULL },
	{ "front", RECORD_INT, MEMBER(front), NULL },
	{ "job", RECORD_FLAG, MEMBER(job), NULL },
	/* Of a former version; only read. */
	{ "restart", RECORD_FLAG, MEMBER(restart), NULL },
	{ "over", RECORD_FLAG, MEMBER(over), NULL },
};
#define WRITTEN (ARRAY_SIZE(fields) - 2)

int session_write(const struct session_note *n, struct error *err)
{
	char path[512];

	if (!note_path(SESSION_FOLDER, n->uuid, path, sizeof(path)))
		return fail(err, EINVAL, "%s is not a UUID", n->uuid);
	if (folder_make(BUSFLIP_STATEDIR, 0755, err) < 0 ||
	    folder_make(SESSION_FOLDER, 0700, err) < 0)
		return -1;
	if (record_write(path, fields, WRITTEN, n, err) < 0)
		return -1;
	if (note_path(LAST_FOLDER, n->uuid, path, sizeof(path)))
		unlink(path);
	return 0;
}

/* Behind an empty line: the last one may have been cut off, with its host. */
static int append(const char *uuid, const char *line, struct error *err)
{
	AUTO_FD int fd = -1;
	char path[512], text[64];

	if (!note_path(SESSION_FOLDER, uuid, path, sizeof(path)))
		return fail(err, EINVAL, "%s is not a UUID", uuid);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail_errno(err, "cannot open %s", path);
	snprintf(text, sizeof(text), "\n%s\n", line);
	if (write_all(fd, text, strlen(text), err) < 0)
		return error_prefix(err, "%s", path);
	return fdatasync(fd) < 0 ? fail_errno(err, "cannot sync %s", path) : 0;
}

int session_add_writes(const char *uuid, struct error *err)
{
	return append(uuid, "writes 1", err);
}

int session_add_job(const char *uuid, struct error *err)
{
	return append(uuid, "job 1", err);
}

int session_end(const char *uuid, int failed, struct error *err)
{
	char line[32], from[512], to[512];
	int r;

	snprintf(line, sizeof(line), "failed %d", failed);
	r = append(uuid, line, err);
	if (!note_path(SESSION_FOLDER, uuid, from, sizeof(from)) ||
	    !note_path(LAST_FOLDER, uuid, to, sizeof(to)))
		return -1;
	if (r == 0)
		r = folder_make(LAST_FOLDER, 0700, err);
	if (r == 0 && rename(from, to) < 0 && errno != ENOENT)
		r = fail_errno(err, "cannot rename %s", from);
	/* Nothing is better than the note of another session. */
	if (r < 0)
		unlink(from);
	return r;
}

static bool read_note(const char *folder, const char *uuid, struct session_note *note)
{
	char path[512];
	struct error ignored;

	memset(note, 0, sizeof(*note));
	str_fits(note->uuid, sizeof(note->uuid), uuid);
	return note_path(folder, uuid, path, sizeof(path)) &&
	       record_read(path, fields, ARRAY_SIZE(fields), note, &ignored) == 1 &&
	       note->phase != PHASE_COUNT;
}

int session_read(const char *uuid, struct session_note *note)
{
	return read_note(SESSION_FOLDER, uuid, note) && !note->over;
}

int session_read_last(const char *uuid, struct session_note *note)
{
	return read_note(LAST_FOLDER, uuid, note) ||
	       (read_note(SESSION_FOLDER, uuid, note) && note->over);
}

int session_read_any(const char *uuid, struct session_note *note)
{
	return session_read(uuid, note) || session_read_last(uuid, note);
}

void session_remove(const char *uuid)
{
	char path[512];

	if (note_path(SESSION_FOLDER, uuid, path, sizeof(path)))
		unlink(path);
	if (note_path(LAST_FOLDER, uuid, path, sizeof(path)))
		unlink(path);
}

void session_sweep(void)
{
	file_replace_sweep(SESSION_FOLDER);
}

void session_read_before(void *context, const char *key, const char *value)
{
	struct session_note *note = context;

	if (record_set(before, ARRAY_SIZE(before), note, key, value) > 0)
		note->has_before = true;
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
