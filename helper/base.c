// SPDX-License-Identifier: GPL-2.0-or-later
/* base.c - errors, cleanup macros, log and checked arithmetic for every program */

#include "base.h"

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

static const char *log_program = "busflip";
static bool log_stderr;

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

/* Not within a letter of UTF-8. */
void str_cut(char *dst, size_t size, const char *src)
{
	size_t n = size > 4 ? size - 4 : 0;

	if (str_fits(dst, size, src) || !n)
		return;
	while (n && ((unsigned char)src[n] & 0xc0) == 0x80)
		n--;
	memcpy(dst, src, n);
	memcpy(dst + n, "...", 4);
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

int read_all(int fd, size_t limit, char **data, size_t *len, struct error *err)
{
	AUTO_FREE char *buf = NULL;
	size_t size = 0, used = 0;

	for (;;) {
		ssize_t n;

		if (size - used < 2) {
			size_t want = size ? size * 2 : 65536;
			char *bigger = realloc(buf, want);

			if (!bigger)
				return fail(err, ENOMEM, "out of memory");
			buf = bigger;
			size = want;
		}
		n = read(fd, buf + used, size - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(err, "cannot read");
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > limit)
			return fail(err, EFBIG, "more than %zu bytes", limit);
	}
	buf[used] = '\0';
	*data = steal(&buf);
	*len = used;
	return 0;
}

#define HUGE_PAGE ((size_t)2 << 20)

/* The last one whole, too: what lies behind @len is never touched. */
static size_t huge_size(size_t len)
{
	return (len + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

void *huge_map(size_t len)
{
	size_t size = huge_size(len), skip;
	uint8_t *map;

	if (len > SIZE_MAX - 2 * HUGE_PAGE)
		return NULL;
	map = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	skip = -(uintptr_t)map % HUGE_PAGE;
	if (skip)
		munmap(map, skip);
	munmap(map + skip + size, HUGE_PAGE - skip);
	return map + skip;
}

void huge_advise(void *map, size_t len)
{
	madvise(map, huge_size(len), MADV_HUGEPAGE);
}

void huge_unmap(void *map, size_t len)
{
	munmap(map, huge_size(len));
}

int write_all(int fd, const void *data, size_t len, struct error *err)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(err, "cannot write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int folder_sync(const char *folder, struct error *err)
{
	AUTO_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return fail_errno(err, "cannot make %s durable", folder);
	return 0;
}

static int sync_folder_of(const char *path, struct error *err)
{
	AUTO_FREE char *copy = strdup(path);

	if (!copy)
		return fail(err, ENOMEM, "out of memory");
	return folder_sync(dirname(copy), err);
}

int folder_make(const char *folder, mode_t mode, struct error *err)
{
	if (mkdir(folder, mode) == 0 && chmod(folder, mode) == 0)
		return sync_folder_of(folder, err);
	return errno == EEXIST ? 0 : fail_errno(err, "cannot create %s", folder);
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode,
		 struct error *err)
{
	char temporary[4096];
	AUTO_FD int fd = -1;

	if (!str_printf(temporary, sizeof(temporary), "%s.XXXXXX", path))
		return fail(err, ENAMETOOLONG, "%s: name too long", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "cannot create %s", temporary);
	if (fchmod(fd, mode) < 0) {
		fail_errno(err, "cannot set the mode of %s", temporary);
		goto out;
	}
	if (write_all(fd, data, len, err) < 0) {
		error_prefix(err, "%s", temporary);
		goto out;
	}
	if (fdatasync(fd) < 0) {
		fail_errno(err, "cannot sync %s", temporary);
		goto out;
	}
	if (rename(temporary, path) < 0) {
		fail_errno(err, "cannot rename %s to %s", temporary, path);
		goto out;
	}
	return sync_folder_of(path, err);
out:
	unlink(temporary);
	return -1;
}

/* Seconds: nothing that is written so takes as long. */
#define SWEEP_AGE 600

static bool is_temporary(const char *name)
{
	size_t n = strlen(name);

	if (n < 8 || name[n - 7] != '.')
		return false;
	for (size_t i = n - 6; i < n; i++)
		if (!isalnum((unsigned char)name[i]))
			return false;
	return true;
}

void file_replace_sweep(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	struct stat st;
	int fd;

	if (!dir)
		return;
	fd = dirfd(dir);
	while (fd >= 0 && (entry = readdir(dir)))
		if (is_temporary(entry->d_name) &&
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > SWEEP_AGE)
			unlinkat(fd, entry->d_name, 0);
	closedir(dir);
}

void log_open(const char *program, bool to_stderr)
{
	log_program = program;
	log_stderr = to_stderr;
	openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

static bool is_plain_word(const char *text)
{
	return *text && *text != '-' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		      "0123456789_./:@%+=,-") == strlen(text);
}

const char *shell_word(const char *text, char *buf, size_t size)
{
	size_t used = 0;

	if (is_plain_word(text) && str_fits(buf, size, text))
		return buf;
	/* A quote is left, written, and entered again; the end needs two bytes. */
	str_fits(buf, size, "'");
	used = strlen(buf);
	for (; *text; text++) {
		const char *piece = *text == '\'' ? "'\\''" : (const char[]){ *text, '\0' };
		size_t n = strlen(piece);

		if (used + n + 2 > size) {
			str_fits(buf, size, "?");
			return buf;
		}
		str_fits(buf + used, size - used, piece);
		used += n;
	}
	str_fits(buf + used, size - used, "'");
	return buf;
}

size_t utf8_character(const char *text, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;
	size_t n = *p < 0x80 ? 1 : *p >= 0xf0 && *p < 0xf5 ? 4
		 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xc2 && *p < 0xe0 ? 2 : 0;

	if (n < 2) {
		*c = *p;
		return n;
	}
	*c = *p & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3fu);
	}
	return *c < least[n] || (*c >= 0xd800 && *c < 0xe000) || *c > 0x10ffff
		? 0 : n;
}

bool is_printable(uint32_t c)
{
	return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0x200e && c != 0x200f &&
	       !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) &&
	       c != 0xfffe && c != 0xffff;
}

static void replace_unprintable(char *text, const char *keep)
{
	uint32_t c;

	for (char *p = text; p && *p; ) {
		size_t n = utf8_character(p, &c);
		bool good = n && (is_printable(c) || strchr(keep, *p));

		if (!good)
			memset(p, '?', n ? n : 1);
		p += n ? n : 1;
	}
}

void make_printable(char *text)
{
	replace_unprintable(text, "");
}

void make_report_printable(char *text)
{
	replace_unprintable(text, "\t\n");
}

int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	char line[1536];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
		line[0] = '\0';
	va_end(ap);
	make_printable(line);
	syslog((int)level, "%s", line);
	if (log_stderr)
		fprintf(stderr, "%s: %s\n", log_program, line);
	errno = saved;
}
