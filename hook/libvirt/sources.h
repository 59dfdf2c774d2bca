/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sources.h - the files that libvirt's definitions of all domains name for their disks
 *
 * Definitions, sessions that run, snapshots and managed saves, as libvirt has written them.
 * They are other users' and may have any size and content, so they are not parsed as a
 * whole: each <source> is looked for in the text. One in metadata or a comment counts as
 * well; its owner could name that file for a disk, too.
 */
#ifndef BUSFLIP_SOURCES_H
#define BUSFLIP_SOURCES_H

#include "helper/shared/base.h"

struct source {
	const char *path;	/* NULL: of a volume whose pool is not active */
	const char *volume;	/* its name then */
	const char *format;	/* of the last <driver> or <format> before; "": none */
};

struct sources_visitor {
	/* Return other than 0 to end it all. */
	int (*source)(const struct source *source, void *context);
	/* Behind the last <source> of one file; @domain: what it is of. */
	int (*end)(const char *domain, void *context);
	void *context;
};

/* sources_visit() - Return 0, what a function of @visitor has returned, or -1 with @err
 * where a file or folder can't be read. */
int sources_visit(const struct sources_visitor *visitor, struct error *err);

/* sources_visit_text() - the same of the text of one file. Pure, but for pools. */
int sources_visit_text(const char *text, size_t len, const struct sources_visitor *visitor);

/* sources_each_file() - call @each for each such file of libvirt's, with NULL where a folder
 * can't be read, until it returns other than 0, which is returned. */
int sources_each_file(int (*each)(const char *path, void *context), void *context);

#endif
