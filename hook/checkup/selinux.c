// SPDX-License-Identifier: GPL-2.0-or-later
/* selinux.c - may a process with one label use a file with another? */

#include "hook/checkup/selinux.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The only flag of an answer: this domain is permissive. */
#define PERMISSIVE 1ul

/* The number in a file of @fs; -1 if there is none. */
static long number(const char *fs, const char *name)
{
	char path[PATH_MAX], text[16] = "", *end;
	AUTO_FD int fd = -1;
	long value;

	if (!str_printf(path, sizeof(path), "%s/%s", fs, name))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 1)
		return -1;
	value = strtol(text, &end, 10);
	return end == text ? -1 : value;
}

static long class_number(const char *fs, const char *class)
{
	char name[64];

	return str_printf(name, sizeof(name), "class/%s/index", class) ? number(fs, name) : -1;
}

static long permission_number(const char *fs, const char *class, const char *permission)
{
	char name[64];

	return str_printf(name, sizeof(name), "class/%s/perms/%s", class, permission) ?
	       number(fs, name) : -1;
}

bool selinux_enforces(const char *fs)
{
	return number(fs, "enforce") != 0;
}

bool selinux_label(const char *path, char label[SELINUX_LABEL])
{
	ssize_t n = getxattr(path, "security.selinux", label, SELINUX_LABEL - 1);

	if (n < 1)
		return false;
	label[n] = '\0';
	/* The label becomes a part of a query with spaces, and is printed on a terminal. */
	return !strpbrk(label, " \t\n");
}

/* Return as selinux_allows(); @allowed: a bit for each permission. The answer has six numbers,
 * of which the flags were added last: allowed, decided, two for the audit, the number of the
 * policy, flags. */
static int ask(const char *fs, const char *question, unsigned long *allowed)
{
	char path[PATH_MAX], answer[256] = "", *end = answer;
	unsigned long numbers[6] = { 0 };
	size_t len = strlen(question), n = 0;
	AUTO_FD int fd = -1;

	if (!str_printf(path, sizeof(path), "%s/access", fs))
		return -1;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || write(fd, question, len) != (ssize_t)len ||
	    read(fd, answer, sizeof(answer) - 1) < 1)
		return -1;
	for (const char *at = answer; n < ARRAY_SIZE(numbers); at = end, n++) {
		numbers[n] = strtoul(at, &end, 16);
		if (end == at)
			break;
	}
	*allowed = numbers[0];
	return n == 0 ? -1 : (int)(numbers[5] & PERMISSIVE);
}

int selinux_allows(const char *fs, const char *process, const char *object,
		   const char *class, const char *const *permissions)
{
	long index = class_number(fs, class);
	char question[2 * SELINUX_LABEL + 16];
	unsigned long allowed;
	int r;

	if (index < 0 || !str_printf(question, sizeof(question), "%s %s %ld", process, object,
				     index))
		return -1;
	r = ask(fs, question, &allowed);
	for (; r == 0 && *permissions; permissions++) {
		long bit = permission_number(fs, class, *permissions);

		if (bit < 1 || bit > 32)
			return -1;
		if (!(allowed & 1ul << (bit - 1)))
			return 0;
	}
	return r < 0 ? -1 : 1;
}

/* Return the file or folder in @barrier, with its label appended. */
static int ask_one(const char *fs, const char *process, bool write,
		   struct selinux_barrier *barrier)
{
	static const char *const folder[] = { "search", NULL };
	static const char *const reading[] = { "read", "open", NULL };
	static const char *const writing[] = { "read", "open", "write", NULL };
	struct stat st;

	if (stat(barrier->path, &st) < 0)
		return -1;
	barrier->folder = S_ISDIR(st.st_mode);
	/* A folder without a label is not known to be an obstacle. */
	if (!selinux_label(barrier->path, barrier->label))
		return barrier->folder ? 1 : -1;
	return selinux_allows(fs, process, barrier->label,
			      barrier->folder ? "dir" :
			      S_ISBLK(st.st_mode) ? "blk_file" : "file",
			      barrier->folder ? folder : write ? writing : reading);
}

int selinux_way(const char *fs, const char *process, const char *path, bool file, bool write,
		struct selinux_barrier *barrier)
{
	char real[PATH_MAX];
	bool answered = true;
	size_t len;

	if (!realpath(path, real))
		return -1;
	len = strlen(real);
	for (size_t i = 0; i <= len; i++) {
		int r;

		if (i == len ? !file : real[i] != '/')
			continue;
		str_printf(barrier->path, sizeof(barrier->path), "%.*s", i ? (int)i : 1, real);
		r = ask_one(fs, process, write, barrier);
		if (r == 0)
			return 0;
		answered &= r > 0;
	}
	return answered ? 1 : -1;
}
