/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * facts.h - the facts for busflip: lines of key=value, and the disk as JSON
 */
#ifndef BUSFLIP_FACTS_H
#define BUSFLIP_FACTS_H

#include "helper/action/reply.h"

struct evidence;

/* facts_print_disk() - "disk": partitions, and the partition of Windows, as a JSON member. */
void facts_print_disk(const struct action *action, FILE *out);

/* facts_write() - write into the evidence section: what a later run compares with, and unless
 * they are NULL, the verdicts @judged and each condition (hook/disk/findings.h), and @no_driver:
 * why Windows has no driver for VirtIO after this run. */
int facts_write(struct action *action, const struct windows *win,
		const struct evidence *judged, const char *no_driver, struct error *err);

/* facts_write_table() - only what is known of a disk without Windows. */
int facts_write_table(struct action *action, struct error *err);

#endif
