/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base.c - bytes, times, strings and error messages */

#include "base.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static void leave(void)
{
	_exit(99);
}

void (*base_dead)(void) = leave;
bool base_quiet;

uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

void put32(uint8_t *p, uint32_t v)
{
	put16(p, v);
	put16(p + 2, v >> 16);
}

void put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)v);
	put32(p + 4, (uint32_t)(v >> 32));
}

static void __attribute__((format(printf, 2, 0)))
say(const char *head, const char *fmt, va_list ap)
{
	char line[2048];

	vsnprintf(line, sizeof(line), fmt, ap);
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = '?';
	printf("%s%s\n", head, line);
	fflush(stdout);
}

void fact(const char *fmt, ...)
{
	va_list ap;

	if (base_quiet)
		return;
	va_start(ap, fmt);
	say("nt: ", fmt, ap);
	va_end(ap);
}

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("nt: model-error ", fmt, ap);
	va_end(ap);
	base_dead();
	_exit(99);
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		die("no memory");
	return p;
}

void *xrealloc(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (!p)
		die("no memory");
	return p;
}

char *xstrdup(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		die("no memory");
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		die("no memory");
	return s;
}

void bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){ 0 };
}

struct bytes bytes_copy(const void *data, size_t len)
{
	struct bytes b = { xcalloc(len, 1), len };

	if (len)
		memcpy(b.data, data, len);
	return b;
}

bool same(const char *a, const char *b)
{
	return !strcasecmp(a, b);
}

bool starts(const char *s, const char *prefix)
{
	return !strncasecmp(s, prefix, strlen(prefix));
}

const char *contains(const char *s, const char *part)
{
	return strcasestr(s, part);
}

uint64_t filetime_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return FILETIME_EPOCH + (uint64_t)ts.tv_sec * FILETIME_SECOND +
	       (uint64_t)ts.tv_nsec / 100;
}

struct bytes utf16_put(const char *s)
{
	size_t n = strlen(s) + 1;
	struct bytes b = { xcalloc(n, 2), n * 2 };

	for (size_t i = 0; i < n; i++)
		put16(b.data + 2 * i, (unsigned char)s[i]);
	return b;
}

char *utf16_get(const uint8_t *data, size_t len)
{
	char *s = xcalloc(len / 2 + 1, 1);

	for (size_t i = 0; i < len / 2; i++) {
		uint16_t c = get16(data + 2 * i);

		if (!c)
			break;
		s[i] = c < 0x7f ? (char)c : '?';
	}
	return s;
}

struct bytes read_file(const char *path)
{
	struct bytes b = { 0 };
	size_t room = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return b;
	do {
		if (room - b.len < 65536) {
			room = room ? room * 2 : 131072;
			b.data = xrealloc(b.data, room);
		}
		n = read(fd, b.data + b.len, room - b.len - 1);
		if (n > 0)
			b.len += (size_t)n;
	} while (n > 0);
	close(fd);
	b.data[b.len] = 0;
	return b;
}
