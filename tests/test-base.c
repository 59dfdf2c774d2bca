// SPDX-License-Identifier: GPL-2.0-or-later
/* test-base.c - errors, cleanup, checked arithmetic, reading and writing, log */

#include "helper/shared/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/log.h"
#include "helper/shared/text.h"
#include "tests/folder.h"

static void test_errors(void)
{
	struct error err = { 0 };
	char big[2000];

	errno = EXDEV;
	is_int(fail(&err, EINVAL, "disk %d: %s", 3, "odd"), -1, "fail() gives -1");
	is_str(err.msg, "disk 3: odd", "and the message");
	is_int(err.code, EINVAL, "and the code");
	is_int(errno, EXDEV, "and keeps errno");
	fail(&err, 0, "x");
	ok(err.code != 0, "an error never has code 0");
	is_int(fail(NULL, EINVAL, "x"), -1, "nobody wants to know");

	errno = ENOENT;
	is_int(fail_errno(&err, "cannot open %s", "f"), -1, "fail_errno() gives -1");
	has_str(err.msg, "cannot open f: No such file", "the reason is behind the text");
	is_int(err.code, ENOENT, "the code is errno");
	is_int(errno, ENOENT, "which is kept");
	is_int(fail_errno(NULL, "x"), -1, "nobody wants to know errno");

	is_int(error_prefix(&err, "domain %s", "win"), -1, "error_prefix() gives -1");
	has_str(err.msg, "domain win: cannot open f: No such", "prefix comes first");
	is_int(err.code, ENOENT, "and leaves the code");
	is_int(error_prefix(NULL, "x"), -1, "no error to put it before");

	is_int(error_suffix(&err, "try %d", 2), -1, "error_suffix() gives -1");
	ok(strncmp(err.msg, "domain win: cannot open f: No such", 34) == 0 &&
	   strcmp(err.msg + strlen(err.msg) - 7, "; try 2") == 0, "suffix comes last");
	is_int(err.code, ENOENT, "and leaves the code too");
	is_int(error_suffix(NULL, "x"), -1, "no error to put it behind");

	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	fail(&err, EIO, "%s", big);
	is_int((int)strlen(err.msg), sizeof(err.msg) - 1, "a long message is cut");
	errno = EIO;
	fail_errno(&err, "%s", big);
	is_int((int)strlen(err.msg), sizeof(err.msg) - 1, "with errno too");
	error_suffix(&err, "behind");
	ok(strlen(err.msg) == sizeof(err.msg) - 1 && strncmp(err.msg, big, 100) == 0,
	   "nothing is put behind it");
	error_prefix(&err, "front");
	ok(strlen(err.msg) == sizeof(err.msg) - 1 && strncmp(err.msg, "front: aaa", 10) == 0,
	   "a prefix before a long message stays");
	error_prefix(&err, "%s", big);
	is_int((int)strlen(err.msg), sizeof(err.msg) - 1, "a long prefix is cut");
}

static void test_cleanup(void)
{
	int fds[2], seen;
	char *text;

	if (pipe(fds) < 0)
		return;
	{
		AUTO_FD int fd = fds[0];
		AUTO_FREE char *gone = strdup("x");
		AUTO_FREE char *kept = strdup("y");

		errno = EXDEV;
		text = steal(&kept);
		ok(!kept && gone, "steal() leaves NULL behind");
		(void)fd;
	}
	seen = errno;
	is_int(seen, EXDEV, "closing keeps errno");
	is_int(fcntl(fds[0], F_GETFD), -1, "AUTO_FD closes");
	is_str(text, "y", "what was stolen stays");
	free(text);
	{
		AUTO_FD int fd = fds[1];

		is_int(steal_fd(&fd), fds[1], "steal_fd() gives the descriptor");
		is_int(fd, -1, "and leaves -1 behind");
	}
	ok(fcntl(fds[1], F_GETFD) >= 0, "a stolen descriptor stays open");
	close(fds[1]);
	{
		AUTO_FD int fd = -1;
		AUTO_FREE char *nothing = NULL;

		ok(fd == -1 && !nothing, "nothing to clean up is fine");
	}
}

