/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subject.h - what the subcommands share that look into a guest's disk
 *
 *	offline_begin(line, JOB_INSPECT, &o)	what the options say
 *	offline_image() or offline_domain()	which disk
 *	offline_run()				do it
 */
#ifndef BUSFLIP_OFFLINE_H
#define BUSFLIP_OFFLINE_H

#include "hook/cli/line.h"
#include "hook/disk/guestdisk.h"
#include "hook/image/diskimage.h"
#include "hook/libvirt/virt.h"

struct offline {
	const struct command_line *line;
	struct place place;
	struct access_user user;
	const struct access_user *qemu;	/* .user, as whom QEMU runs; NULL: not known */
	char uuid[40];		/* of the domain; "" for an image */
	char machine[40];	/* that its guest sees (domain.h) */
	char name[256];		/* the same */
	char undo_first[2048];	/* what comes before undo: it boots from VirtIO; or "" */
	enum bus bus;		/* where the domain's disk will end; BUS_NONE */
	struct job job;
};

/* offline_begin() - EXIT_DONE, or EXIT_USAGE after a complaint. */
int offline_begin(const struct command_line *line, enum job_action action,
		  struct offline *o);

/* offline_is_image() - the argument is the path of an image, not a domain. */
bool offline_is_image(const struct command_line *line);

int offline_image(struct offline *o, struct error *err);
int offline_domain(const struct domain *domain, struct offline *o, struct error *err);

/* offline_find() - virt_find() of the one that the command line names. */
int offline_find(const struct command_line *line, struct virt *virt, struct virt_domain **dom,
		 struct error *err);

/* offline_run() - @result as guestdisk_run() leaves it. */
int offline_run(struct offline *o, struct guestdisk_result *result, struct error *err);

/* Complain, and the exit code that goes with it: when there is no such disk, and
 * when offline_run() has failed. */
int offline_not_found(const struct command_line *line, const struct error *err);
int offline_failed(const struct command_line *line, const struct error *err);

#endif
