/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base.h - errors, cleanup macros, strings and checked arithmetic for every program
 */
#ifndef BUSFLIP_BASE_H
#define BUSFLIP_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef BUSFLIP_VERSION
#define BUSFLIP_VERSION "0.0.0"
#endif

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Exit codes of busflip and busflip-helper. Those of the hook come from the table in
 * hook/front.c. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_REFUSE_START = 3,	/* "busflip event": this start must fail */
};

/*
 * struct error - why something failed, in words for the administrator
 *
 * Lives on the caller's stack; nothing to free. Callees fill it with fail(), callers add
 * context with error_prefix(), only mains print it.
 */
struct error {
	int code;		/* an errno value or an enum refusal, or 0: nothing failed */
	char msg[768];		/* one line, without a newline at its end */
};

/* fail() - fill @err (may be NULL) and return -1, so that a caller can return it. Keeps errno. */
int fail(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* fail_errno() - like fail(), with code errno and ": strerror" appended. */
int fail_errno(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* error_prefix() - prepend "text: " to the message in @err. Returns -1. */
int error_prefix(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* error_suffix() - append "; text" to it, as far as it fits. Returns -1. */
int error_suffix(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Owned locals: initialise them at the declaration (-1, NULL), hand them over with steal() or
 * steal_fd(). */
void cleanup_free(void *pointer);	/* takes the address of a pointer */
void cleanup_close(int *fd);
#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
#define AUTO_FD __attribute__((cleanup(cleanup_close)))

static inline void *steal_pointer(void *address)
{
	void **p = address;
	void *value = *p;

	*p = NULL;
	return value;
}
#define steal(address) steal_pointer(address)

static inline int steal_fd(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

/* monotonic_ms() - milliseconds of CLOCK_MONOTONIC, for deadlines. */
int64_t monotonic_ms(void);

/* uptime_ms() - milliseconds since the host's boot, also while it was suspended: for the age of
 * files in which it is stored. The wall clock may be set meanwhile. */
int64_t uptime_ms(void);

/* pause_ms() - sleep for that time. */
void pause_ms(long ms);

/* range_ok() - true if [off, off + len) lies within [0, limit), without computing off + len.
 * Every offset that a disk supplies is checked here. */
static inline bool range_ok(uint64_t off, uint64_t len, uint64_t limit)
{
	return off <= limit && len <= limit - off;
}

/* Checked sum and product: true, and *out set, if the result fits 64 bits. */
static inline bool add_ok(uint64_t a, uint64_t b, uint64_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

static inline bool mul_ok(uint64_t a, uint64_t b, uint64_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

/* Little-endian numbers from bytes at any alignment. Named get_/put_ because libntfs-3g's
 * headers define types le16, le32 and le64. */
static inline uint16_t get_le16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t get_le32(const void *p)
{
	return (uint32_t)get_le16(p) |
	       (uint32_t)get_le16((const uint8_t *)p + 2) << 16;
}

static inline uint64_t get_le64(const void *p)
{
	return (uint64_t)get_le32(p) |
	       (uint64_t)get_le32((const uint8_t *)p + 4) << 32;
}

static inline void put_le16(void *p, uint16_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

static inline void put_le32(void *p, uint32_t v)
{
	put_le16(p, (uint16_t)v);
	put_le16((uint8_t *)p + 2, (uint16_t)(v >> 16));
}

static inline void put_le64(void *p, uint64_t v)
{
	put_le32(p, (uint32_t)v);
	put_le32((uint8_t *)p + 4, (uint32_t)(v >> 32));
}

/* str_eq() - strcmp() == 0 that accepts NULL; NULL equals only NULL. */
bool str_eq(const char *a, const char *b);

/* str_fits() - copy @src with its NUL into @dst of @size bytes; false (and an empty string) if
 * it does not fit. Never truncates silently. */
bool str_fits(char *dst, size_t size, const char *src);

/* str_cut() - the same for a sentence: if it does not fit, its first words and "...". */
void str_cut(char *dst, size_t size, const char *src);

/* str_hash() - 64-bit FNV-1a. Files on the host are named by it, and journals have it. */
uint64_t str_hash(const char *text);

/* str_printf() - snprintf() into @dst; true if everything fitted. */
bool str_printf(char *dst, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