static void test_arithmetic(void)
{
	static const struct {
		uint64_t off, len, limit;
		bool want;
	} ranges[] = {
		{ 0, 0, 0, true },
		{ 0, 1, 0, false },
		{ 0, 10, 10, true },
		{ 5, 5, 10, true },
		{ 5, 6, 10, false },
		{ 10, 0, 10, true },
		{ 11, 0, 10, false },
		{ UINT64_MAX, 1, UINT64_MAX, false },
		{ UINT64_MAX, 0, UINT64_MAX, true },
		{ 1, UINT64_MAX, UINT64_MAX, false },
		{ UINT64_MAX, UINT64_MAX, 10, false },
		{ UINT64_MAX - 5, 6, 100, false },
	};
	static const uint8_t bytes[] = { 0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x88, 9 };
	uint8_t out[9] = { 0 };
	uint64_t sum;

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		is_int(range_ok(ranges[i].off, ranges[i].len, ranges[i].limit),
		       ranges[i].want, "range_ok(%#llx, %#llx, %#llx)",
		       (unsigned long long)ranges[i].off,
		       (unsigned long long)ranges[i].len,
		       (unsigned long long)ranges[i].limit);
	ok(add_ok(UINT64_MAX - 1, 1, &sum) && sum == UINT64_MAX, "a sum that just fits");
	ok(!add_ok(UINT64_MAX, 1, &sum), "a sum that does not");
	ok(mul_ok(1ull << 32, (1ull << 32) - 1, &sum) && sum == 0xffffffff00000000,
	   "a product that just fits");
	ok(!mul_ok(1ull << 32, 1ull << 32, &sum), "a product that does not");

	is_int(get_le16(bytes + 1), 0x0382, "16 bits");
	is_int(get_le32(bytes + 1), 0x05840382, "32 bits");
	ok(get_le32(bytes + 5) == 0x09880786, "32 bits, not aligned");
	ok(get_le64(bytes) == 0x8807860584038201, "64 bits");
	ok(get_le64(bytes + 1) == 0x0988078605840382, "64 bits, not aligned");
	put_le64(out + 1, 0x0988078605840382);
	ok(memcmp(out + 1, bytes + 1, 8) == 0 && out[0] == 0, "64 bits and back");
	put_le32(out + 1, 0xfedcba98);
	ok(get_le32(out + 1) == 0xfedcba98 && out[5] == bytes[5], "32 bits and back");
	put_le16(out, 0xfffe);
	ok(get_le16(out) == 0xfffe && out[2] == 0xba, "16 bits and back");
}

static void test_strings(void)
{
	char buf[8], words[21];

	ok(str_eq("a", "a") && !str_eq("a", "b") && !str_eq("a", NULL) &&
	   !str_eq(NULL, "a") && str_eq(NULL, NULL), "str_eq() takes NULL");
	ok(str_fits(buf, sizeof(buf), "1234567"), "seven bytes fit eight");
	is_str(buf, "1234567", "all of them");
	ok(!str_fits(buf, sizeof(buf), "12345678"), "eight don't");
	is_str(buf, "", "and nothing is left");
	ok(!str_fits(buf, 0, "") && str_fits(buf, 1, ""), "the NUL needs a byte");
	str_cut(buf, sizeof(buf), "1234567");
	is_str(buf, "1234567", "what fits is not cut");
	str_cut(buf, sizeof(buf), "12345678");
	is_str(buf, "1234...", "what does not shows that it was");
	str_cut(buf, sizeof(buf), "123\xc3\xbc" "45678");
	is_str(buf, "123...", "not within a letter");
	str_cut(words, sizeof(words), "as many words as fit into it");
	is_str(words, "as many words as...", "nor within a word");
	str_cut(words, sizeof(words), "as many words, some of them");
	is_str(words, "as many words...", "and without a mark before it");
	str_cut(words, sizeof(words), "as manywordsasfitintoit");
	is_str(words, "as manywordsasfit...", "but within a long one");
	str_cut(buf, 3, "12345678");
	is_str(buf, "", "nothing but the dots");
	ok(str_hash("") == 0xcbf29ce484222325u && str_hash("a") == 0xaf63dc4c8601ec8cu &&
	   str_hash("foobar") == 0x85944171f73967e8u, "the hash is FNV-1a of 64 bits");
	ok(str_printf(buf, sizeof(buf), "%s-%d", "abc", 123), "printed text fits");
	is_str(buf, "abc-123", "all of it");
	ok(!str_printf(buf, sizeof(buf), "%s-%d", "abc", 1234), "longer text does not");
	is_str(buf, "", "and nothing is left either");
}

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

