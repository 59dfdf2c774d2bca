/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap.h - TAP for unit tests: a failed assertion does not stop a test, the plan is printed
 * at the end, and the exit status is 1 if an assertion has failed
 *
 * An assertion's name is a printf format. It is printed as one line, so that nothing it
 * quotes can forge a result.
 */
#ifndef BUSFLIP_TESTS_TAP_H
#define BUSFLIP_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

/* diag() - lines of comment; newlines in the text make further ones */
static inline void __attribute__((format(printf, 1, 2)))
diag(const char *fmt, ...)
{
	char text[16384];
	const char *line = text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	while (*line) {
		size_t n = strcspn(line, "\n");

		printf("#   %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

static inline bool __attribute__((format(printf, 2, 0)))
tap_result(bool good, const char *fmt, va_list ap)
{
	char name[512];

	vsnprintf(name, sizeof(name), fmt, ap);
	for (char *p = name; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++tap_count, name);
	/* A fork has what is still in the buffer, and valgrind prints that at its end. */
	fflush(stdout);
	tap_failed += !good;
	return good;
}

/* ok() - passes when @good. Return: @good. */
static inline bool __attribute__((format(printf, 2, 3)))
ok(bool good, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, fmt, ap);
	va_end(ap);
	return good;
}

static inline bool __attribute__((format(printf, 3, 4)))
is_int(long long seen, long long wanted, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_result(seen == wanted, fmt, ap);
	va_end(ap);
	if (seen != wanted)
		diag("seen:   %lld\nwanted: %lld", seen, wanted);
	return seen == wanted;
}

/* is_str() - NULL equals only NULL. */
static inline bool __attribute__((format(printf, 3, 4)))
is_str(const char *seen, const char *wanted, const char *fmt, ...)
{
	bool good = seen && wanted ? !strcmp(seen, wanted) : seen == wanted;
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, fmt, ap);
	va_end(ap);
	if (!good)
		diag("seen:   %s\nwanted: %s", seen ? seen : "(none)",
		     wanted ? wanted : "(none)");
	return good;
}

/* has_str() - passes when @seen contains @wanted. */
static inline bool __attribute__((format(printf, 3, 4)))
has_str(const char *seen, const char *wanted, const char *fmt, ...)
{
	bool good = seen && strstr(seen, wanted);
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, fmt, ap);
	va_end(ap);
	if (!good)
		diag("seen:   %s\nwanted: ... %s ...", seen ? seen : "(none)", wanted);
	return good;
}

/* skip_one() - an assertion that can't be made: @why; BUSFLIP_MUST_RUN=1 forbids. */
static inline void skip_one(const char *why)
{
	const char *must = getenv("BUSFLIP_MUST_RUN");

	if (must && !strcmp(must, "1"))
		ok(false, "must run, but %s", why);
	else
		printf("ok %d - # SKIP %s\n", ++tap_count, why);
}

/* skip_all() - this machine can't run the test; BUSFLIP_MUST_RUN=1 forbids. */
static inline void __attribute__((noreturn)) skip_all(const char *why)
{
	const char *must = getenv("BUSFLIP_MUST_RUN");

	if (must && !strcmp(must, "1")) {
		printf("Bail out! must run, but %s\n", why);
		exit(1);
	}
	printf("1..0 # SKIP %s\n", why);
	exit(77);
}

/* done_testing() - the plan. Return: main's exit status. */
static inline int done_testing(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed || !tap_count || fflush(stdout) ? 1 : 0;
}

#endif
