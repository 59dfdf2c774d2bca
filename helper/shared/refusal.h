/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * refusal.h - the reasons to refuse a disk, and their exit codes
 *
 * A refusal is an ordinary failure whose struct error has one of these in .code instead of an
 * errno value: fail(err, REFUSE_BITLOCKER, "..."). They start far above every errno, so one
 * field serves both. The message is written where the reason is found; the number only selects
 * the exit code, so that scripts can distinguish the reasons without parsing English.
 */
#ifndef BUSFLIP_REFUSAL_H
#define BUSFLIP_REFUSAL_H

#include "helper/shared/base.h"

/* The exit code of refusal r is r - REFUSE_FIRST + EXIT_REFUSAL_FIRST. Scripts depend on the
 * numbers: add at the end only. */
enum refusal {
	REFUSE_FIRST = 0x10000,
	REFUSE_IN_USE = REFUSE_FIRST,	/* 10: another process holds the image */
	REFUSE_READ_ONLY,		/* 11: the image can't be written */
	REFUSE_FORMAT,			/* 12: busflip can't write the image's format */
	REFUSE_NO_WINDOWS,		/* 13: no Windows on this disk */
	REFUSE_SEVERAL_WINDOWS,		/* 14: --partition must choose */
	REFUSE_BITLOCKER,		/* 15 */
	REFUSE_DYNAMIC_DISK,		/* 16 */
	REFUSE_STORAGE_SPACES,		/* 17 */
	REFUSE_HIBERNATED,		/* 18: hiberfil.sys holds an image */
	REFUSE_FAST_STARTUP,		/* 19: $LogFile version 2.0 */
	REFUSE_LOG_UNCLEAN,		/* 20: $LogFile not shut down cleanly */
	REFUSE_VOLUME_DIRTY,		/* 21: dirty flag or chkdsk pending */
	REFUSE_VOLUME_DAMAGED,		/* 22: NTFS can't be mounted or read */
	REFUSE_NO_SPACE,		/* 23: no space in the volume */
	REFUSE_FILE_COMPRESSED,		/* 24: NTFS compressed or sparse */
	REFUSE_FILE_ENCRYPTED,		/* 25: EFS */
	REFUSE_FILE_LINKED,		/* 26: several names, or reparse point */
	REFUSE_HIVE_DIRTY,		/* 27: logs can't repair the hive */
	REFUSE_HIVE_DAMAGED,		/* 28: hive breaks its own rules */
	REFUSE_CONTROL_SET,		/* 29: Current != Default, or it failed */
	REFUSE_WINDOWS_OLD,		/* 30: older than Windows 7 */
	REFUSE_WINDOWS_UNKNOWN,		/* 31: layout or architecture unknown */
	REFUSE_NO_DRIVER,		/* 32: no suitable driver available */
	REFUSE_BIG_VALUE,		/* 33: hive value that hivex can't preserve */
	REFUSE_MOVED_ON,		/* 34: undo: guest changed since patch */
	REFUSE_NO_BACKUP,		/* 35: undo: no backup of this disk */
	REFUSE_JOURNAL,			/* 36: pending journal does not match the disk */
	REFUSE_SANDBOX,			/* 37: sandbox = require not met */
	REFUSE_HELPER_DIED,		/* 38: helper crashed or ran too long */
	REFUSE_PARTITION_TABLE,		/* 39: table damaged or unknown */
	REFUSE_HOST_SPACE,		/* 40: no space for journal or backup */
	REFUSE_LAST = REFUSE_HOST_SPACE,
};

#define EXIT_REFUSAL_FIRST 10

static inline bool is_refusal(int code)
{
	return code >= (int)REFUSE_FIRST && code <= (int)REFUSE_LAST;
}

/* refusal_exit_code() - the exit code of main for an error with this .code. */
static inline int refusal_exit_code(int code)
{
	return is_refusal(code)
		? code - (int)REFUSE_FIRST + EXIT_REFUSAL_FIRST : EXIT_FAILED;
}

#endif
