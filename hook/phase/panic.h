/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * panic.h - a panic device for the trial: a bugcheck then ends the guest as
 * "crashed" at once, and needs no waiting for what it does not write
 *
 * Windows reports bugchecks to Hyper-V's crash registers by itself (libvirt's model
 * "hyperv", which KVM has); "isa" is for guests without KVM, and needs a driver.
 */
#ifndef BUSFLIP_PANIC_H
#define BUSFLIP_PANIC_H

#include "hook/domain/domain.h"

/* panic_add() - unless the domain has one already. Noted in the state. */
void panic_add(struct domain *domain);

/* panic_remove() - the one that panic_add() has added, if it is there. */
void panic_remove(struct domain *domain);

#endif
