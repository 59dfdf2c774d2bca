/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subject.h - what the subcommands share that look into a guest's disk
 *
 *	subject_begin(line, JOB_INSPECT, &o)	what the options say
 *	subject_image() or subject_domain()	which disk
 *	subject_run()				do it
 */
#ifndef BUSFLIP_OFFLINE_H
#define BUSFLIP_OFFLINE_H

#include "hook/cli/line.h"
#include "hook/disk/guestdisk.h"
#include "hook/image/diskimage.h"
#include "hook/libvirt/virt.h"

struct subject {
	const struct command_line *line;
	struct disk_image place;
	struct access_user user;
	const struct access_user *qemu;	/* .user, as whom QEMU runs; NULL: not known */
	char uuid[40];		/* of the domain; "" for an image */
	char machine[40];	/* that its guest sees (domain.h) */
	char name[256];		/* the same */
	char undo_first[2048];	/* what comes before undo: it boots from VirtIO; or "" */
	enum bus bus;		/* where the domain's disk will end; BUS_NONE */
	struct job job;
};

/* subject_begin() - EXIT_DONE, or EXIT_USAGE after a complaint. */
int subject_begin(const struct command_line *line, enum job_action action,
		  struct subject *o);

/* subject_is_image() - the argument is the path of an image, not a domain. */
bool subject_is_image(const struct command_line *line);

int subject_image(struct subject *o, struct error *err);
int subject_domain(const struct domain *domain, struct subject *o, struct error *err);

/* subject_find() - virt_find() of the one that the command line names. */
int subject_find(const struct command_line *line, struct virt *virt, struct virt_domain **dom,
		 struct error *err);

/* subject_run() - @result as guestdisk_run() leaves it. */
int subject_run(struct subject *o, struct guestdisk_result *result, struct error *err);

/* Complain, and the exit code that goes with it: when there is no such disk, and
 * when subject_run() has failed. */
int subject_not_found(const struct command_line *line, const struct error *err);
int subject_failed(const struct command_line *line, const struct error *err);

#endif
