// SPDX-License-Identifier: GPL-2.0-or-later
/* json.c - text from a guest, made safe for JSON and for terminals; checks of JSON from the
 * helper */

#include "helper/shared/json.h"

#include <errno.h>
#include <string.h>

#include "helper/shared/text.h"

void json_string(FILE *out, const char *text)
{
	const char *p = text;
	uint32_t c;

	fputc('"', out);
	while (*p) {
		size_t n = utf8_character(p, &c);

		if (!n)
			fputs("\\ufffd", out);
		else if (c == '"' || c == '\\')
			fprintf(out, "\\%c", (int)c);
		else if (!is_printable(c))
			fprintf(out, "\\u%04x", c);
		else
			fwrite(p, 1, n, out);
		p += n ? n : 1;
	}
	fputc('"', out);
}

void json_member(FILE *out, const char *name, const char *text)
{
	fprintf(out, "\"%s\": ", name);
	json_string(out, text);
}

void json_bytes(FILE *out, const uint8_t *data, size_t len)
{
	fputc('"', out);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%02x", data[i]);
	fputc('"', out);
}

/* ---- is it JSON? ----------------------------------------------------------- */

/* More than any report of the helper has. */
#define DEPTH_LIMIT 16
#define MEMBER_LIMIT 64

struct reader {
	const unsigned char *p;
	unsigned int depth;
};

struct name {
	const unsigned char *text;
	size_t len;
};

static bool value_ok(struct reader *r);

static void skip_space(struct reader *r)
{
	r->p += strspn((const char *)r->p, " \t\r\n");
}

/* Skip white space and return the next character. */
static bool is_next(struct reader *r, char c)
{
	skip_space(r);
	if (*r->p != (unsigned char)c)
		return false;
	r->p++;
	return true;
}

static bool escape_ok(struct reader *r)
{
	if (*r->p == 'u' && strspn((const char *)r->p + 1, "0123456789abcdefABCDEF") >= 4)
		r->p += 5;
	else if (*r->p && strchr("\"\\/bfnrt", *r->p))
		r->p++;
	else
		return false;
	return true;
}

/* Its first quote has been read. */
static bool string_ok(struct reader *r)
{
	uint32_t c;

	while (*r->p != '"') {
		size_t n = utf8_character((const char *)r->p, &c);

		if (!n || c < 0x20)
			return false;
		r->p += n;
		if (c == '\\' && !escape_ok(r))
			return false;
	}
	r->p++;
	return true;
}

static bool digits_ok(struct reader *r)
{
	size_t n = strspn((const char *)r->p, "0123456789");

	r->p += n;
	return n > 0;
}

static bool number_ok(struct reader *r)
{
	r->p += *r->p == '-';
	if (*r->p == '0')
		r->p++;
	else if (!digits_ok(r))
		return false;
	if (*r->p == '.') {
		r->p++;
		if (!digits_ok(r))
			return false;
	}
	if (*r->p != 'e' && *r->p != 'E')
		return true;
	r->p++;
	r->p += *r->p == '+' || *r->p == '-';
	return digits_ok(r);
}

static bool word_ok(struct reader *r)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);

		if (strncmp((const char *)r->p, words[i], n) == 0) {
			r->p += n;
			return true;
		}
	}
	return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_LIMIT */
static bool array_ok(struct reader *r)
{
	if (is_next(r, ']'))
		return true;
	do
		if (!value_ok(r))
			return false;
	while (is_next(r, ','));
	return is_next(r, ']');
}

/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_LIMIT */
static bool member_ok(struct reader *r, struct name *name)
{
	if (!is_next(r, '"'))
		return false;
	name->text = r->p;
	if (!string_ok(r))
		return false;
	name->len = (size_t)(r->p - name->text) - 1;
	return is_next(r, ':') && value_ok(r);
}

/* @names: of its members, NULL if not needed; *@n: their number. */
/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_LIMIT */
static bool object_ok(struct reader *r, struct name *names, size_t *n)
{
	struct name name;

	*n = 0;
	if (is_next(r, '}'))
		return true;
	do {
		if ((names && *n == MEMBER_LIMIT) || !member_ok(r, &name))
			return false;
		if (names)
			names[(*n)++] = name;
	} while (is_next(r, ','));
	return is_next(r, '}');
}

/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_LIMIT */
static bool value_ok(struct reader *r)
{
	size_t n;
	bool good;

	skip_space(r);
	if (++r->depth > DEPTH_LIMIT)
		return false;
	if (is_next(r, '{'))
		good = object_ok(r, NULL, &n);
	else if (is_next(r, '['))
		good = array_ok(r);
	else if (is_next(r, '"'))
		good = string_ok(r);
	else
		good = word_ok(r) || number_ok(r);
	r->depth--;
	return good;
}

static bool is_name(const struct name *name, const char *text, size_t len)
{
	return name->len == len && memcmp(name->text, text, len) == 0;
}

static int check_name(const struct name *names, size_t i, const char *const taken[],
		      struct error *err)
{
	if (memchr(names[i].text, '\\', names[i].len))
		return fail(err, EPROTO, "JSON: a member whose name has an escape");
	for (size_t j = 0; taken[j]; j++)
		if (is_name(&names[i], taken[j], strlen(taken[j])))
			return fail(err, EPROTO, "JSON: forbidden member \"%s\"", taken[j]);
	for (size_t j = 0; j < i; j++)
		if (is_name(&names[i], (const char *)names[j].text, names[j].len))
			return fail(err, EPROTO, "JSON: two members of the same name");
	return 0;
}

int json_check(const char *text, const char *const taken[], struct error *err)
{
	struct reader r = { .p = (const unsigned char *)text };
	struct name names[MEMBER_LIMIT];
	size_t n = 0;

	if (!is_next(&r, '{') || !object_ok(&r, names, &n))
		return fail(err, EPROTO, "JSON: not an object");
	skip_space(&r);
	if (*r.p)
		return fail(err, EPROTO, "JSON: data after its object");
	for (size_t i = 0; i < n; i++)
		if (check_name(names, i, taken, err) < 0)
			return -1;
	return 0;
}
