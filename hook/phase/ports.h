/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ports.h - the PCI slots that the bait and its controllers need
 *
 * A bait without an address gets one from libvirt, which adds a PCI Express root port if none
 * is free. That port goes with the bait.
 */
#ifndef BUSFLIP_PORTS_H
#define BUSFLIP_PORTS_H

#include "hook/domain/domain.h"

/* ports_note() - record in the state of a domain that was just staged which PCI controllers
 * are not libvirt's addition for the bait. */
void ports_note(struct domain *domain);

/* ports_added() - the index of the root port that libvirt added and that the bait is on, or the
 * system disk in its place; -1: none. */
long ports_added(const struct domain *domain);

/* ports_check() - -1 and @err (ENOTSUP) if what staging has added finds no slot. */
int ports_check(const struct domain *domain, struct error *err);

#endif
