// SPDX-License-Identifier: GPL-2.0-or-later
/* test-base.c - errors, cleanup, checked arithmetic, strings, log */

#include "helper/shared/base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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

/* The log's lines as they come out of stderr. */
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
	test_shell_word();
	test_log();
	end_folder();
	return done_testing();
}
