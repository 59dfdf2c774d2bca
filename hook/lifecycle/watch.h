/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch.h - watch the writes of a guest on trial to see whether Windows is up
 *
 * A Windows that can't reach its disk never writes to it. Firmware and loader only read, except
 * for a count in bootstat.dat (BootAttemptCount of RTL_BSD_DATA in ReactOS' headers). This is
 * inferred: no real Windows was observed doing so.
 */
#ifndef BUSFLIP_WATCH_H
#define BUSFLIP_WATCH_H

#include "conf/config.h"
#include "helper/shared/base.h"

/*
 * watch_trial() - follow run @id of a trial until it is decided: writes are recorded for the
 * end of the session; no write before trial_timeout is a failed boot, and with auto_recover the
 * guest is destroyed, to be started again on SATA
 *
 * Returns when there is nothing left to watch. Guests that resume memory (files.h) must
 * not be watched: they may have nothing to write.
 */
int watch_trial(const char *uuid, int id, const struct config *config, struct error *err);

/*
 * struct writes - how a guest's count of writes developed, sample by sample
 *
 * Initialise to zero. What a loader writes once in each boot must never add up to what Windows
 * writes, however often a guest that can't boot is reset: only writes without a long gap
 * between them count together. The counter itself survives a reset.
 */
struct writes {
	long long last;		/* the count at the last sample ... */
	long long base;		/* ... and when the gap before these writes began */
	int grown;		/* samples since in which it had grown */
	int still;		/* samples since it last grew */
};

/*
 * writes_sustained() - the next sample, WATCH_PERIOD_MS after the one before:
 * do the writes up to @count mean that Windows is up?
 */
#define WATCH_PERIOD_MS 500
bool writes_sustained(struct writes *w, long long count);

#endif
