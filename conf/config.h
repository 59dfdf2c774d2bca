/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.h - read /etc/busflip.conf into struct config; config.c is the only inih user
 */
#ifndef BUSFLIP_CONFIG_H
#define BUSFLIP_CONFIG_H

#include "helper/shared/job.h"

#define CONFIG_FILE BUSFLIP_SYSCONFDIR "/busflip.conf"

enum late_start { LATE_START_BOUNCE, LATE_START_REFUSE };
enum bait_owner { BAIT_OWNER_KEEP, BAIT_OWNER_LIBVIRT };
enum config_sandbox { CONFIG_SANDBOX_AUTO, CONFIG_SANDBOX_REQUIRE };
enum config_evidence { CONFIG_EVIDENCE_REQUIRE, CONFIG_EVIDENCE_SHUTDOWN };
enum config_switch { CONFIG_NO, CONFIG_YES };

struct config {
	char uri[256];			/* URI of the libvirt connection */
	int bus;			/* enum target_bus: for tags without a bus */
	int max_attempts;		/* failed trials before it is held, 1 to 100 */
	int late_start;			/* enum late_start */
	char bait[1024];		/* absolute path of the bait's image */
	int bait_owner;			/* enum bait_owner */
	char virtio_win[1024];		/* directory or ISO; "": none */
	int sandbox;			/* enum config_sandbox */
	int keep;			/* backups of a disk, 1 to 1000 */
	int evidence;			/* enum config_evidence */
	int auto_recover;		/* enum config_switch */
	int trial_timeout;		/* seconds without a write, 5 to 86400 */
	int patch_timeout;		/* seconds for a disk within a hook, 1 to 50 */
	int publish_timeout;		/* seconds to wait for libvirt, 1 to 86400 */
};

/*
 * config_load() - the defaults, overridden by what @path sets.
 *
 * A hook must continue whatever the file contains: an unknown key or a bad value is reported
 * with file and line and the default stays. A missing file is not an error.
 * @report: called for each error, with one line of text
 * Return: number of errors, or -1 if the file can't be read (also reported).
 */
int config_load(struct config *config, const char *path,
		void (*report)(void *context, const char *text), void *context);

/*
 * config_check() - the same for a file that somebody has just written: also reports paths in it
 * that do not exist. Users other than root can't know what root may read, and get no report of
 * that.
 */
int config_check(const char *path, void (*report)(void *context, const char *text),
		 void *context);

/* config_key() - name of the @i-th key, or NULL after the last one. */
const char *config_key(size_t i);

#endif
