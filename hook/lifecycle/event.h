/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event.h - one event of libvirt's qemu hook
 */
#ifndef BUSFLIP_EVENT_H
#define BUSFLIP_EVENT_H

#include "conf/config.h"

/*
 * event_run() - handle one event: "busflip event NAME OP SUBOP EXTRA", with the live XML on
 * stdin.
 *
 * Should: return within milliseconds; not call libvirt (it waits for the hook with the domain
 * locked); have everything that must not be lost on disk before it returns.
 * Return: EXIT_REFUSE_START if this start must fail (then the message for the user is on
 * stderr); EXIT_FAILED if the XML can't be read, so that the disks are not known; otherwise
 * EXIT_DONE, whatever failed.
 */
int event_run(char *const argv[], const struct config *config);

#endif
