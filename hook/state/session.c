// SPDX-License-Identifier: GPL-2.0-or-later
/* session.c - what is recorded at the beginning of a domain's session, for its end */

#include "hook/state/session.h"

#include <errno.h>
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

static bool note_path(const char *uuid, char *path, size_t size)
{
	return uuid_ok(uuid) && str_printf(path, size, SESSION_FOLDER "/%s", uuid);
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
	{ "restart", RECORD_FLAG, MEMBER(restart), NULL },
	{ "over", RECORD_FLAG, MEMBER(over), NULL },
	{ "failed", RECORD_INT, MEMBER(failed), NULL },
	{ "front", RECORD_INT, MEMBER(front), NULL },
	{ "job", RECORD_FLAG, MEMBER(job), NULL },
};

int session_write(const struct session_note *n, struct error *err)
{
	char path[512];

	if (!note_path(n->uuid, path, sizeof(path)))
		return fail(err, EINVAL, "%s is not a UUID", n->uuid);
	if (folder_make(BUSFLIP_STATEDIR, 0755, err) < 0 ||
	    folder_make(SESSION_FOLDER, 0700, err) < 0)
		return -1;
	return record_write(path, fields, ARRAY_SIZE(fields), n, err);
}

int session_read(const char *uuid, struct session_note *note)
{
	char path[512];
	struct error ignored;

	memset(note, 0, sizeof(*note));
	str_fits(note->uuid, sizeof(note->uuid), uuid);
	return note_path(uuid, path, sizeof(path)) &&
	       record_read(path, fields, ARRAY_SIZE(fields), note, &ignored) == 1 &&
	       note->phase != PHASE_COUNT;
}

void session_remove(const char *uuid)
{
	char path[512];

	if (note_path(uuid, path, sizeof(path)))
		unlink(path);
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
