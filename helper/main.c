// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - busflip-helper: read the job, connect, enter the sandbox, do the job
 *
 * Started only by busflip, with the descriptors of enum job_fd. The disk is hostile. The disk,
 * and an ISO with drivers, are parsed only after sandbox_enter(); everything needed from
 * outside (shared libraries, character sets) is loaded before. The helper never writes to the
 * disk: it returns the changed pages in the reply, and busflip writes them after they are in
 * its journal.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/action/action.h"
#include "helper/drivers/drivers.h"
#include "helper/hive/hive.h"
#include "helper/sandbox.h"
#include "helper/shared/file.h"
#include "helper/shared/nbdclient.h"

/* Longer than busflip waits (patch_timeout, at most 50 s). */
#define DISK_TIMEOUT_MS 60000

/* No descriptor that the caller forgot to close may be reachable by the parsers. */
static void close_the_rest(void)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned int)JOB_FD_COUNT, ~0u, 0u) == 0)
		return;
#endif
	for (int fd = JOB_FD_COUNT; fd < 1024; fd++)
		close(fd);
}

static int read_job(struct job *job, struct error *err)
{
	AUTO_FREE char *data = NULL;
	size_t len = 0;

	if (read_all(JOB_FD_REQUEST, JOB_SIZE, &data, &len, err) < 0)
		return error_prefix(err, "request");
	return job_unpack((const uint8_t *)data, len, job, err);
}

/* @r: the result for the drivers. Continue without what the boot from SATA does not need. */
static int go_without(const struct job *job, struct drivers **drivers, int r,
		      struct error *err)
{
	if (r == 0 || !job->driver_optional)
		return r;
	fprintf(stderr, "cannot install a VirtIO driver: %s\n", err->msg);
	drivers_free(*drivers);
	*drivers = NULL;
	return 0;
}

static int open_drivers(const struct job *job, struct drivers **drivers, struct error *err)
{
	int r;

	if (job->drivers == JOB_DRIVERS_NONE)
		return 0;
	r = drivers_open(JOB_FD_DRIVERS, job->drivers == JOB_DRIVERS_ISO, job->drivers_path,
			 job->bus, drivers, err);
	return go_without(job, drivers, r, err);
}

static int index_drivers(const struct job *job, struct drivers **drivers, struct error *err)
{
	return *drivers ? go_without(job, drivers, drivers_index(*drivers, err), err) : 0;
}

static int work(const struct job *job, struct job_writer *writer,
		struct job_reply *reply, struct error *err)
{
	struct drivers *drivers = NULL;
	struct image *image = NULL;
	struct nbd_client *disk = NULL;
	int r = open_drivers(job, &drivers, err);

	if (r == 0)
		r = hive_prepare(err);
	if (r == 0)
		r = nbd_client_open(JOB_FD_DISK, monotonic_ms() + DISK_TIMEOUT_MS, &disk,
			      err);
	if (r == 0)
		r = image_open_disk(disk, &image, err);
	if (r == 0)
		r = sandbox_enter(job->sandbox_require, err);
	/* Point of no return: from here on the drivers' image and the disk are read. */
	if (r == 0)
		r = index_drivers(job, &drivers, err);
	if (r == 0)
		r = action_run(job, image, drivers, writer, reply, err);
	image_close(image);
	nbd_client_close(disk);
	drivers_free(drivers);
	return r;
}

static int answer(void)
{
	static struct job_reply reply;
	struct job_writer writer;
	struct error err = { 0 };
	struct job job = { .action = JOB_INSPECT };

	job_writer_start(&writer, JOB_FD_REPLY);
	if (read_job(&job, &err) < 0 || work(&job, &writer, &reply, &err) < 0) {
		reply.changed = false;
		reply.result = err;
		writer.len[JOB_SECTION_RUNS] = writer.off[JOB_SECTION_RUNS] = 0;
		writer.len[JOB_SECTION_PAGES] = 0;
		writer.off[JOB_SECTION_PAGES] = 0;
	}
	if (job_writer_finish(&writer, &reply, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static void usage(FILE *out)
{
	fputs("busflip-helper is started by busflip; it is of no use on its own.\nOptions: -h, "
	      "--help, -V, --version\n", out);
}

/* Otherwise standard output would be overwritten. */
static bool is_started_by_busflip(void)
{
	struct stat st;

	return fstat(JOB_FD_DISK, &st) == 0 && S_ISSOCK(st.st_mode) &&
	       fcntl(JOB_FD_REPLY, F_GET_SEALS) >= 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c = getopt_long(argc, argv, "+hV", options, NULL);

	if (c == 'h') {
		usage(stdout);
		return EXIT_DONE;
	}
	if (c == 'V') {
		puts("busflip-helper " BUSFLIP_VERSION);
		return EXIT_DONE;
	}
	if (c != -1 || optind != argc || !is_started_by_busflip()) {
		usage(stderr);
		return EXIT_USAGE;
	}
	close_the_rest();
	return answer();
}
