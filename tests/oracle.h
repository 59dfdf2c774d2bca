/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oracle.h - what other programs read from a hive: hivexregedit and reglookup
 *
 * Both print one line for each value. The lines before and after an edit are sorted and
 * compared, so that exactly the intended lines must differ.
 */
#ifndef BUSFLIP_TESTS_ORACLE_H
#define BUSFLIP_TESTS_ORACLE_H

#include "helper/shared/base.h"
#include "helper/shared/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct oracle {
	const char *name;
	const char *probe;	/* succeeds when the reader is installed */
	const char *command;	/* with %s for the file */
};

/* hivexregedit names the key only in its headline: awk puts it before each
 * value. reglookup prints times too, and whole paths by itself. */
static const struct oracle oracles[] = {
	{ "hivexregedit", "command -v hivexregedit >/dev/null",
	  "hivexregedit --export '%s' '\\' 2>/dev/null | "
	  "awk '/^\\[/ { key = $0; print key; next } /./ { print key $0 }'" },
	{ "reglookup", "command -v reglookup >/dev/null",
	  "reglookup '%s' 2>/dev/null" },
};

__attribute__((unused))
static void oracle_file(char path[64], const uint8_t *data, size_t len)
{
	ssize_t n;
	int fd;

	strcpy(path, "/tmp/busflip-oracle.XXXXXX");
	fd = mkstemp(path);
	n = fd < 0 ? -1 : write(fd, data, len);
	if (n != (ssize_t)len)
		abort();
	close(fd);
}

/* The lines in which two hives differ, "< old" and "> new" as diff prints
 * them, or NULL when the reader isn't installed. The caller frees it. */
__attribute__((unused))
static char *oracle_diff(const struct oracle *o, const uint8_t *a, size_t a_len,
			 const uint8_t *b, size_t b_len)
{
	char file_a[64], file_b[64], command[4096], read_a[800], read_b[800];
	struct error err;
	char *out = NULL;
	FILE *pipe;
	size_t len;

	if (system(o->probe) != 0)
		return NULL;
	oracle_file(file_a, a, a_len);
	oracle_file(file_b, b, b_len);
	/* the commands have one %s each, and awk's percent signs don't occur */
	for (int i = 0; i < 2; i++) {
		const char *at = strstr(o->command, "%s");

		snprintf(i ? read_b : read_a, 800, "%.*s%s%s",
			 (int)(at - o->command), o->command,
			 i ? file_b : file_a, at + 2);
	}
	snprintf(command, sizeof(command), "{ %s; } | LC_ALL=C sort >%s.txt; "
		 "{ %s; } | LC_ALL=C sort >%s.txt; diff %s.txt %s.txt | "
		 "grep '^[<>]'; rm -f %s.txt %s.txt", read_a, file_a, read_b,
		 file_b, file_a, file_b, file_a, file_b);
	pipe = popen(command, "r");
	if (!pipe || read_all(fileno(pipe), 16u << 20, &out, &len, &err) < 0)
		abort();
	pclose(pipe);
	unlink(file_a);
	unlink(file_b);
	return out;
}

__attribute__((unused))
static size_t oracle_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

#endif
