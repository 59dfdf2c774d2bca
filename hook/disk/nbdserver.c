// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nbdserver.c - qemu-nbd on one image, in a jail, on a private socket
 *
 * The listening socket is created, connected to once and removed from the file system before
 * qemu-nbd exists, so nobody else can ever connect. qemu-nbd gets it as by systemd's socket
 * activation. The connection waits in its backlog, so there is no polling for readiness.
 */

#include "hook/disk/nbdserver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/log.h"
#include "helper/shared/refusal.h"
#include "helper/shared/text.h"
#include "hook/disk/nbdjail.h"
#include "hook/disk/nbdsocket.h"
#include "hook/host/child.h"

#define LISTEN_FD 3
#define LIFELINE_FD 4
#define NOTES_FD 5
#define GATE_FD 6
#define KEEPER_FDS 7
#define LOG_LIMIT 4096
/* The part of it that is passed on. */
#define SAID_LIMIT 400
/* Linux 5.9, the same on every architecture; on older kernels, descriptors below this number. */
#define CALL_CLOSE_RANGE 436
#define MOST_FILES 65536
/* Many times what it usually takes to close an image. */
#define OWN_END_MS 500

#define IN_USE "the image is in use: stop the program that uses it (see fuser -v)"
#define OTHER_FORMAT "the image is not of the given format, or is truncated (see qemu-img info)"

/* Messages of qemu-nbd, and what they mean. */
static const struct {
	const char *text;
	enum refusal refusal;
	const char *means;
} reasons[] = {
	{ "Failed to get \"write\" lock", REFUSE_IN_USE,
	  "the image is in use by another process, probably a running guest: "
	  "shut that down first" },
	{ "Failed to get shared \"write\" lock", REFUSE_IN_USE,
	  "the image is being written by another process, probably a running "
	  "guest: shut that down first" },
	{ "Failed to get", REFUSE_IN_USE, IN_USE },
	{ "Is another process using", REFUSE_IN_USE, IN_USE },
	{ "can't be sandboxed here", REFUSE_SANDBOX, "the sandbox is not available here" },
	{ "Device or resource busy", REFUSE_IN_USE,
	  "the device is in use, by a mount, by LVM or by a program (see fuser -v)" },
	{ "Read-only file system", REFUSE_READ_ONLY,
	  "the image can't be written" },
	{ "Image is not in", REFUSE_FORMAT, OTHER_FORMAT },
	{ "Could not open backing file", REFUSE_FORMAT,
	  "the image needs a file that busflip did not find in it (see qemu-img info)" },
	{ "log that needs to be replayed", REFUSE_FORMAT,
	  "the image was not closed, and its log must be replayed first, by qemu-img check -r all "
	  "or a start of the guest" },
	{ "Unknown driver", REFUSE_FORMAT,
	  "QEMU doesn't know this format; give raw, qcow2, vmdk, ..." },
	{ "key-secret' is required", REFUSE_FORMAT,
	  "the image is encrypted by QEMU (LUKS or AES): leave it as it is" },
	{ "corrupt", REFUSE_FORMAT, "the image is damaged: see qemu-img check" },
	/* Each image format of QEMU has its own wording. */
	{ "Image not in", REFUSE_FORMAT, OTHER_FORMAT },
	{ ": Invalid argument", REFUSE_FORMAT, OTHER_FORMAT },
	{ ": invalid V", REFUSE_FORMAT, OTHER_FORMAT },
	{ ": Unsupported VDI", REFUSE_FORMAT, OTHER_FORMAT },
	{ "too small", REFUSE_FORMAT, OTHER_FORMAT },
};

/* Commas separate options and are doubled within one. */
static bool live_options(const struct nbdserver_image *image, char *out,
			 size_t size)
{
	char escaped[8192];
	struct stat st;
	size_t n = 0;

	for (const char *p = image->path; *p; p++) {
		if (n + 3 > sizeof(escaped))
			return false;
		escaped[n++] = *p;
		if (*p == ',')
			escaped[n++] = ',';
	}
	escaped[n] = '\0';
	return str_printf(out, size,
			  "driver=%s,read-only=on,force-share=on,"
			  "file.driver=%s,file.filename=%s", image->format,
			  stat(image->path, &st) == 0 && S_ISBLK(st.st_mode) ? "host_device"
									     : "file",
			  escaped);
}

