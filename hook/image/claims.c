// SPDX-License-Identifier: GPL-2.0-or-later
/* claims.c - does a data file belong to another image or domain as well? */

#include "hook/image/claims.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/refusal.h"
#include "hook/host/child.h"
#include "hook/image/datafile.h"
#include "hook/image/header.h"
#include "hook/libvirt/sources.h"

/* As deep as QEMU's own limit for what libvirt starts (200), nearly. */
#define DEPTH_LIMIT 128
/* For a killed process to end. One that waits for a file system may not; it is left behind. */
#define END_MS 100

struct search {
	const char *image;
	char *const *files;
	size_t count;
	struct stat image_is, *files_are;
	/* Of the domain, or image, that is looked at: */
	bool image_found;
	const char *file_found;
	struct error *err;
};

/* ---- what an image is, and is based on ----------------------------------------- */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* One step of a walk down. */
struct step {
	struct search *s;
	const char *image;
	unsigned depth;
};

static void follow(struct search *s, const char *path, const char *format, unsigned depth);

static int follow_name(const struct header_name *name, void *context)
{
	const struct step *step = context;
	char path[PATH_MAX];

	if (header_path(step->image, name->name, path, sizeof(path)))
		follow(step->s, path, name->format ? name->format : "", step->depth + 1);
	return 0;
}

/* An image that can't be read is ignored: no guest can use it. Only files and block devices are
 * opened. */
static void follow(struct search *s, const char *path, const char *format, unsigned depth)
{
	struct step step = { s, path, depth };
	struct stat st;

	if (depth == DEPTH_LIMIT || stat(path, &st) < 0)
		return;
	s->image_found |= is_same(&st, &s->image_is);
	for (size_t i = 0; i < s->count; i++)
		if (is_same(&st, &s->files_are[i]))
			s->file_found = s->files[i];
	if (!s->image_found && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
		header_names(path, format, HEADER_ALL, follow_name, &step, NULL, NULL);
}

/* ---- domains -------------------------------------------------------------------- */

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The volumes of an inactive pool may exist: they are compared by name. */
static int see_source(const struct source *source, void *context)
{
	struct search *s = context;

	if (source->path)
		follow(s, source->path, source->format, 0);
	for (size_t i = 0; i < s->count && !source->path; i++)
		if (strcmp(source->volume, base_of(s->files[i])) == 0)
			s->file_found = s->files[i];
	return 0;
}

static int end_domain(const char *domain, void *context)
{
	struct search *s = context;
	const char *file = s->image_found ? NULL : s->file_found;

	s->image_found = false;
	s->file_found = NULL;
	return !file ? 0 :
		fail(s->err, REFUSE_FORMAT, "%s: keeps its data in %s, which is a disk of domain "
		     "%s: give each domain its own image with qemu-img convert", s->image, file,
		     domain);
}

static int search_domains(struct search *s)
{
	const struct sources_visitor visitor = {
		.source = see_source, .end = end_domain, .context = s,
	};

	if (sources_visit(&visitor, s->err) == 0)
		return 0;
	return s->err->code == REFUSE_FORMAT ? -1 :
		error_prefix(s->err, "%s: keeps its data in %s, and whether that is another "
			     "domain's disk is not known", s->image, s->files[0]);
}

/* ---- images beside it ------------------------------------------------------------ */

/* The one of the files whose name matches @path, unless that is one of them or the image. */
static const char *called_after(const struct search *s, const char *path)
{
	const char *file = NULL;

	if (strcmp(path, s->image) == 0)
		return NULL;
	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(path, s->files[i]) == 0)
			return NULL;
		if (datafile_is_called_after(path, s->files[i]))
			file = s->files[i];
	}
	return file;
}

/* The file belongs to the image with the longest matching name, whatever is in the header of
 * that: QEMU may read more there. Of two names of the same length, the header decides. */
static const char *had_by(struct search *s, const char *path)
{
	const char *file = called_after(s, path), *format = file ? header_format(path) : "";
	int longer = datafile_stem(path) - datafile_stem(s->image);

	if (!format[0] || longer < 0)
		return NULL;
	s->image_found = false;
	s->file_found = NULL;
	follow(s, path, format, 0);
	if (s->image_found)
		return NULL;
	return longer > 0 ? file : s->file_found;
}

