/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch.h - is Windows up on VirtIO? told by what it writes
 *
 * A Windows that can't reach its disk never writes to it; firmware and loader only
 * read, but for a count in bootstat.dat (WINDOWS.md section 3.2).
 */
#ifndef BUSFLIP_WATCH_H
#define BUSFLIP_WATCH_H

#include "conf/config.h"
#include "helper/base.h"

/*
 * watch_trial() - follow a trial session until it is decided: writes are noted for
 * the session's end; none by trial_timeout is a failed boot, and with auto_recover
 * the guest is taken down, to be started again on SATA
 *
 * Returns when there is nothing left to watch. Restored and migrated guests must
 * not be watched: they may have nothing to write.
 */
int watch_trial(const char *uuid, const struct config *config, struct error *err);

#endif
