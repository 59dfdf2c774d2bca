// SPDX-License-Identifier: GPL-2.0-or-later
/* guestdisk-helper.c - run busflip-helper on a socket and read its reply */

#include "hook/disk/guestdisk-run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/log.h"
#include "helper/shared/refusal.h"
#include "hook/host/child.h"
#include "hook/host/cure.h"

#define LOG_LIMIT 8192
#define LOG_LINES 20u
#define USUAL_HIVE (16 * 1024 * 1024)

static int open_drivers(const struct run *s, struct job *job, int *fd,
			struct error *err)
{
	const char *path = s->options->virtio_win;
	struct stat st = { 0 };
	int r;

	job->drivers = JOB_DRIVERS_NONE;
	if (!path || job->action != JOB_PATCH)
		return 0;
	/* The path itself may be a link, as in a distribution's package. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	r = *fd < 0 || fstat(*fd, &st) < 0 ? fail_errno(err, "virtio_win = %s", path) :
		S_ISDIR(st.st_mode) || S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) ? 0 :
		fail(err, EINVAL, "virtio_win = %s: neither a directory nor an ISO image", path);
	if (r < 0) {
		/* Continue without what the boot from SATA does not need. */
		if (job->driver_optional) {
			log_msg(LOG_LEVEL_WARNING, "%s: cannot install a VirtIO driver: %s",
				s->image.path, err->msg);
			return 0;
		}
		if (err && !cure_is_root(err->code))
			err->code = REFUSE_NO_DRIVER;
		return -1;
	}
	str_cut(job->drivers_path, sizeof(job->drivers_path), path);
	job->drivers = S_ISDIR(st.st_mode) ? JOB_DRIVERS_DIRECTORY
					   : JOB_DRIVERS_ISO;
	return 0;
}

static int send_job(const struct job *job, int *request, struct error *err)
{
	uint8_t message[JOB_SIZE];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_errno(err, "cannot make a pipe");
	*request = ends[0];
	job_pack(job, message);
	/* It fits into the pipe, so this does not wait for a reader. */
	if (write_all(ends[1], message, sizeof(message), err) < 0) {
		close(ends[1]);
		return -1;
	}
	close(ends[1]);
	return 0;
}