static int search_beside(struct search *s)
{
	int n = (int)(base_of(s->image) - s->image);
	char path[PATH_MAX];
	const struct dirent *entry;
	const char *file;
	DIR *dir = str_printf(path, sizeof(path), "%.*s", n, s->image) ? opendir(path) : NULL;
	int r = 0;

	if (!dir)
		return fail_errno(s->err, "cannot read the folder of %s", s->image);
	while (r == 0 && (entry = readdir(dir))) {
		file = str_printf(path, sizeof(path), "%.*s%s", n, s->image, entry->d_name) ?
		       had_by(s, path) : NULL;
		if (file)
			r = fail(s->err, REFUSE_FORMAT, "%s: keeps its data in %s, which also "
				 "belongs to %s: give each image its own data with qemu-img "
				 "convert, or move the unused image to another folder", s->image,
				 file, path);
	}
	closedir(dir);
	return r;
}

/* ---- in a process of its own ------------------------------------------------------ */

static int search(struct search *s)
{
	if (stat(s->image, &s->image_is) < 0)
		return fail_errno(s->err, "%s", s->image);
	s->files_are = calloc(s->count, sizeof(*s->files_are));
	if (!s->files_are)
		return fail(s->err, ENOMEM, "out of memory");
	for (size_t i = 0; i < s->count; i++)
		if (stat(s->files[i], &s->files_are[i]) < 0)
			return fail_errno(s->err, "%s", s->files[i]);
	return search_domains(s) < 0 || search_beside(s) < 0 ? -1 : 0;
}

/* The process may outlive busflip: it must hold no lock, and no pipe that libvirt reads. */
static void keep_only(int out)
{
	if (dup2(out, STDIN_FILENO) < 0)
		_exit(1);
	/* Linux before 5.9 has no such call. */
	if (close_range(STDIN_FILENO + 1, ~0U, 0) < 0)
		for (int fd = STDIN_FILENO + 1; fd < 1024; fd++)
			close(fd);
}

static void __attribute__((noreturn)) run_search(int out, struct search *s)
{
	child_reset_signals();
	keep_only(out);
	if (search(s) < 0 && !s->err->code)
		s->err->code = EIO;
	_exit(write_all(STDIN_FILENO, s->err, sizeof(*s->err), NULL) < 0);
}

/* Return 1 with all of the answer, 0 when the time is over, -1 when there is none. */
static int await(int in, int64_t deadline, struct error *answer)
{
	size_t len = 0;

	while (len < sizeof(*answer)) {
		struct pollfd p = { .fd = in, .events = POLLIN };
		int64_t left = deadline - monotonic_ms();
		int r = left <= 0 ? 0 : poll(&p, 1, left < INT_MAX ? (int)left : INT_MAX);
		ssize_t n;

		if (r == 0)
			return 0;
		if (r < 0)
			continue;
		n = read(in, (char *)answer + len, sizeof(*answer) - len);
		if (n == 0 || (n < 0 && errno != EINTR))
			return -1;
		len += n > 0 ? (size_t)n : 0;
	}
	return 1;
}

int claims_check(const char *image, char *const *files, size_t count, int64_t deadline,
		 struct error *err)
{
	struct error answer = { .code = 0 };
	struct search s = { .image = image, .files = files, .count = count, .err = &answer };
	AUTO_FD int in = -1;
	int fds[2], status, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail_errno(err, "%s: cannot make a pipe", image);
	in = fds[0];
	pid = fork();
	if (pid == 0)
		run_search(fds[1], &s);
	close(fds[1]);
	if (pid < 0)
		return fail_errno(err, "%s: cannot start a process", image);
	r = await(in, deadline, &answer);
	if (r <= 0)
		kill(pid, SIGKILL);
	child_wait(pid, END_MS, &status);
	if (r == 0)
		return fail(err, REFUSE_HELPER_DIED, "%s: keeps its data in %s, and the time limit "
			    "was over before the disks of all domains were compared with it "
			    "(does a file system not respond?); nothing was written", image,
			    files[0]);
	if (r < 0)
		return fail(err, EIO, "%s: keeps its data in %s, and the process that compares "
			    "it with the disks of all domains died", image, files[0]);
	if (answer.code && err)
		*err = answer;
	return answer.code ? -1 : 0;
}
