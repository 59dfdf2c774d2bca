/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sources.h - the files that libvirt's definitions of all domains name for their disks
 *
 * In definitions, running sessions, snapshots and managed saves, as libvirt wrote them. They
 * belong to other users and may have any size and content, so they are not parsed as a whole:
 * the text is searched for <source> elements. One in metadata or in a comment counts as well;
 * the owner of the domain could also give it a disk with that source.
 */
#ifndef BUSFLIP_SOURCES_H
#define BUSFLIP_SOURCES_H

#include "helper/shared/base.h"

struct source {
	const char *path;	/* NULL: the volume of an inactive pool */
	const char *volume;	/* the name of that */
	const char *format;	/* type of the <driver> or <format> before it; "": none */
};

struct sources_visitor {
	/* Return other than 0 to stop. */
	int (*source)(const struct source *source, void *context);
	/* After the last <source> of a file; @domain: its domain's name. */
	int (*end)(const char *domain, void *context);
	void *context;
};

/* sources_visit() - Return 0, the value of a function of @visitor if that is not 0, or -1 with
 * @err if a file or folder can't be read. */
int sources_visit(const struct sources_visitor *visitor, struct error *err);

/* sources_visit_text() - the same for the text of one file. Pure, except for volumes. */
int sources_visit_text(const char *text, size_t len, const struct sources_visitor *visitor);

/* sources_each_file() - call @each for each of these files, and with NULL for a folder that
 * can't be read, until it returns other than 0. Return that value, or 0. */
int sources_each_file(int (*each)(const char *path, void *context), void *context);

#endif