/* Processes that may write to it can't make it larger than @limit. */
static int new_memory(const char *name, uint64_t limit, int *fd, struct error *err)
{
	*fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0 || ftruncate(*fd, (off_t)limit) < 0 ||
	    fcntl(*fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
		return fail_errno(err, "cannot make a memory file");
	return 0;
}

int run_start_helper(struct run *s, struct error *err)
{
	struct job job = *s->job;
	AUTO_FD int request = -1;
	AUTO_FD int drivers = -1;
	int fds[CHILD_FDS], kept[2];
	AUTO_FD int say_kept = -1;

	job.sandbox_require = s->options->sandbox_require;
	if (job.action == JOB_UNDO) {
		job.patched = s->backup.patched;
		job.partition = s->backup.partition;
		memcpy(job.hive_path, s->backup.hive_path,
		       sizeof(job.hive_path));
	}
	if (new_memory("reply", JOB_REPLY_LIMIT, &s->reply, err) < 0 ||
	    new_memory("helper-stderr", LOG_LIMIT, &s->log, err) < 0 ||
	    new_memory("hive", JOB_HIVE_LIMIT, &s->keep, err) < 0 ||
	    open_drivers(s, &job, &drivers, err) < 0 ||
	    send_job(&job, &request, err) < 0)
		return -1;
	if (pipe2(kept, O_CLOEXEC) < 0)
		return fail_errno(err, "cannot make a pipe");
	s->kept = kept[0];
	say_kept = kept[1];
	for (size_t i = 0; i < CHILD_FDS; i++)
		fds[i] = -1;
	fds[JOB_FD_REQUEST] = request;
	fds[JOB_FD_REPLY] = s->reply;
	fds[JOB_FD_LOG] = s->log;
	fds[JOB_FD_DISK] = s->reader.client;
	fds[JOB_FD_DRIVERS] = drivers;
	fds[JOB_FD_HIVE] = s->backup.files[0];
	fds[JOB_FD_LOG1] = s->backup.files[1];
	fds[JOB_FD_LOG2] = s->backup.files[2];
	fds[JOB_FD_KEEP] = s->keep;
	fds[JOB_FD_KEPT] = say_kept;
	s->reads_iso = job.drivers == JOB_DRIVERS_ISO;
	if (child_start(s->options->helper, fds, JOB_FILE_LIMIT, &s->helper, err) < 0)
		return -1;
	cleanup_close(&s->reader.client);
	/* Allocate the memory for a usual hive while all wait for qemu-nbd to come up. */
	if (job.action == JOB_PATCH && !job.dry_run)
		(void)fallocate(s->keep, FALLOC_FL_KEEP_SIZE, 0, USUAL_HIVE);
	return 0;
}

/* Log what the helper and its libraries printed, line by line. The helper may have been
 * compromised by the disk that it read, so log_msg() makes the text printable, and the number
 * of lines is limited. */
static void relay_log(const struct run *s)
{
	char text[LOG_LIMIT + 1], *save = NULL;
	ssize_t n = pread(s->log, text, LOG_LIMIT, 0);
	unsigned int lines = 0;

	if (n <= 0)
		return;
	text[n] = '\0';
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (lines++ < LOG_LINES)
			log_msg(LOG_LEVEL_WARNING, "%s: busflip-helper: %s", s->image.path, line);
	if (lines > LOG_LINES)
		log_msg(LOG_LEVEL_WARNING, "%s: busflip-helper: ... and %u more", s->image.path,
			lines - LOG_LINES);
}

/*
 * Wait until the helper has handed over the hive that it is going to change, or has exited
 * without one. Work that a patch needs is then done in parallel: load libnbd, shake hands, copy
 * the hive to the host.
 */
static int work_beside(struct run *s, struct error *err)
{
	struct pollfd p = { .fd = s->kept, .events = POLLIN };
	char byte;
	int r;

	do
		r = poll(&p, 1, run_left(s));
	while (r < 0 && errno == EINTR);
	if (r <= 0 || !run_will_write(s->job) || read(s->kept, &byte, 1) != 1)
		return 0;
	if (run_connect(s, err) == 0 &&
	    backup_begin(s->backups, s->keep, s->deadline, &s->work, err) == 0)
		return 0;
	child_kill(&s->helper);
	run_in_time(s, err);
	return -1;
}

int run_wait_helper(struct run *s, struct error *err)
{
	const char *or_iso = s->reads_iso ? " or the ISO of virtio_win" : "";
	int status = 0, r;

	if (work_beside(s, err) < 0)
		return -1;
	r = child_wait(s->helper, run_left(s), &status);
	if (r == 0) {
		child_kill(&s->helper);
		relay_log(s);
		return fail(err, REFUSE_HELPER_DIED,
			    "%s%s: not read within the time limit of %d ms; nothing was "
			    "written", s->image.path, or_iso,
			    s->options->timeout_ms);
	}
	s->helper = 0;
	relay_log(s);
	if (r < 0)
		return fail_errno(err, "cannot wait for busflip-helper");
	if (WIFSIGNALED(status))
		return fail(err, REFUSE_HELPER_DIED,
			    "%s: busflip-helper was killed by signal %d (%s) while it read the "
			    "disk%s; nothing was written", s->image.path,
			    WTERMSIG(status), strsignal(WTERMSIG(status)), or_iso);
	if (WEXITSTATUS(status) == 127)
		return fail(err, ENOENT, "cannot run %s: reinstall busflip, or give its path with "
			    "--helper",
			    s->options->helper);
	if (WEXITSTATUS(status) != 0)
		return fail(err, REFUSE_HELPER_DIED,
			    "%s: busflip-helper ended with status %d; nothing was written",
			    s->image.path, WEXITSTATUS(status));
	return 0;
}

int run_parse_reply(struct run *s, struct error *err)
{
	char begin = 0;
	struct stat st;
	void *map;

	/* If it were shared, another process could change or truncate the file under us. */
	if (fcntl(s->reply, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_SEAL) < 0 ||
	    fstat(s->reply, &st) < 0)
		return fail_errno(err, "%s: reply of busflip-helper", s->image.path);
	/* The header is written last. */
	if (st.st_size < JOB_REPLY_HEADER || pread(s->reply, &begin, 1, 0) != 1 || !begin)
		return fail(err, REFUSE_HELPER_DIED, "%s: busflip-helper gave no reply; "
			    "nothing was written", s->image.path);
	/* A sealed file can't be mapped as shared before Linux 6.7. */
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, s->reply, 0);
	if (map == MAP_FAILED)
		return fail_errno(err, "%s: reply of busflip-helper", s->image.path);
	s->map = map;
	s->map_len = (size_t)st.st_size;
	if (job_reply_parse(s->map, s->map_len, &s->parsed, err) == 0)
		return 0;
	error_suffix(err, "nothing was written");
	return error_prefix(err, "%s: busflip-helper", s->image.path);
}
