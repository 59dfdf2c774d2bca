/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.h - structs as lines of a key and a value, in files that outlive a process
 *
 * A table says which member goes under which key:
 *
 *	static const struct record_field fields[] = {
 *		{ "name", RECORD_TEXT, RECORD_MEMBER(struct pending, name) },
 *
 * Another version of busflip may have written the file: keys that are not known are passed
 * over, and members whose key is missing, or whose value makes no sense, stay as they are.
 */
#ifndef BUSFLIP_RECORD_H
#define BUSFLIP_RECORD_H

#include <stdio.h>

#include "helper/shared/base.h"

enum record_type {
	RECORD_TEXT,		/* an array of char; printable when it is written */
	RECORD_BYTES,		/* the same, written as it is: it has no end of a line */
	RECORD_FLAG,		/* bool: 0 or 1 */
	RECORD_INT,		/* int or long long */
	RECORD_UINT,		/* uint32_t or uint64_t */
	RECORD_PHASE,		/* enum phase; PHASE_COUNT when it is none */
	RECORD_WORD,		/* another enum, from 0 on: one of .words, NULL behind the last */
};

struct record_field {
	const char *key;
	enum record_type type;
	size_t offset, size;
	const char *const *words;
};

#define RECORD_MEMBER(type, member) offsetof(type, member), sizeof(((type *)0)->member)

/* record_each() - all lines "key<separator>value" of @text, which is cut up for that. */
typedef void record_line_fn(void *context, const char *key, const char *value);
void record_each(char *text, char separator, record_line_fn *each, void *context);

/* record_set() - 1: @value is in @record; 0: there is no such key; -1: it is no such value. */
int record_set(const struct record_field *fields, size_t count, void *record, const char *key,
	       const char *value);

/* record_format() - all fields, in order, a line each. */
void record_format(const struct record_field *fields, size_t count, const void *record,
		   char separator, FILE *out);

/*
 * record_write() - the file @path, durable when it returns 0; its first line says that it is
 * busflip's, the last one that it is whole. record_read() - 1 found, 0 there is none, -1 it
 * can't be read as one.
 */
int record_write(const char *path, const struct record_field *fields, size_t count,
		 const void *record, struct error *err);
int record_read(const char *path, const struct record_field *fields, size_t count, void *record,
		struct error *err);

#endif
