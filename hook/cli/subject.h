/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subject.h - the disk that inspect, check, patch and undo work on
 *
 *	subject_begin(line, JOB_INSPECT, &o)	evaluate the options
 *	subject_image() or subject_domain()	find the disk
 *	subject_run()				run the job
 */
#ifndef BUSFLIP_SUBJECT_H
#define BUSFLIP_SUBJECT_H

#include "hook/cli/line.h"
#include "hook/disk/guestdisk.h"
#include "hook/image/diskimage.h"
#include "hook/libvirt/virt.h"

struct subject {
	const struct command_line *line;
	struct disk_image image;
	struct access_user user;
	const struct access_user *qemu;	/* points to .user, as which QEMU runs; NULL: unknown */
	bool not_given;			/* see guestdisk.h */
	char uuid[40];		/* of the domain; "" for an image */
	char machine[40];	/* the UUID that its guest sees (domain.h) */
	char name[256];		/* name of the domain; "" for an image */
	char undo_first[2048];	/* what must be done before undo, since it boots from VirtIO;
				 * or "" */
	enum bus bus;		/* the domain's target bus; BUS_NONE */
	struct job job;
};

/* subject_begin() - EXIT_DONE, or EXIT_USAGE after an error message. */
int subject_begin(const struct command_line *line, enum job_action action,
		  struct subject *subject);

/* subject_is_image() - true if the argument is the path of an image, not a domain. */
bool subject_is_image(const struct command_line *line);

int subject_image(struct subject *subject, struct error *err);
int subject_domain(const struct domain *domain, struct subject *subject, struct error *err);

/* subject_find() - virt_find() for the domain on the command line. */
int subject_find(const struct command_line *line, struct virt *virt, struct virt_domain **dom,
		 struct error *err);

/* subject_run() - run the job; @result as guestdisk_run() leaves it. */
int subject_run(struct subject *subject, struct guestdisk_result *result, struct error *err);

/* Print the error and return the exit code for it: if there is no such disk, and if
 * subject_run() has failed. */
int subject_not_found(const struct command_line *line, const struct error *err);
int subject_failed(const struct command_line *line, const struct error *err);

#endif
