/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event.h - one event of libvirt's qemu hook
 */
#ifndef BUSFLIP_EVENT_H
#define BUSFLIP_EVENT_H

#include "conf/config.h"

/*
 * event_run() - deal with one event: "busflip event NAME OP SUBOP EXTRA", with
 * the live XML on stdin.
 *
 * Should: return within milliseconds; leave libvirt alone (it waits for us
 * with the domain locked); have everything that must not be lost on disk
 * before it returns.
 * Return: EXIT_REFUSE_START when this start shall fail (the sentence for the
 * user is on stderr then); EXIT_FAILED when the XML can't be read, so that nobody knows whose
 * disks these are; else EXIT_DONE, whatever went wrong.
 */
int event_run(char *const argv[], const struct config *config);

#endif
