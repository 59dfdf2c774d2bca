/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reply.h - one job in progress, and the sections of its reply
 */
#ifndef BUSFLIP_REPLY_H
#define BUSFLIP_REPLY_H

#include <stdio.h>

#include "helper/drivers/drivers.h"
#include "helper/image/image.h"
#include "helper/shared/job.h"
#include "helper/windows/target.h"

/* What the steps of one job share. */
struct action {
	const struct job *job;
	struct image *image;
	struct partition_table table;
	struct targets targets;
	const struct drivers *drivers;	/* NULL: no virtio_win */
	struct job_writer *writer;
	struct job_reply *reply;
};

/* The text of one step for one section of the reply: print to .file, then call
 * reply_section_end(), which also frees. */
struct section {
	FILE *file;
	char *text;
	size_t len;
};
int reply_section_begin(struct section *section, struct error *err);
int reply_section_end(struct action *action, enum job_section kind,
		struct section *section, struct error *err);

/* reply_pages() - unmount, and put the changed pages into the reply; also in a dry run, whose
 * pages busflip does not write. */
int reply_pages(struct action *action, struct error *err);

#endif
