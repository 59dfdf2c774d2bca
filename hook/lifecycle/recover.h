/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recover.h - before a guest starts: finish interrupted patches of its disks */
#ifndef BUSFLIP_RECOVER_H
#define BUSFLIP_RECOVER_H

#include "hook/domain/domain.h"

/*
 * recover_disks() - look for a journal of each of the domain's disks, and finish the patch that
 * it belongs to
 *
 * Costs one look into a folder if there are no journals. -1 with @err, which names the disk and
 * what to do: a disk is half patched and can't be completed here, so the guest must not run.
 */
int recover_disks(const struct domain *domain, struct error *err);

#endif
