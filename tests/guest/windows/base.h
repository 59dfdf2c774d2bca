/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base.h - bytes, times, strings and error messages, for every part of the model */
#ifndef MODEL_BASE_H
#define MODEL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* 100 ns since 1601 of the Unix epoch, and of a second */
#define FILETIME_EPOCH 116444736000000000ULL
#define FILETIME_SECOND 10000000ULL

/* struct bytes - owned memory; free with bytes_free() */
struct bytes {
	uint8_t *data;
	size_t len;
};

uint16_t get16(const uint8_t *p);
uint32_t get32(const uint8_t *p);
uint64_t get64(const uint8_t *p);
void put16(uint8_t *p, uint32_t v);
void put32(uint8_t *p, uint32_t v);
void put64(uint8_t *p, uint64_t v);

/* fact() - one line "nt: ..." on stdout, what tests read */
void fact(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * die() - the model itself can't go on. Must never look like a Windows that
 * shut down or like one that stopped: the line is "nt: model-error ...", and
 * then @base_dead is called, which does not return.
 */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
extern void (*base_dead)(void);
extern bool base_quiet;		/* no facts */

void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void bytes_free(struct bytes *b);
struct bytes bytes_copy(const void *data, size_t len);

bool same(const char *a, const char *b);	/* case does not matter */
bool starts(const char *s, const char *prefix);	/* neither here */
const char *contains(const char *s, const char *part);

uint64_t filetime_now(void);

/* utf16_put() - @s as UTF-16LE with its NUL. utf16_get() - an own string in
 * which anything but ASCII is '?'. */
struct bytes utf16_put(const char *s);
char *utf16_get(const uint8_t *data, size_t len);

/* read_file() - a whole file of the model's own system; no data if it can't */
struct bytes read_file(const char *path);

#endif
