/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * evidence.h - judge from the disk whether VirtIO would boot, or did
 *
 * Pure: a struct windows and the host's knowledge go in, a list of named conditions comes out,
 * each with what was found and where. busflip decides by it; busflip(8), "Evidence", describes
 * the conditions. Unknown counts as not fulfilled wherever it gates.
 *
 *	evidence_judge(win, &health, &asked, &evidence)
 *	evidence.flip		may go to VirtIO
 *	evidence.booted		Windows was up on VirtIO in this run
 *	evidence_write_json(&evidence, file)
 */
#ifndef BUSFLIP_EVIDENCE_H
#define BUSFLIP_EVIDENCE_H

#include "helper/windows/windows.h"

#include <stdio.h>

/* What the host knows; zero means unknown. */
struct evidence_asked {
	enum target_bus bus;
	uint16_t device_id;	/* PCI ID that the disk will have: 1042 behind a PCIe port,
				 * 1001 on PCI; 0: either */
	bool has_uuid;
	uint8_t uuid[16];	/* of the domain, in the order of its text */
	uint64_t run_from, run_to;	/* the last run, FILETIME of the host */
	/* Values inspected before that run: without a change Windows has not booted. */
	uint64_t before_last_use, before_shutdown;
	uint32_t before_boot_id;
	bool has_before;
};

enum condition_id {
	CONDITION_VOLUME,	/* NTFS clean, not hibernated */
	CONDITION_HIVE,		/* SYSTEM whole */
	CONDITION_CONTROL_SET,	/* Current == Default, which has not failed */
	CONDITION_BOOTED,	/* Windows started in the last run */
	CONDITION_MACHINE,	/* under this domain's uuid */
	CONDITION_SHUTDOWN,	/* and was shut down after that */
	CONDITION_SERVICE,	/* driver starts at boot, file there */
	CONDITION_NO_OVERRIDE,	/* no StartOverride keeps it from starting */
	CONDITION_FINDABLE,	/* database leads to it for the PCI ID */
	CONDITION_BOUND,	/* a device instance of that ID is set up */
	CONDITION_ARRIVED,	/* and was present in that run */
	CONDITION_FILTERS,	/* every class filter has a service and a file */
	CONDITION_NO_RENAME,	/* no pending rename involves the driver */
	CONDITION_NO_DUMP,	/* no newer crash dump */
	CONDITION_SATA_READY,	/* SATA boots, for a rollback */
	CONDITION_VIRTIO_DISK,	/* a VirtIO disk was seen in that run */
	CONDITION_COUNT,
};

struct condition {
	enum condition_id id;
	enum verdict verdict;
	char found[FACT_TEXT];
	char from[FACT_FROM];
};

struct evidence {
	struct condition list[CONDITION_COUNT];	/* in order of their id */
	enum verdict flip;	/* YES only when every gate says YES */
	enum verdict booted;	/* was up on VirtIO and was shut down; NO: did not start at
				 * all; otherwise UNKNOWN */
	enum condition_id stop;	/* first gate that is not YES; none: CONDITION_COUNT */
};

/* @health may be NULL: the volume's state is unknown. */
void evidence_judge(const struct windows *win,
		    const struct volume_health *health,
		    const struct evidence_asked *asked, struct evidence *out);
void evidence_write_json(const struct evidence *evidence, FILE *out);

const char *condition_name(enum condition_id id);
bool condition_gates(enum condition_id id);

#endif
