// SPDX-License-Identifier: GPL-2.0-or-later
/* story.c - the history of a domain, in dated lines */

#include "hook/state/story.h"

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
#include "helper/shared/log.h"
#include "helper/shared/text.h"
#include "helper/shared/uuid.h"
#include "hook/state/pending.h"

/* A file that has reached the first size is cut to the second. */
#define FILE_LIMIT 65536
#define FILE_KEEP 32768
#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define TIME_LEN 20

static bool story_path(const char *uuid, char *path, size_t size)
{
	return uuid_ok(uuid) && str_printf(path, size, STORY_FOLDER "/%s", uuid);
}

/* ---- writing --------------------------------------------------------------- */

static void cut_down(const char *path, int fd)
{
	char *text = malloc(FILE_KEEP);
	struct stat st;
	const char *line;
	struct error ignored;
	ssize_t n;

	if (text && fstat(fd, &st) == 0 && st.st_size > FILE_KEEP &&
	    (n = pread(fd, text, FILE_KEEP, st.st_size - FILE_KEEP)) > 0 &&
	    (line = memchr(text, '\n', (size_t)n)))
		file_replace(path, line + 1, (size_t)(text + n - line - 1), 0600, &ignored);
	free(text);
}

/* One write for a line, so that lines of two processes are not mixed. Whoever holds the lock
 * is about to write a shorter file: a line may be lost then, which is better than a hook that
 * waits. */
static void keep(const char *uuid, const char *text)
{
	char path[512], line[TIME_LEN + sizeof(((struct story_line *)0)->text) + 2];
	AUTO_FD int fd = -1;
	time_t now = time(NULL);
	struct stat st;
	struct tm tm;
	size_t n;

	if (!story_path(uuid, path, sizeof(path)) || !gmtime_r(&now, &tm))
		return;
	mkdir(BUSFLIP_STATEDIR, 0755);
	mkdir(STORY_FOLDER, 0700);
	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	n = strftime(line, sizeof(line), TIME_FORMAT, &tm);
	if (fd < 0 || n != TIME_LEN)
		return;
	snprintf(line + n, sizeof(line) - n - 1, " %s", text);
	make_printable(line);
	n = strlen(line);
	line[n++] = '\n';
	if (write(fd, line, n) < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > FILE_LIMIT &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0)
		cut_down(path, fd);
}

void story_tell(enum log_level level, const char *name, const char *uuid,
		const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_msg(level, "domain=%s uuid=%s %s", name, uuid, text);
	keep(uuid, text);
}

void story_step(const char *name, const char *uuid, const struct step *step)
{
	char text[sizeof(step->reason) + 32];

	log_msg(LOG_LEVEL_NOTICE, "domain=%s uuid=%s phase=%s->%s reason=\"%s\"", name, uuid,
		phase_name(step->before), phase_name(step->after), step->reason);
	if (step->before == step->after)
		snprintf(text, sizeof(text), "%s: %s", phase_name(step->after),
			 step->reason);
	else
		snprintf(text, sizeof(text), "%s -> %s: %s", phase_name(step->before),
			 phase_name(step->after), step->reason);
	keep(uuid, text);
}

/* ---- reading --------------------------------------------------------------- */

static bool parse_time(const char *text, struct tm *tm)
{
	const char *end;

	memset(tm, 0, sizeof(*tm));
	end = strptime(text, TIME_FORMAT, tm);
	return end == text + TIME_LEN && !*end;
}

long long story_age(const char *at, long long now)
{
	struct tm tm;
	long long then;

	if (!parse_time(at, &tm))
		return -1;
	then = timegm(&tm);
	return then < now ? now - then : 0;
}

/* Skip a truncated line, or one that busflip did not write. */
static bool parse_line(char *text, struct story_line *line)
{
	struct tm tm;

	if (strlen(text) < TIME_LEN + 2 || text[TIME_LEN] != ' ')
		return false;
	text[TIME_LEN] = '\0';
	if (!parse_time(text, &tm) ||
	    !str_fits(line->at, sizeof(line->at), text) ||
	    !str_fits(line->text, sizeof(line->text), text + TIME_LEN + 1))
		return false;
	make_printable(line->text);
	return true;
}

static void add_line(struct story *story, char *text)
{
	struct story_line line;

	if (!parse_line(text, &line))
		return;
	if (story->count == STORY_LINES) {
		memmove(story->lines, story->lines + 1,
			(STORY_LINES - 1) * sizeof(*story->lines));
		story->count--;
		story->more = true;
	}
	story->lines[story->count++] = line;
}

int story_read(const char *uuid, struct story *story, struct error *err)
{
	AUTO_FREE char *text = NULL;
	AUTO_FD int fd = -1;
	char path[512], *save = NULL;
	size_t len;

	memset(story, 0, sizeof(*story));
	if (!story_path(uuid, path, sizeof(path)))
		return fail(err, EINVAL, "%s is not a UUID", uuid);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return fail_errno(err, "cannot open %s", path);
	if (read_all(fd, 2 * FILE_LIMIT, &text, &len, err) < 0)
		return error_prefix(err, "%s", path);
	story->lines = calloc(STORY_LINES, sizeof(*story->lines));
	if (!story->lines)
		return fail(err, ENOMEM, "out of memory");
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		add_line(story, line);
	return 0;
}

void story_free(struct story *story)
{
	free(story->lines);
	memset(story, 0, sizeof(*story));
}

void story_remove(const char *uuid)
{
	char path[512];

	if (story_path(uuid, path, sizeof(path)))
		unlink(path);
}

void story_sweep(void)
{
	file_replace_sweep(STORY_FOLDER);
}
