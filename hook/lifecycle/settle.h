/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settle.h - do the step that a hook has recorded
 */
#ifndef BUSFLIP_SETTLE_H
#define BUSFLIP_SETTLE_H

#include "conf/config.h"

/*
 * settle_pending() - do what the pending record of @uuid asks for, if there is one, and remove
 * it.
 *
 * Waits for the domain's lock and, up to config->publish_timeout seconds, for a daemon that is
 * restarting; after that it leaves the record for later and fails. Called by the process that a
 * hook starts, by "stage --all", and so at boot. Failures are logged, and if the domain exists
 * they are in its story.
 */
int settle_pending(const char *uuid, const struct config *config);

#endif
