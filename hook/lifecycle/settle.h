/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settle.h - do what a hook has promised
 */
#ifndef BUSFLIP_SETTLE_H
#define BUSFLIP_SETTLE_H

#include "conf/config.h"

/*
 * settle_pending() - do what the pending record of @uuid asks for, if there is
 * one, and remove it.
 *
 * Waits for the domain to be free and, up to config->publish_timeout seconds,
 * for a daemon that is restarting; then it leaves the record for later and
 * fails. Called by the process that a hook leaves behind, by "stage --all" and
 * so at boot. What fails is logged, and where there is a domain it is in its story.
 */
int settle_pending(const char *uuid, const struct config *config);

#endif
