/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base.h - errors, cleanup macros, log and checked arithmetic for every program
 *
 * The one header that hook/, helper/ and conf/ share besides job.h. It knows
 * nothing of libvirt, of XML or of any disk format.
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

/* Exit codes of busflip and busflip-helper; those of the hook itself come from
 * the table in hook/front.c. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_REFUSE_START = 3,	/* "busflip event": this start shall fail */
};

/*
 * struct error - why something failed, in words for the administrator
 *
 * Lives on the caller's stack; nothing to free. Callees fill it with fail(),
 * callers put context in front with error_prefix(), only mains print it.
 */
struct error {
	int code;		/* an errno value, or 0: nothing failed */
	char msg[768];		/* one line, no newline at its end */
};

/* fail() - fill @err (may be NULL) and give -1, so that a caller can return it.
 * Keeps errno as it was. */
int fail(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* fail_errno() - like fail(), with code errno and ": strerror" at the end. */
int fail_errno(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* error_prefix() - put "text: " in front of what @err says already. Gives -1. */
int error_prefix(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* error_suffix() - put "; text" behind it, as far as there is room. Gives -1. */
int error_suffix(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Owned locals: initialise at the declaration (-1, NULL), hand over with
 * steal() or steal_fd(). */
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

/* range_ok() - true when [off, off + len) lies within [0, limit), without ever
 * computing off + len. Every offset that a disk supplies goes through here. */
static inline bool range_ok(uint64_t off, uint64_t len, uint64_t limit)
{
	return off <= limit && len <= limit - off;
}

/* Checked sum and product: true and *out set when the result fits 64 bits. */
static inline bool add_ok(uint64_t a, uint64_t b, uint64_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

static inline bool mul_ok(uint64_t a, uint64_t b, uint64_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

/* Little-endian numbers from bytes at any alignment. Named get_/put_ because
 * libntfs-3g's headers define types le16, le32 and le64. */
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

/* str_eq() - strcmp() == 0 that takes NULL; NULL equals only NULL. */
bool str_eq(const char *a, const char *b);

/* str_fits() - copy @src with its NUL into @dst of @size bytes; false (and an
 * empty string) when it does not fit. Never truncates silently. */
bool str_fits(char *dst, size_t size, const char *src);

/* str_cut() - the same for a sentence: of one that does not fit, its begin and "...". */
void str_cut(char *dst, size_t size, const char *src);

/* str_printf() - snprintf into @dst that says whether all of it fitted. */
bool str_printf(char *dst, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * read_all() - everything from @fd to its end, into one allocation with a NUL
 * behind it. More than @limit bytes is EFBIG. *data is the caller's to free.
 */
int read_all(int fd, size_t limit, char **data, size_t *len, struct error *err);

/*
 * huge_map() - @len bytes of zeroes for what will be read as a whole, at an address
 * where huge pages fit; NULL without memory. huge_advise() asks for them: 15 MB are
 * then eight page faults, not four thousand. A kernel that has none says no, and
 * nothing else is different. huge_unmap() takes the same @len.
 */
void *huge_map(size_t len);
void huge_advise(void *map, size_t len);
void huge_unmap(void *map, size_t len);

/* write_all() - all @len bytes, going on after EINTR and short writes. */
int write_all(int fd, const void *data, size_t len, struct error *err);

/*
 * file_replace() - make @path hold @len bytes of @data or leave it as it was:
 * writes a temporary file beside it, fdatasync, rename, fsync of the folder.
 */
int file_replace(const char *path, const void *data, size_t len, mode_t mode,
		 struct error *err);

/* folder_sync() - make durable which names are in @folder. */
int folder_sync(const char *folder, struct error *err);

/* folder_make() - unless it exists, make it, and its name in its parent durable. */
int folder_make(const char *folder, mode_t mode, struct error *err);

/*
 * file_replace_sweep() - remove from @folder what file_replace() leaves behind when
 * it is killed in the middle: files with a dot and six characters at the end of their
 * names, once they are ten minutes old, so that nobody is still writing them.
 */
void file_replace_sweep(const char *folder);

/* ---- log ---------------------------------------------------------------
 * One call for all programs. Goes to syslog (daemon facility; libvirt drops a
 * hook's stderr when it succeeds) and, where log_open() was told so, to
 * stderr as "program: text". Bytes that come from a guest or from domain XML
 * are made printable here, whatever the caller passes.
 */
/*
 * shell_word() - @text as one word of a shell's command line, in quotes where it needs
 * them, for commands that a message says to type. Names of domains and of files are
 * chosen by others. Return @buf, with "?" when it does not fit.
 */
const char *shell_word(const char *text, char *buf, size_t size);

/* utf8_character() - length of the UTF-8 character at @text, 0 when there is none; *@c is its
 * code then. */
size_t utf8_character(const char *text, uint32_t *c);

/*
 * is_printable() - may that character be shown, and be in XML? Not so control characters,
 * of 7 or 8 bits (U+0080 to U+009F, which some terminals obey), marks that reorder what is
 * shown, so that text can lie about itself, and U+FFFE and U+FFFF, which XML 1.0 forbids.
 */
bool is_printable(uint32_t c);

/* make_printable() - '?' in place for each byte of what is not such a character, or no UTF-8
 * at all. make_report_printable() lets tabs and ends of lines stay. NULL is fine. */
void make_printable(char *text);
void make_report_printable(char *text);

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4,
		 LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6 };

/* log_open() - name every line after @program; @to_stderr for command lines. */
void log_open(const char *program, bool to_stderr);
void log_msg(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