/* The log's lines as they come out of stderr. */
static void test_shell_word(void)
{
	static const struct {
		const char *text, *word;
	} rows[] = {
		{ "win2019", "win2019" }, { "/a/b_c.img", "/a/b_c.img" },
		{ "", "''" }, { "a b", "'a b'" }, { "-x", "'-x'" }, { "$(x)", "'$(x)'" },
		{ "a;b", "'a;b'" }, { "it's", "'it'\\''s'" }, { "~", "'~'" },
		{ "\303\274", "'\303\274'" }, { "a\nb", "'a\nb'" },
	};
	char word[32];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		is_str(shell_word(rows[i].text, word, sizeof(word)), rows[i].word, "a word");
	is_str(shell_word("abc", word, 4), "abc", "it just fits");
	is_str(shell_word("abcd", word, 4), "?", "it does not");
	is_str(shell_word("a b", word, 6), "'a b'", "quoted, it just fits");
	is_str(shell_word("a b", word, 5), "?", "quoted, it does not");
	is_str(shell_word("''''''", word, 20), "?", "nor with so many quotes");
}

/* make_old() - a file in the folder, written @seconds ago */
static void make_file(const char *name)
{
	AUTO_FD int fd = open(in_folder(name), O_WRONLY | O_CREAT, 0600);

	ok(fd >= 0, "%s is there", name);
}

/* How far the wall clock is ahead, by each look at it. */
static time_t steps;

time_t time(time_t *at)
{
	static time_t ahead;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ahead += steps;
	if (at)
		*at = now.tv_sec + ahead;
	return now.tv_sec + ahead;
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

static void logged(char *buf, size_t size, const char *text)
{
	AUTO_FREE char *path = strdup(in_folder("stderr"));
	AUTO_FD int saved = dup(2);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	ssize_t n;

	buf[0] = '\0';
	if (fd < 0 || saved < 0)
		return;
	dup2(fd, 2);
	errno = EXDEV;
	log_msg(LOG_LEVEL_NOTICE, "%s", text);
	dup2(saved, 2);
	n = pread(fd, buf, size - 1, 0);
	buf[n > 0 ? n : 0] = '\0';
	close(fd);
}

static void test_log(void)
{
	char line[4096], big[4000];

	log_open("prog", true);
	logged(line, sizeof(line), "a line");
	is_int(errno == EXDEV, true, "logging keeps errno");
	is_str(line, "prog: a line\n", "a line on stderr");
	logged(line, sizeof(line), "a\nb\033[31m\tc\x7f\r");
	is_str(line, "prog: a?b?[31m?c??\n", "control bytes are made printable");
	logged(line, sizeof(line), "gr\xc3\xbc\xc3\x9f");
	is_str(line, "prog: gr\xc3\xbc\xc3\x9f\n", "letters stay");
	logged(line, sizeof(line), "\xc2\x9b" "31m");
	ok(!strstr(line, "\xc2\x9b"), "control characters of 8 bits (U+0080 to U+009F) do not");
	logged(line, sizeof(line), "a\x9b" "31m caf\xe9 \xc3");
	is_str(line, "prog: a?31m caf? ?\n", "nor does what is no UTF-8");
	logged(line, sizeof(line), "\xe2\x80\xaetxt.exe \xef\xbf\xbe\xef\xbf\xbf \xed\xa0\x80");
	is_str(line, "prog: ???txt.exe ?????? ???\n",
	       "nor marks that reorder, nor what XML has no place for");
	logged(line, sizeof(line), "%n%s");
	is_str(line, "prog: %n%s\n", "text is no format");
	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	logged(line, sizeof(line), big);
	ok(strlen(line) > 1000 && line[strlen(line) - 1] == '\n', "a long line is cut");
	log_open("prog", false);
	logged(line, sizeof(line), "a line");
	is_str(line, "", "nothing on stderr when it is not wanted");
}

int main(void)
{
	begin_folder();
	test_errors();
	test_cleanup();
	test_arithmetic();
	test_strings();
	test_read_all();
	test_write_all();
	test_file_replace();
	test_sweep();
	test_shell_word();
	test_log();
	end_folder();
	return done_testing();
}
