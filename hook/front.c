// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * front.c - busflip-hook, the program that libvirt runs
 *
 * It runs for each event of every guest on the host. So it links only libc, searches the XML
 * for the tag's bytes and exits if there are none and no patch of any disk is unfinished.
 * Otherwise it runs "busflip event" and waits.
 *
 * Whatever fails in here or in busflip, the guest starts: a crash, a missing program or a
 * timeout returns 0. Only a deliberate "refuse" of busflip makes the hook fail, and only where
 * the table allows it. (A failing "reconnect" would kill a running guest; it is ignored.) But
 * if busflip failed and there is a journal, a disk may be half patched: only busflip knows whose.
 */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/text.h"

#define ACTOR BUSFLIP_SBINDIR "/busflip"
#define TAG "urn:busflip:domain:1"
#define STATE "urn:busflip:state:1"
#define XML_LIMIT (8u << 20)
#define DEADLINE 60	/* far more than busflip needs; libvirt would wait without limit */

static const struct {
	const char *op, *subop;
	bool may_refuse;
} ops[] = {
	{ "prepare", "begin", true },
	{ "started", "begin", false },
	{ "stopped", "end", false },
	{ "release", "end", false },
	{ "migrate", "begin", false },	/* filters: they print nothing, so the XML is unchanged */
	{ "restore", "begin", false },
};

static char xml[XML_LIMIT];	/* static: pages that are never touched cost nothing */

/* A name for the log and the user. Others chose it. */
static const char *shown(const char *name)
{
	static char text[256];

	str_cut(text, sizeof(text), name);
	make_printable(text);
	return text;
}

/* The state's own start tag says done or held; a forged one only makes busflip do less. libvirt
 * prints double quotes, which no value contains, but a reason may have guest-chosen text with
 * single ones. */
static bool is_over(size_t len)
{
	static const char *const over[] = { "phase=\"done\"", "phase=\"held\"" };
	const char *state = memmem(xml, len, STATE, strlen(STATE));
	const char *end = state ? memchr(state, '>', (size_t)(xml + len - state)) : NULL;

	for (size_t i = 0; end && i < ARRAY_SIZE(over); i++)
		if (memmem(state, (size_t)(end - state), over[i], strlen(over[i])))
			return true;
	return false;
}

static bool read_xml(size_t *len)
{
	ssize_t n;

	for (*len = 0; *len < XML_LIMIT; *len += (size_t)n) {
		n = read(STDIN_FILENO, xml + *len, XML_LIMIT - *len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return n == 0;
	}
	return false;
}

/* In the child: the XML as a new stdin, and nothing of the daemon's environment. */
static void run_actor(char *argv[], size_t len, const sigset_t *signals)
{
	char *const args[] = { (char[]){ "busflip" }, (char[]){ "event" }, (char[]){ "--" },
			       argv[1], argv[2], argv[3], argv[4], NULL };
	char *const env[] = { (char[]){ "LC_ALL=C" },
			      (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, NULL };
	int fd = memfd_create("domain.xml", MFD_CLOEXEC);

	sigprocmask(SIG_SETMASK, signals, NULL);
	if (fd < 0 || write(fd, xml, len) != (ssize_t)len ||
	    lseek(fd, 0, SEEK_SET) < 0 || dup2(fd, STDIN_FILENO) < 0)
		_exit(EXIT_FAILED);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execve(ACTOR, args, env);
	syslog(LOG_DAEMON | LOG_ERR, "busflip-hook: domain %s: cannot run %s: %s; reinstall "
	       "busflip", shown(argv[1]), ACTOR, strerror(errno));
	_exit(EXIT_FAILED);
}

static int wait_for(pid_t child, const sigset_t *chld, const char *name)
{
	const struct timespec t = { .tv_sec = 1 };
	int status = 0, left = DEADLINE;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (sigtimedwait(chld, NULL, &t) >= 0 || errno == EINTR || --left)
			continue;
		syslog(LOG_DAEMON | LOG_ERR, "busflip-hook: domain %s: busflip did not finish "
		       "in %d s, killed; see busflip inspect", shown(name), DEADLINE);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		break;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

#define HALF_PATCHED "domain %s was not started: busflip failed (see the log), and a patch of a " \
	"disk, perhaps of its own, is not finished (" JOURNAL_FOLDER "); try again, or " \
	"finish it with busflip inspect of this domain"

static int refuse(const char *name)
{
	dprintf(STDERR_FILENO, HALF_PATCHED "\n", shown(name));
	syslog(LOG_DAEMON | LOG_ERR, "busflip-hook: " HALF_PATCHED, shown(name));
	return EXIT_FAILED;
}

int main(int argc, char *argv[])
{
	sigset_t chld, old;
	size_t len, i = 0;
	pid_t child;
	int status;
	char mark[64];

	while (argc == 5 && i < ARRAY_SIZE(ops) &&
	       (strcmp(argv[2], ops[i].op) || strcmp(argv[3], ops[i].subop)))
		i++;
	if (argc != 5 || i == ARRAY_SIZE(ops))
		return EXIT_DONE;
	if (!read_xml(&len))
		return ops[i].may_refuse && any_journal() ? refuse(argv[1]) : EXIT_DONE;
	/* "busflip patch" needs no tag, so any guest's disk may be half patched; and busflip must
	 * know when that guest continues. */
	if ((!memmem(xml, len, TAG, strlen(TAG)) || is_over(len)) && !any_journal())
		return EXIT_DONE;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);
	signal(SIGCHLD, SIG_DFL);
	child = fork();
	if (child == 0)
		run_actor(argv, len, &old);
	status = child < 0 ? EXIT_FAILED : wait_for(child, &chld, argv[1]);
	if (!ops[i].may_refuse)
		return EXIT_DONE;
	if (status == EXIT_REFUSE_START)
		return EXIT_FAILED;
	if (status != EXIT_DONE && any_journal())
		return refuse(argv[1]);
	/* While this file exists, the start has not been allowed: see hook/state/session.h. */
	snprintf(mark, sizeof(mark), BUSFLIP_RUNDIR "/%d.preparing", (int)getpid());
	unlink(mark);
	return EXIT_DONE;
}
