// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-pending.c - records of unfinished work, and the lock per domain
 *
 * Both are at fixed paths, so this runs in its own mount namespace, where their parent
 * directories are empty.
 */

#include "hook/state/pending.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hook/state/lock.h"
#include "hook/state/mark.h"
#include "tests/clockstep.h"
#include "tests/tap.h"

#define UUID "12345678-9abc-def0-1234-56789abcdef0"
#define OTHER "ffffffff-9abc-def0-1234-56789abcdef0"

static void enter_namespace(void)
{
	if (geteuid() != 0)
		skip_all("this test must be run by root");
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, "") < 0 ||
	    mount("test", "/var/lib", "tmpfs", 0, "mode=755") < 0 ||
	    mount("test", "/run", "tmpfs", 0, "mode=755") < 0)
		skip_all("no private mount namespace can be had");
}

static void test_round_trip(void)
{
	struct pending a, b;
	struct error err = { 0 };
	struct stat st = { 0 };

	is_int(pending_read(UUID, &b, &err), 0, "nothing is pending at first");
	ok(!pending_exists(UUID), "nothing exists");
	pending_new(&a, PENDING_BOUNCE, UUID, "win \xc3\xbc");
	ok(a.id == -1 && !a.begun && !a.paused && !a.reason[0] && a.boot[0] && !a.token[0],
	   "a new record has a boot id and nothing else");
	a.session = PHASE_TRIAL;
	str_fits(a.reason, sizeof(a.reason), "from snapshot");
	str_fits(a.logged, sizeof(a.logged), "shutdown");
	a.begun = a.paused = a.excused = a.writes = a.restart = true;
	a.id = 4711;
	if (!ok(pending_write(&a, &err) == 0, "write"))
		diag("%s", err.msg);
	ok(pending_exists(UUID), "exists then");
	if (!ok(pending_read(UUID, &b, &err) == 1, "read"))
		diag("%s", err.msg);
	ok(a.kind == b.kind && a.session == b.session && a.begun == b.begun &&
	   a.paused == b.paused && a.excused == b.excused && a.id == b.id &&
	   a.writes == b.writes && a.restart == b.restart &&
	   a.at == b.at, "numbers are the same");
	is_str(b.uuid, a.uuid, "UUID");
	is_str(b.name, a.name, "name");
	is_str(b.reason, a.reason, "reason");
	is_str(b.logged, a.logged, "logged reason");
	is_str(b.boot, a.boot, "boot id");
	is_str(b.token, a.token, "token");
	stat(PENDING_FOLDER "/" UUID, &st);
	is_int(st.st_mode & 07777, 0600, "for root's eyes");
	stat(PENDING_FOLDER, &st);
	is_int(st.st_mode & 07777, 0700, "and so is the folder");
	stat(BUSFLIP_STATEDIR, &st);
	is_int(st.st_mode & 07777, 0755, "but QEMU may look for the bait beside it");

	pending_new(&a, PENDING_RELEASE, UUID, "");
	is_int(pending_write(&a, &err), 0, "a newer record");
	is_int(pending_read(UUID, &b, &err), 1, "takes the old one's place");
	ok(b.kind == PENDING_RELEASE && b.id == -1 && !b.begun && !b.reason[0] && !b.name[0],
	   "and nothing of that is left");
}

