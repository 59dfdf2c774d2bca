// SPDX-License-Identifier: GPL-2.0-or-later
/* base.c - errors, cleanup macros, strings and checked arithmetic for every program */

#include "helper/shared/base.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static void __attribute__((format(printf, 3, 0)))
set_message(struct error *err, int code, const char *fmt, va_list ap)
{
	int n;

	err->code = code ? code : EIO;
	n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	if (n < 0)
		err->msg[0] = '\0';
}

int fail(struct error *err, int code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		set_message(err, code, fmt, ap);
		va_end(ap);
	}
	errno = saved;
	return -1;
}

int fail_errno(struct error *err, const char *fmt, ...)
{
	int saved = errno;
	size_t used;
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		set_message(err, saved, fmt, ap);
		va_end(ap);
		used = strlen(err->msg);
		snprintf(err->msg + used, sizeof(err->msg) - used, ": %s",
			 strerror(saved));
	}
	errno = saved;
	return -1;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
	char tail[sizeof(err->msg)];
	size_t used;
	va_list ap;

	if (!err)
		return -1;
	memcpy(tail, err->msg, sizeof(tail));
	va_start(ap, fmt);
	if (vsnprintf(err->msg, sizeof(err->msg), fmt, ap) < 0)
		err->msg[0] = '\0';
	va_end(ap);
	used = strlen(err->msg);
	for (const char *p = ": "; *p && used + 1 < sizeof(err->msg); p++)
		err->msg[used++] = *p;
	for (const char *p = tail; *p && used + 1 < sizeof(err->msg); p++)
		err->msg[used++] = *p;
	err->msg[used] = '\0';
	return -1;
}

int error_suffix(struct error *err, const char *fmt, ...)
{
	size_t used;
	va_list ap;

	if (!err)
		return -1;
	used = strlen(err->msg);
	snprintf(err->msg + used, sizeof(err->msg) - used, "; ");
	used = strlen(err->msg);
	va_start(ap, fmt);
	if (vsnprintf(err->msg + used, sizeof(err->msg) - used, fmt, ap) < 0)
		err->msg[used] = '\0';
	va_end(ap);
	return -1;
}

void cleanup_free(void *pointer)
{
	void **p = pointer;

	free(*p);
	*p = NULL;
}

void cleanup_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

bool str_eq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool str_fits(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);

	if (len >= size) {
		if (size)
			dst[0] = '\0';
		return false;
	}
	memcpy(dst, src, len + 1);
	return true;
}

/* Do not cut within a word, unless it is a long one, and never within a UTF-8 character. */
void str_cut(char *dst, size_t size, const char *src)
{
	size_t n = size > 4 ? size - 4 : 0, word;

	if (str_fits(dst, size, src) || !n)
		return;
	for (word = n; word > n - n / 4 && src[word] != ' '; word--)
		;
	if (src[word] == ' ')
		for (n = word; n && strchr(",;:", src[n - 1]); n--)
			;
	while (n && ((unsigned char)src[n] & 0xc0) == 0x80)
		n--;
	memcpy(dst, src, n);
	memcpy(dst + n, "...", 4);
}

uint64_t str_hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3u;
	return h;
}

bool str_printf(char *dst, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(dst, size, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size) {
		if (size)
			dst[0] = '\0';
		return false;
	}
	return true;
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t monotonic_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t uptime_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

void pause_ms(long ms)
{
	const struct timespec t = { ms / 1000, (ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}