/* Closed before anything was said: the server is not needed any more. */
static void wait_at_gate(void)
{
	char go;
	ssize_t n;

	do
		n = read(GATE_FD, &go, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(0);
}

/*
 * Runs in the keeper's child; errors are printed on its stderr, as qemu-nbd would. Descriptors
 * are in their places.
 *
 * It is killed with SIGKILL when its keeper dies: a SIGTERM that arrives before qemu-nbd is up
 * is lost, and leaves a server that never answers anybody (state in qemu-nbd.c, 7.2; the keeper
 * repeats it). The journal covers a qemu-nbd that is killed while it writes.
 */
static void __attribute__((noreturn))
run_server(const char *program, const struct nbdserver_image *image,
	   bool require_jail, pid_t keeper)
{
	char pid[32], options[8192 + 256];
	const char *argv[8] = { program };
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	char listen_fds[] = "LISTEN_FDS=1";
	char *const env[] = { path, locale, listen_fds, pid, NULL };
	struct error err;
	size_t n = 1;

	child_reset_signals();
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != keeper)
		_exit(126);
	snprintf(pid, sizeof(pid), "LISTEN_PID=%d", (int)getpid());
	if (!image->writable)
		argv[n++] = "-r";
	if (image->live) {
		argv[n++] = "--image-opts";
		if (!live_options(image, options, sizeof(options)))
			_exit(126);
		argv[n++] = options;
	} else {
		argv[n++] = "-f";
		argv[n++] = image->format;
		argv[n++] = "--";
		argv[n++] = image->path;
	}
	if (nbdjail_enter(program, image, require_jail, NOTES_FD, &err) < 0) {
		dprintf(2, "%s\n", err.msg);
		_exit(126);
	}
	if (image->gated)
		wait_at_gate();
	/* execve() does not write to its arguments. */
	execve(program, (char *const *)(uintptr_t)argv, env);
	dprintf(2, "cannot run %s: %s%s\n", program, strerror(errno), errno != ENOENT ? "" :
		"; install qemu-utils (Debian) or qemu-img (Fedora)");
	_exit(127);
}

/* The program that started busflip may have left descriptors open, which qemu-nbd must not get. */
static void close_from(int first)
{
	struct rlimit limit;

	if (syscall(CALL_CLOSE_RANGE, first, ~0u, 0u) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max > MOST_FILES)
		limit.rlim_max = MOST_FILES;
	for (int fd = first; fd < (int)limit.rlim_max; fd++)
		close(fd);
}

/* 0 and 1: nothing, 2: the log, 3: the listening socket, 4: the lifeline, 5: what the jail
 * lacks, 6: the gate. None of the connections, which must close when busflip exits. */
static void place_descriptors(const struct nbdserver *s, int listener, int lifeline, int gate)
{
	int from[] = { open("/dev/null", O_RDWR), -1, s->log, listener, lifeline, s->notes, gate };
	int moved[ARRAY_SIZE(from)];

	from[1] = from[0];
	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		moved[i] = fcntl(from[i], F_DUPFD, KEEPER_FDS);
		if (moved[i] < 0)
			_exit(126);
	}
	for (int i = 0; i < KEEPER_FDS; i++)
		if (dup2(moved[i], i) < 0)
			_exit(126);
	close_from(KEEPER_FDS);
	fcntl(LIFELINE_FD, F_SETFD, FD_CLOEXEC);
	fcntl(NOTES_FD, F_SETFD, FD_CLOEXEC);
	fcntl(GATE_FD, F_SETFD, FD_CLOEXEC);
}

static void wake_up(int signal)
{
	(void)signal;
}

/* Exits when qemu-nbd has exited, with its status. Once the lifeline is closed, by busflip or
 * by its death, asks qemu-nbd to end, and kills it after @grace_ms. */
static void __attribute__((noreturn)) keep_server(pid_t server, int grace_ms)
{
	const struct sigaction action = { .sa_handler = wake_up };
	struct pollfd lifeline = { .fd = LIFELINE_FD, .events = POLLIN };
	const struct timespec again = { 0, 50 * 1000000 };
	sigset_t child, none;
	bool ending = false;
	int64_t end = 0;
	int status;

	sigemptyset(&none);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigaction(SIGCHLD, &action, NULL);
	for (;;) {
		pid_t r = waitpid(server, &status, WNOHANG);

		if (r == server)
			_exit(WIFEXITED(status) ? WEXITSTATUS(status)
						: 128 + WTERMSIG(status));
		if (r < 0 && errno != EINTR)
			_exit(125);
		if (ending)
			kill(server, monotonic_ms() < end ? SIGTERM : SIGKILL);
		/* Unblocks SIGCHLD only for the wait, so that none is lost. */
		if (ppoll(&lifeline, ending ? 0 : 1, ending ? &again : NULL,
			  &none) > 0) {
			ending = true;
			end = monotonic_ms() + grace_ms;
		}
	}
}

static void __attribute__((noreturn))
run_keeper(const char *program, const struct nbdserver_image *image,
	   bool require_jail, const struct nbdserver *s, int listener, int lifeline,
	   int gate)
{
	pid_t keeper = getpid(), server;
	sigset_t all;

	setpgid(0, 0);
	place_descriptors(s, listener, lifeline, gate);
	prctl(PR_SET_NAME, "busflip-keeper");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	server = fork();
	if (server == 0)
		run_server(program, image, require_jail, keeper);
	if (server < 0)
		_exit(126);
	close(LISTEN_FD);
	keep_server(server, image->grace_ms);
}

struct nbdserver nbdserver_none(void)
{
	return (struct nbdserver){ .lifeline = -1, .log = -1, .notes = -1, .client = -1,
				   .gate = -1 };
}

