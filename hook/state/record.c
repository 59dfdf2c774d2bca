// SPDX-License-Identifier: GPL-2.0-or-later
/* record.c - structs as lines of a key and a value, in files that outlive a process */

#include "hook/state/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "helper/shared/file.h"
#include "helper/shared/text.h"
#include "hook/domain/phase.h"

#define FIRST "busflip 1\n"
#define LAST "end"
/* A record is a dozen short lines; anything larger is not ours. */
#define RECORD_LIMIT 4096

void record_each(char *text, char separator, record_line_fn *each, void *context)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, separator);

		if (!value)
			continue;
		*value++ = '\0';
		each(context, line, value);
	}
}

/* ---- one value ------------------------------------------------------------- */

static bool set_int(const struct record_field *f, void *to, const char *value)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(value, &end, 10);
	if (errno || end == value || *end || (f->size == sizeof(int) && n != (int)n))
		return false;
	if (f->size == sizeof(int))
		*(int *)to = (int)n;
	else
		*(long long *)to = n;
	return true;
}

static bool set_uint(const struct record_field *f, void *to, const char *value)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (errno || end == value || *end || (f->size == sizeof(uint32_t) && n > UINT32_MAX))
		return false;
	if (f->size == sizeof(uint32_t))
		*(uint32_t *)to = (uint32_t)n;
	else
		*(uint64_t *)to = n;
	return true;
}

static bool set_phase(void *to, const char *value)
{
	enum phase phase = phase_parse(value);

	*(enum phase *)to = phase;
	return phase != PHASE_COUNT;
}

static bool set_word(const struct record_field *f, void *to, const char *value)
{
	for (unsigned int i = 0; f->words[i]; i++)
		if (strcmp(f->words[i], value) == 0) {
			*(unsigned int *)to = i;
			return true;
		}
	return false;
}

static bool set_value(const struct record_field *f, void *to, const char *value)
{
	switch (f->type) {
	case RECORD_TEXT:
	case RECORD_BYTES:
		return str_fits(to, f->size, value);
	case RECORD_FLAG:
		*(bool *)to = strcmp(value, "1") == 0;
		return true;
	case RECORD_INT:
		return set_int(f, to, value);
	case RECORD_UINT:
		return set_uint(f, to, value);
	case RECORD_PHASE:
		return set_phase(to, value);
	case RECORD_WORD:
		return set_word(f, to, value);
	}
	return false;
}

int record_set(const struct record_field *fields, size_t count, void *record, const char *key,
	       const char *value)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].key, key) == 0)
			return set_value(&fields[i], (char *)record + fields[i].offset, value) ?
				1 : -1;
	return 0;
}

static void print_text(const struct record_field *f, const char *from, FILE *out)
{
	AUTO_FREE char *text = strndup(from, f->size);

	if (!text)
		return;
	/* An end of a line in it would begin a line of its own. */
	if (f->type == RECORD_TEXT)
		make_printable(text);
	fputs(text, out);
}

static void print_value(const struct record_field *f, const void *from, FILE *out)
{
	switch (f->type) {
	case RECORD_TEXT:
	case RECORD_BYTES:
		print_text(f, from, out);
		break;
	case RECORD_FLAG:
		fputs(*(const bool *)from ? "1" : "0", out);
		break;
	case RECORD_INT:
		fprintf(out, "%lld", f->size == sizeof(int) ? *(const int *)from
							    : *(const long long *)from);
		break;
	case RECORD_UINT:
		fprintf(out, "%llu", f->size == sizeof(uint32_t) ? *(const uint32_t *)from :
				     (unsigned long long)*(const uint64_t *)from);
		break;
	case RECORD_PHASE:
		fputs(phase_name(*(const enum phase *)from), out);
		break;
	case RECORD_WORD:
		fputs(f->words[*(const unsigned int *)from], out);
		break;
	}
}

void record_format(const struct record_field *fields, size_t count, const void *record,
		   char separator, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%s%c", fields[i].key, separator);
		print_value(&fields[i], (const char *)record + fields[i].offset, out);
		putc('\n', out);
	}
}

/* ---- a file ---------------------------------------------------------------- */

int record_write(const char *path, const struct record_field *fields, size_t count,
		 const void *record, struct error *err)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return fail_errno(err, "%s", path);
	fputs(FIRST, out);
	record_format(fields, count, record, ' ', out);
	fputs(LAST "\n", out);
	if (fclose(out) != 0)
		return fail_errno(err, "%s", path);
	if (len > RECORD_LIMIT)
		return fail(err, EINVAL, "%s: the record is too long", path);
	return file_replace(path, text, len, 0600, err);
}

/* One that is not whole has no last line. Lines that were appended follow it. */
static bool is_whole(const char *text)
{
	const char *end = strncmp(text, FIRST, strlen(FIRST)) == 0 ? strstr(text, "\n" LAST) : NULL;

	for (; end; end = strstr(end + 1, "\n" LAST))
		if (end[1 + strlen(LAST)] == '\n' || !end[1 + strlen(LAST)])
			return true;
	return false;
}

struct reading {
	const struct record_field *fields;
	size_t count;
	void *record;
};

static void read_line(void *context, const char *key, const char *value)
{
	struct reading *r = context;

	record_set(r->fields, r->count, r->record, key, value);
}

int record_read(const char *path, const struct record_field *fields, size_t count, void *record,
		struct error *err)
{
	struct reading r = { fields, count, record };
	AUTO_FREE char *text = NULL;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t len;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail_errno(err, "cannot open %s", path);
	if (read_all(fd, RECORD_LIMIT, &text, &len, err) < 0)
		return error_prefix(err, "%s", path);
	if (!is_whole(text))
		return fail(err, EINVAL, "%s is not a record of busflip", path);
	record_each(text, ' ', read_line, &r);
	return 1;
}
