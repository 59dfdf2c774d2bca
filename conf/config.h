/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.h - /etc/busflip.conf -> struct config; config.c is the only inih user
 */
#ifndef BUSFLIP_CONFIG_H
#define BUSFLIP_CONFIG_H

#include "helper/shared/base.h"

#define CONFIG_FILE BUSFLIP_SYSCONFDIR "/busflip.conf"

enum late_start { LATE_START_BOUNCE, LATE_START_REFUSE };
enum bait_owner { BAIT_OWNER_KEEP, BAIT_OWNER_LIBVIRT };
enum config_sandbox { CONFIG_SANDBOX_AUTO, CONFIG_SANDBOX_REQUIRE };
enum config_evidence { CONFIG_EVIDENCE_REQUIRE, CONFIG_EVIDENCE_SHUTDOWN };
enum config_switch { CONFIG_NO, CONFIG_YES };
enum config_bus { CONFIG_BUS_VIRTIO, CONFIG_BUS_SCSI };

struct config {
	char uri[256];			/* libvirt to talk to */
	int bus;			/* enum config_bus: tags that name none */
	int max_attempts;		/* failed trials until held, 1 to 100 */
	int late_start;			/* enum late_start */
	char bait[1024];		/* absolute path of the bait's image */
	int bait_owner;			/* enum bait_owner */
	char virtio_win[1024];		/* directory or ISO; "": none */
	int sandbox;			/* enum config_sandbox */
	int keep;			/* hives kept of a disk, 1 to 1000 */
	int evidence;			/* enum config_evidence */
	int auto_recover;		/* enum config_switch */
	int trial_timeout;		/* seconds without a write, 5 to 86400 */
	int patch_timeout;		/* seconds for a disk within a hook, 1 to 50 */
	int publish_timeout;		/* seconds to wait for libvirt, 1 to 86400 */
};

/*
 * config_load() - defaults, then what @path says over them.
 *
 * A hook must go on whatever the file says: an unknown key or a bad value is
 * reported with file and line and the default stays. A missing file is fine.
 * @report: called for each complaint, with one line of text
 * Return: number of complaints, or -1 when the file can't be read (also
 * reported).
 */
int config_load(struct config *config, const char *path,
		void (*report)(void *context, const char *text), void *context);

/*
 * config_check() - the same of a file that somebody has just written: complains also of
 * a path in it that leads nowhere. Who is not root can't tell what root may read, and
 * hears nothing of that.
 */
int config_check(const char *path, void (*report)(void *context, const char *text),
		 void *context);

/* config_key() - name of the @i-th key, or NULL behind the last one. */
const char *config_key(size_t i);

#endif