int nbdserver_start(const char *program, const struct nbdserver_image *image,
		    bool require_jail, struct nbdserver *s, struct error *err)
{
	AUTO_FD int listener = -1;
	AUTO_FD int keeper_end = -1;
	AUTO_FD int gate_end = -1;
	int ends[2], gate[2];

	*s = nbdserver_none();
	s->log = memfd_create("qemu-nbd-stderr", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	s->notes = memfd_create("qemu-nbd-jail", MFD_CLOEXEC);
	/* It is memory of the host: no more of it than is read. */
	if (s->log < 0 || s->notes < 0 || ftruncate(s->log, LOG_LIMIT) < 0 ||
	    fcntl(s->log, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		return fail_errno(err, "cannot make a memory file");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_errno(err, "cannot make a pipe");
	keeper_end = ends[0];
	s->lifeline = ends[1];
	if (pipe2(gate, O_CLOEXEC) < 0)
		return fail_errno(err, "cannot make a pipe");
	gate_end = gate[0];
	s->gate = gate[1];
	if (nbdsocket_pair(&listener, &s->client, err) < 0)
		return -1;
	s->pid = fork();
	if (s->pid == 0)
		run_keeper(program, image, require_jail, s, listener, keeper_end, gate_end);
	if (s->pid < 0) {
		s->pid = 0;
		return fail_errno(err, "cannot start qemu-nbd");
	}
	return 0;
}

int nbdserver_open_gate(struct nbdserver *s, struct error *err)
{
	int r = write_all(s->gate, "", 1, err);

	cleanup_close(&s->gate);
	return r < 0 ? error_prefix(err, "qemu-nbd") : 0;
}

/* What its jail lacks, written by the process that became qemu-nbd. */
static void relay_notes(struct nbdserver *s)
{
	char text[1024];
	ssize_t n = s->notes < 0 ? 0 : pread(s->notes, text, sizeof(text) - 1, 0);

	cleanup_close(&s->notes);
	if (n <= 0)
		return;
	text[n] = '\0';
	log_msg(LOG_LEVEL_WARNING, "%s", text);
}

int nbdserver_stop(struct nbdserver *s, int timeout_ms, struct error *err)
{
	const bool unused = s->client >= 0;
	int status = 0, r;

	cleanup_close(&s->client);
	cleanup_close(&s->gate);
	if (!s->pid)
		return 0;
	/* qemu-nbd ends with its client, unless that never shook hands (qemu-nbd.c,
	 * nbd_client_closed()): then it needs a signal. */
	r = child_wait(s->pid, unused ? 0 : OWN_END_MS, &status);
	cleanup_close(&s->lifeline);
	if (r == 0)
		r = child_wait(s->pid, timeout_ms, &status);
	relay_notes(s);
	if (r == 0)
		return fail(err, ETIMEDOUT,
			    "qemu-nbd (pid %d) has not closed the image in "
			    "%d ms and still holds it: wait until its storage "
			    "answers again", (int)s->pid, timeout_ms);
	s->pid = 0;
	if (r < 0)
		return fail_errno(err, "cannot wait for qemu-nbd");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGKILL)
		return fail(err, EREMOTEIO, "qemu-nbd did not close the image when it was asked "
			    "to, and was killed: check the image with qemu-img check");
	return fail(err, EREMOTEIO, "qemu-nbd ended with status %d: try again",
		    WIFEXITED(status) ? WEXITSTATUS(status)
				      : 128 + WTERMSIG(status));
}

/* The image's name must not be mistaken for a message of qemu-nbd. */
static void forget(char *text, const char *path)
{
	for (char *p = text; *path && (p = strstr(p, path)); p += strlen(path))
		memset(p, '/', strlen(path));
}

/* An image may have taken it over: its words are one line, of some length, in quotation
 * marks, so that nobody takes them for busflip's. */
static void quote(const char *text, char *said, size_t size)
{
	char part[SAID_LIMIT];

	text += strspn(text, " \n");
	str_cut(part, sizeof(part), text);
	for (char *p = part; (p = strpbrk(p, "\n\"")); p++)
		*p = *p == '"' ? '\'' : ' ';
	for (size_t n = strlen(part); n && part[n - 1] == ' '; n--)
		part[n - 1] = '\0';
	make_printable(part);
	snprintf(said, size, "qemu-nbd said: \"%s\"", part);
}

int nbdserver_explain(struct nbdserver *s, const char *path, struct error *err)
{
	char text[LOG_LIMIT + 1], said[SAID_LIMIT + 32];
	ssize_t n = s->log < 0 ? 0 : pread(s->log, text, LOG_LIMIT, 0);

	if (n <= 0 || !text[0])
		return error_prefix(err, "%s", path);
	text[n] = '\0';
	quote(text, said, sizeof(said));
	forget(text, path);
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (strstr(text, reasons[i].text))
			return fail(err, (int)reasons[i].refusal, "%s: %s (%s)",
				    path, reasons[i].means, said);
	return fail(err, EREMOTEIO, "%s: %s", path, said);
}

void nbdserver_free(struct nbdserver *s)
{
	cleanup_close(&s->client);
	cleanup_close(&s->gate);
	cleanup_close(&s->lifeline);
	cleanup_close(&s->log);
	cleanup_close(&s->notes);
}
