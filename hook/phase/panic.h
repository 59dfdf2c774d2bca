/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * panic.h - a panic device for the trial: a bugcheck then ends the guest as "crashed" at once,
 * without waiting for the watcher's timeout
 *
 * Windows reports bugchecks to Hyper-V's crash registers by itself (libvirt's model "hyperv",
 * which needs KVM); "isa" is for guests without KVM and needs a driver.
 */
#ifndef BUSFLIP_PANIC_H
#define BUSFLIP_PANIC_H

#include "hook/domain/domain.h"

/* panic_add() - add one unless the domain has one already; recorded in the state. */
void panic_add(struct domain *domain);

/* panic_remove() - remove the one that panic_add() added, if it still exists. */
void panic_remove(struct domain *domain);

#endif
