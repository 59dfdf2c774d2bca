/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * place.h - is the system disk on the bus where its phase has put it?
 *
 * Anybody may edit the definition of a domain in any phase. If the system disk was moved to
 * another bus, what the phase says is not true any more, and a session proves nothing.
 */
#ifndef BUSFLIP_PLACE_H
#define BUSFLIP_PLACE_H

#include <errno.h>

#include "hook/domain/domain.h"

/* The code of place_check()'s error. */
#define PLACE_MOVED EXDEV

/* place_bus() - the bus that @disk is on, as staging sees it: BUS_OTHER for a SCSI controller
 * other than VirtIO's (LSI or PVSCSI, as VMware uses them), which is not a target bus. */
enum bus place_bus(const struct domain *domain, const xmlNode *disk);

/* place_fits() - is @disk on the bus where the state says that busflip has put it? */
bool place_fits(const struct domain *domain, const xmlNode *disk);

/* place_is_moved() - true if the system disk that the state names exists and is on another bus
 * than the state says, in any phase. */
bool place_is_moved(const struct domain *domain);

/* place_check() - -1 (PLACE_MOVED) if place_is_moved() and the phase depends on it: staged,
 * trial, done. @err: a clause that begins with "its", with the commands that mend it. */
int place_check(const struct domain *domain, struct error *err);

#endif
