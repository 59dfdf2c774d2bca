/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * claims.h - does a data file belong to another image or domain as well?
 *
 * The creator of an image chose the names in it. A data file belongs to another as well if
 *
 * - a domain of this host has it as a disk, under any name, or as a backing file, data file or
 *   extent of a disk, according to the definition or to the headers of its images. Definitions,
 *   running sessions, snapshots and managed saves are read.
 * - its name matches another image in the folder, whether a domain has that or not, and the
 *   name of that image is longer (win-server.vmdk, not win.vmdk, for win-server-flat.vmdk), or
 *   of the same length and its header refers to the file,
 *
 * unless that domain or image has the first image, too, or is based on it.
 *
 * Definitions and images of others may be many and large, and on file systems that do not
 * respond. So a separate process reads them; it is killed, and left behind, at the deadline.
 */
#ifndef BUSFLIP_CLAIMS_H
#define BUSFLIP_CLAIMS_H

#include "helper/shared/base.h"

/*
 * claims_check() - check that the @count @files in which @image keeps its data belong to nobody
 * else. All are canonical paths in one folder.
 *
 * @deadline: monotonic_ms(). -1: REFUSE_FORMAT with the names and what to do, or
 * REFUSE_HELPER_DIED if the deadline has passed.
 */
int claims_check(const char *image, char *const *files, size_t count, int64_t deadline,
		 struct error *err);

#endif