static void test_names(void)
{
	struct error err = { 0 };
	struct pending a, b;
	char longest[256];

	pending_new(&a, PENDING_RELEASE, UUID, "a\nreason shutdown\nkind bounce\n");
	is_int(pending_write(&a, &err), 0, "a name with newlines");
	is_int(pending_read(UUID, &b, &err), 1, "can be read back");
	ok(!b.reason[0] && b.kind == PENDING_RELEASE, "and forges nothing");
	pending_new(&a, PENDING_RELEASE, UUID, "win");
	str_fits(a.reason, sizeof(a.reason), "x\nkind bounce\nend");
	pending_write(&a, &err);
	ok(pending_read(UUID, &b, &err) == -1 || b.kind == PENDING_RELEASE,
	   "neither does a reason");
	memset(longest, 'n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	pending_new(&a, PENDING_RELEASE, UUID, longest);
	ok(pending_write(&a, &err) == 0 && pending_read(UUID, &b, &err) == 1 &&
	   strcmp(b.name, longest) == 0, "the longest name");
	pending_new(&a, PENDING_RELEASE, "../../etc/passwd", "x");
	is_int(pending_write(&a, &err), -1, "a path as UUID");
	is_int(pending_read("../../etc/passwd", &b, &err), -1, "is not read either");
	ok(!pending_exists("../../etc/passwd"), "nor looked for");
	pending_new(&a, PENDING_RELEASE, "", "x");
	is_int(pending_write(&a, &err), -1, "no UUID, no record");
}

static void test_tokens(void)
{
	struct error err = { 0 };
	struct pending old, new;

	pending_new(&new, PENDING_RELEASE, UUID, "win");
	pending_write(&new, &err);
	old = new;
	pending_write(&new, &err);
	ok(strcmp(old.token, new.token) != 0, "one record, written twice, has another token");
	pending_remove(&old);
	ok(pending_exists(UUID), "a record that replaced ours stays");
	pending_remove(&new);
	ok(!pending_exists(UUID), "ours goes");
	pending_remove(&new);
	ok(!pending_exists(UUID), "twice is harmless");
	pending_write(&old, &err);
	pending_discard(UUID);
	ok(!pending_exists(UUID), "discard asks for no token");
	pending_discard("../../etc/passwd");
	pending_discard(UUID);
	ok(true, "nor for a record");
}

static void test_age(void)
{
	struct pending p;

	pending_new(&p, PENDING_RELEASE, UUID, "win");
	ok(pending_age(&p) >= 0 && pending_age(&p) < 1000, "a new record is young");
	usleep(30000);
	ok(pending_age(&p) >= 30, "and ages");
	p.boot[0] ^= 1;
	is_int(pending_age(&p), -1, "one of another boot has no age");
	p.boot[0] = '\0';
	is_int(pending_age(&p), -1, "nor one of no known boot");
	pending_new(&p, PENDING_RELEASE, UUID, "win");
	p.at += 1000000;
	is_int(pending_age(&p), -1, "nor one of the future");
}

/* Only what is destroyed now is started again. */
static void test_restart(void)
{
	struct error err = { 0 };
	struct pending p;

	pending_discard(UUID);
	ok(!pending_is_restart(UUID), "no record, no restart");
	pending_new(&p, PENDING_RESTART, UUID, "win");
	ok(pending_write(&p, &err) == 0 && pending_is_restart(UUID), "one that is destroyed now");
	p.at -= PENDING_RESTART_MS + 1;
	ok(pending_write(&p, &err) == 0 && !pending_is_restart(UUID), "not one that was not");
	p.at = 0;
	p.boot[0] ^= 1;
	ok(pending_write(&p, &err) == 0 && !pending_is_restart(UUID),
	   "nor one of before the host went down");
	pending_new(&p, PENDING_BOUNCE, UUID, "win");
	ok(pending_write(&p, &err) == 0 && !pending_is_restart(UUID), "nor for another reason");
	pending_new(&p, PENDING_RELEASE, UUID, "win");
	p.restart = p.asking = true;
	ok(pending_write(&p, &err) == 0 && pending_is_restart(UUID),
	   "one whose release hook was killed with the daemon");
	p.asking = false;
	ok(pending_write(&p, &err) == 0 && !pending_is_restart(UUID), "not one that is complete");
	pending_discard(UUID);
}

static void put(const char *text, size_t len)
{
	AUTO_FD int fd = open(PENDING_FOLDER "/" UUID, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		diag("cannot write the record");
}

#define HEAD "busflip 1\nkind release\nname win\nsession staged\n"

static void test_damage(void)
{
	static const struct {
		const char *name, *text;
		int want;
	} cases[] = {
		{ "nothing", "", -1 },
		{ "a newline", "\n", -1 },
		{ "no first line", "kind release\nsession staged\nend\n", -1 },
		{ "another version", "busflip 2\nkind release\nsession staged\nend\n", -1 },
		{ "no end", HEAD, -1 },
		{ "half an end", HEAD "en", -1 },
		{ "a line that was appended", HEAD "end\n\nreason shutdown\n", 1 },
		{ "a word that begins as the end", HEAD "endless\n", -1 },
		{ "a phase that is none", "busflip 1\nkind release\nsession gone\nend\n", -1 },
		{ "an end without newline", HEAD "end", 1 },
		{ "a key that we don't know", HEAD "colour blue\nend\n", 1 },
		{ "a kind of a later busflip", "busflip 1\nkind later\nsession staged\nend\n", 1 },
		{ "only what is needed", "busflip 1\nsession staged\nend\n", 1 },
		{ "numbers out of range", HEAD "id 99999999999999999999\nat x\nend\n", 1 },
		{ "a value that is too long", HEAD "token "
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\nend\n", 1 },
	};
	char big[8192];
	struct error err = { 0 };
	struct pending p, a;
	char text[4096];
	size_t len;
	int fd, bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put(cases[i].text, strlen(cases[i].text));
		is_int(pending_read(UUID, &p, &err), cases[i].want, "a record with %s",
		       cases[i].name);
		is_str(p.uuid, UUID, "its UUID is that of the file");
	}
	memset(big, 'x', sizeof(big));
	put(big, sizeof(big));
	is_int(pending_read(UUID, &p, &err), -1, "8 KiB are no record");
	has_str(err.msg, UUID, "the error tells which");

	/* Cut anywhere, it is no record any more: a host that lost power. */
	pending_new(&a, PENDING_RELEASE, UUID, "win");
	a.session = PHASE_STAGED;
	pending_write(&a, &err);
	fd = open(PENDING_FOLDER "/" UUID, O_RDONLY);
	len = fd < 0 ? 0 : (size_t)read(fd, text, sizeof(text));
	close(fd);
	for (size_t n = 0; n + 1 < len; n++) {
		put(text, n);
		bad += pending_read(UUID, &p, &err) != -1;
	}
	ok(len > 50 && bad == 0, "a record cut anywhere (%zu places) is none", len - 1);

	pending_discard(UUID);
	if (symlink("/etc/passwd", PENDING_FOLDER "/" UUID) == 0)
		is_int(pending_read(UUID, &p, &err), -1, "a link is not followed");
	pending_discard(UUID);
	ok(access("/etc/passwd", F_OK) == 0 && !pending_exists(UUID), "but removed");
}

static void count(void *context, const char *uuid)
{
	int *n = context;

	*n += strcmp(uuid, UUID) == 0 ? 1 : strcmp(uuid, OTHER) == 0 ? 10 : 100;
	/* As settling does: the folder changes while it is read. */
	pending_discard(uuid);
}

static void test_each(void)
{
	struct error err = { 0 };
	struct pending p;
	int n = 0, fd;

	pending_new(&p, PENDING_RELEASE, UUID, "one");
	pending_write(&p, &err);
	pending_new(&p, PENDING_RELEASE, OTHER, "two");
	pending_write(&p, &err);
	fd = open(PENDING_FOLDER "/" UUID ".Ab3dE6", O_WRONLY | O_CREAT, 0600);
	close(fd);
	pending_each(count, &n);
	is_int(n, 11, "each record once; half written ones are none");
	n = 0;
	pending_each(count, &n);
	is_int(n, 0, "none left");
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Another process that holds the lock for @ms milliseconds, or for ever. */
static pid_t holder(const char *uuid, int ms)
{
	int fds[2];
	char c;
	pid_t pid;

	if (pipe(fds) < 0)
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int lock = domain_lock(uuid, 1, NULL);

		if (write(fds[1], lock < 0 ? "n" : "y", 1) != 1)
			_exit(1);
		if (ms < 0)
			pause();
		usleep((unsigned)ms * 1000);
		_exit(0);
	}
	if (read(fds[0], &c, 1) != 1 || c != 'y')
		diag("the other process has no lock");
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void test_lock(void)
{
	struct error err = { 0 };
	double begin;
	pid_t pid;
	int lock;

	lock = domain_lock(UUID, 0, &err);
	ok(lock >= 0, "a lock");
	is_int(fcntl(lock, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC,
	       "is not handed to programs that are run");
	close(lock);
	is_int(domain_lock("../x", 0, &err), -1, "no UUID, no lock");

	pid = holder(UUID, -1);
	begin = now();
	is_int(domain_lock(UUID, 1, &err), -1, "another process has it");
	is_int(err.code, EBUSY, "which is EBUSY");
	ok(now() - begin < 3, "found out in time");
	lock = domain_lock(OTHER, 0, &err);
	ok(lock >= 0, "another domain's is free");
	close(lock);
	kill(pid, 9);
	waitpid(pid, NULL, 0);
	lock = domain_lock(UUID, 0, &err);
	ok(lock >= 0, "the lock of a process that was killed is free");
	close(lock);

	pid = holder(UUID, 200);
	begin = now();
	lock = domain_lock(UUID, 10, &err);
	ok(lock >= 0 && now() - begin < 5, "it is had as soon as the other one lets go");
	close(lock);
	waitpid(pid, NULL, 0);
}

static void put_mark(const char *text)
{
	AUTO_FD int fd = open(BUSFLIP_RUNDIR "/" UUID ".continues",
			  O_WRONLY | O_TRUNC | O_CREAT, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		diag("cannot write the mark");
}

/* The clock is set while a mark is there, or while a lock is waited for. */
static void test_clock_steps(void)
{
	struct error err = { 0 };
	char text[24];
	double begin;
	pid_t pid;
	int lock;

	ok(!mark_is_continuing(UUID), "no mark");
	mark_continues(UUID);
	steps = 3600;
	ok(mark_is_continuing(UUID), "counts when the clock is set forward");
	snprintf(text, sizeof(text), "%lld", (long long)uptime_ms() - 119000);
	put_mark(text);
	ok(mark_is_continuing(UUID), "for two minutes");
	snprintf(text, sizeof(text), "%lld", (long long)uptime_ms() - 121000);
	put_mark(text);
	steps = -3600;
	ok(!mark_is_continuing(UUID), "and no longer when it is set back");
	snprintf(text, sizeof(text), "%lld", (long long)uptime_ms() + 60000);
	put_mark(text);
	ok(!mark_is_continuing(UUID), "one of another boot does not");
	put_mark("");
	ok(mark_is_continuing(UUID), "one without a time does");
	mark_continues_no_more(UUID);
	ok(!mark_is_continuing(UUID), "until it is removed");

	steps = 3600;
	pid = holder(UUID, 200);
	lock = domain_lock(UUID, 10, &err);
	ok(lock >= 0, "the clock is set forward: the lock is waited for all the same");
	close(lock);
	waitpid(pid, NULL, 0);
	steps = -3600;
	pid = holder(UUID, 4000);
	begin = now();
	is_int(domain_lock(UUID, 1, &err), -1, "set back: another process has it");
	ok(now() - begin < 3, "found out in time");
	kill(pid, 9);
	waitpid(pid, NULL, 0);
	steps = 0;
}

static void test_no_space(void)
{
	struct error err = { 0 };
	struct pending a, b;

	pending_new(&a, PENDING_RELEASE, UUID, "win");
	str_fits(a.reason, sizeof(a.reason), "shutdown");
	pending_write(&a, &err);
	if (mount("test", "/var/lib", "tmpfs", MS_REMOUNT | MS_RDONLY, "") < 0)
		return;
	a.reason[0] = '\0';
	is_int(pending_write(&a, &err), -1, "a file system that can't be written");
	is_int(err.code, EROFS, "is EROFS");
	ok(pending_read(UUID, &b, &err) == 1 && strcmp(b.reason, "shutdown") == 0,
	   "and the old record is still whole");
}

int main(void)
{
	enter_namespace();
	test_round_trip();
	test_names();
	test_tokens();
	test_age();
	test_restart();
	test_damage();
	test_each();
	test_lock();
	test_clock_steps();
	test_no_space();
	return done_testing();
}
