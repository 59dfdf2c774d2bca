// SPDX-License-Identifier: GPL-2.0-or-later
/* test-file.c - reading and writing descriptors, replacing files */

#include "helper/shared/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/clockstep.h"
#include "tests/folder.h"

/* The child writes @n bytes in pieces, as a pipe may deliver them. */
static int pipe_of(size_t n, size_t piece)
{
	int fds[2];

	if (pipe(fds) < 0)
		return -1;
	fflush(stdout);
	if (fork() == 0) {
		char buf[8192];

		close(fds[0]);
		for (size_t done = 0; done < n;) {
			size_t len = n - done < piece ? n - done : piece;

			for (size_t i = 0; i < len; i++)
				buf[i] = (char)('a' + (done + i) % 23);
			if (write(fds[1], buf, len) != (ssize_t)len)
				_exit(1);
			done += len;
		}
		_exit(0);
	}
	close(fds[1]);
	return fds[0];
}

static bool as_written(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != (char)('a' + i % 23))
			return false;
	return data[len] == '\0';
}

static void test_read_all(void)
{
	static const size_t sizes[] = { 0, 1, 65534, 65535, 65536, 131071, 300000 };
	struct error err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		AUTO_FREE char *data = NULL;
		AUTO_FD int fd = pipe_of(sizes[i], 777);
		size_t len = 99;

		ok(read_all(fd, 300000, &data, &len, &err) == 0 && len == sizes[i] &&
		   as_written(data, len), "%zu bytes, NUL behind them", sizes[i]);
		wait(NULL);
	}
	for (size_t n = 4096; n <= 4097; n++) {
		AUTO_FREE char *data = NULL;
		AUTO_FD int fd = pipe_of(n, 4097);
		size_t len = 99;

		is_int(read_all(fd, 4096, &data, &len, &err), n > 4096 ? -1 : 0,
		       "%zu bytes of at most 4096", n);
		ok(n <= 4096 || (!data && err.code == EFBIG), "too much is EFBIG");
		wait(NULL);
	}
	{
		AUTO_FREE char *data = NULL;
		size_t len;

		is_int(read_all(-1, 10, &data, &len, &err), -1, "no descriptor");
		is_int(err.code, EBADF, "is EBADF");
	}
}

static void nothing(int signal)
{
	(void)signal;
}

/* A reader that begins late and signals meanwhile: short writes, EINTR. */
static void test_write_all(void)
{
	const struct sigaction act = { .sa_handler = nothing };
	AUTO_FREE char *data = calloc(1, 400001), *back = NULL;
	struct error err = { 0 };
	pid_t parent = getpid();
	size_t len = 0;
	int fds[2], status = 1;

	if (!data || pipe(fds) < 0)
		return;
	for (size_t i = 0; i < 400000; i++)
		data[i] = (char)('a' + i % 23);
	sigaction(SIGUSR1, &act, NULL);
	fflush(stdout);
	if (fork() == 0) {
		close(fds[1]);
		for (int i = 0; i < 5; i++) {
			usleep(2000);
			kill(parent, SIGUSR1);
		}
		_exit(read_all(fds[0], 400000, &back, &len, NULL) == 0 &&
		      len == 400000 && as_written(back, len) ? 0 : 1);
	}
	close(fds[0]);
	is_int(write_all(fds[1], data, 400000, &err), 0, "more than a pipe takes at once");
	close(fds[1]);
	wait(&status);
	is_int(status, 0, "arrives whole in spite of signals");
	is_int(write_all(-1, "x", 1, &err), -1, "no descriptor");
	is_int(write_all(-1, "", 0, &err), 0, "nothing to write always works");
}

static int entries(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static const char *content(const char *name)
{
	static char text[64];
	AUTO_FD int fd = open(in_folder(name), O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return NULL;
	text[n] = '\0';
	return text;
}

static void test_file_replace(void)
{
	AUTO_FREE char *path = strdup(in_folder("file"));
	struct error err = { 0 };
	struct stat st = { 0 };

	umask(077);
	is_int(file_replace(path, "one", 3, 0644, &err), 0, "a new file");
	is_str(content("file"), "one", "holds what was given");
	stat(path, &st);
	is_int(st.st_mode & 07777, 0644, "and has its mode, whatever the umask");
	is_int(file_replace(path, "two!", 4, 0600, &err), 0, "an old file");
	is_str(content("file"), "two!", "holds the new text");
	stat(path, &st);
	is_int(st.st_mode & 07777, 0600, "and the new mode");
	is_int(file_replace(path, "", 0, 0600, &err), 0, "an empty one");
	is_str(content("file"), "", "is empty");
	is_int(entries(), 1, "nothing else is left behind");

	is_int(file_replace(in_folder("no/file"), "x", 1, 0600, &err), -1,
	       "no such folder");
	is_int(err.code, ENOENT, "is ENOENT");
	mkdir(in_folder("dir"), 0700);
	is_int(file_replace(in_folder("dir"), "x", 1, 0600, &err), -1, "a folder is there");
	is_int(entries(), 2, "the temporary file is gone again");
	if (symlink("file", in_folder("link")) == 0) {
		is_int(file_replace(in_folder("link"), "new", 3, 0600, &err), 0, "a link");
		is_str(content("file"), "", "is replaced, not followed");
	}
}

static void make_file(const char *name)
{
	AUTO_FD int fd = open(in_folder(name), O_WRONLY | O_CREAT, 0600);

	ok(fd >= 0, "%s is there", name);
}

/* Another process sweeps all the time, and its clock runs away. */
static int replace_beside_sweep(struct error *err)
{
	const pid_t writer = getpid();
	AUTO_FREE char *path = strdup(in_folder("swept"));
	char data[4096] = "";
	pid_t pid = fork();
	int done = 0;

	if (pid == 0) {
		steps = 3600;
		while (getppid() == writer)
			file_replace_sweep(folder);
		_exit(0);
	}
	while (done < 100 && file_replace(path, data, sizeof(data), 0600, err) == 0)
		done++;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return done;
}

static void test_sweep(void)
{
	struct error err = { 0 };
	int fd;

	make_file("record.aB3dE6");
	make_file("locked.aB3dE6");
	make_file("record.aB3d-6");
	make_file("record.aB3dE67");
	make_file(".aB3dE6");
	fd = open(in_folder("locked.aB3dE6"), O_RDONLY);
	is_int(flock(fd, LOCK_EX), 0, "one is locked");
	file_replace_sweep(folder);
	ok(access(in_folder("record.aB3dE6"), F_OK) != 0, "what is left of a replacement goes");
	ok(access(in_folder("locked.aB3dE6"), F_OK) == 0, "not while it is written");
	close(fd);
	file_replace_sweep(folder);
	ok(access(in_folder("locked.aB3dE6"), F_OK) != 0, "but when its process is gone");
	ok(access(in_folder("record.aB3d-6"), F_OK) == 0, "not another name");
	ok(access(in_folder("record.aB3dE67"), F_OK) == 0, "nor one that is longer");
	ok(access(in_folder(".aB3dE6"), F_OK) == 0, "nor one without a name in front");
	file_replace_sweep(in_folder("nowhere"));
	if (!is_int(replace_beside_sweep(&err), 100, "no file that is being written is swept"))
		diag("%s", err.msg);
}

int main(void)
{
	begin_folder();
	test_read_all();
	test_write_all();
	test_file_replace();
	test_sweep();
	end_folder();
	return done_testing();
}
