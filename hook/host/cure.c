// SPDX-License-Identifier: GPL-2.0-or-later
/* cure.c - what to do about a disk that was refused */

#include "hook/host/cure.h"

#include <errno.h>
#include <unistd.h>

#include "helper/shared/refusal.h"

#define BOOT_ON_SATA "boot Windows once on SATA and shut it down inside Windows"
#define SHUT_DOWN_THERE "start it on its former host, run powercfg /h off and shutdown /s /t 0 " \
	"there, then import it again"

/* @at_import NULL: the same as .always. */
static const struct {
	int code;
	const char *always, *at_import;
} cures[] = {
	{ REFUSE_READ_ONLY, "make the image writable, or put a copy of it in its place", NULL },
	{ REFUSE_FORMAT, NULL, "with the guest off, run qemu-img convert -O qcow2 and set the new "
	  "file and format in the definition" },
	{ REFUSE_NO_WINDOWS, "if Windows is on another disk, name that disk", NULL },
	{ REFUSE_SEVERAL_WINDOWS, "leave one Windows on the disk, or give the partition of the "
	  "one that starts: --partition N, of busflip enable for a domain", NULL },
	{ REFUSE_BITLOCKER, NULL, "in Windows on its former host: manage-bde -off C:" },
	/* diskpart's "convert basic" is for empty disks. */
	{ REFUSE_DYNAMIC_DISK, "leave its disk on SATA or IDE, or copy Windows to a basic disk: "
	  "to convert a dynamic disk to a basic one deletes all volumes", NULL },
	{ REFUSE_STORAGE_SPACES, "leave its disk on SATA or IDE, or copy Windows to a basic disk",
	  NULL },
	{ REFUSE_HIBERNATED, NULL, SHUT_DOWN_THERE },
	{ REFUSE_FAST_STARTUP, NULL, SHUT_DOWN_THERE },
	{ REFUSE_LOG_UNCLEAN, NULL, "shut it down inside Windows on its former host and import it "
	  "again; or start it: it boots on SATA and repairs its disk; shut it down inside Windows, "
	  "and busflip continues" },
	{ REFUSE_VOLUME_DIRTY, NULL, "start it: it boots on SATA and repairs its disk; shut it "
	  "down inside Windows, and busflip continues" },
	{ REFUSE_VOLUME_DAMAGED, "boot Windows or its recovery console on SATA and check the disk: "
	  "chkdsk /f",
	  "in Windows on its former host, or in its recovery console: chkdsk /f; or import it "
	  "again" },
	{ REFUSE_NO_SPACE, "free space on the volume of Windows", NULL },
	{ REFUSE_FILE_COMPRESSED, "in Windows: compact /u",
	  "in Windows on its former host: compact /u" },
	{ REFUSE_FILE_ENCRYPTED, "in Windows: cipher /d",
	  "in Windows on its former host: cipher /d" },
	{ REFUSE_FILE_LINKED, "in Windows, put an ordinary file in its place (compact /u where "
	  "it is compressed)", NULL },
	{ REFUSE_HIVE_DIRTY, BOOT_ON_SATA ": Windows then repairs its registry",
	  "start it on its former host, shut it down inside Windows, and import it again" },
	{ REFUSE_HIVE_DAMAGED, BOOT_ON_SATA "; if it does not start, restore that hive from a "
	  "backup",
	  "restore the SYSTEM hive from a backup inside Windows, or import it again" },
	{ REFUSE_CONTROL_SET, NULL,
	  "start it on its former host, shut it down inside Windows, and import it again" },
	{ REFUSE_WINDOWS_OLD, "leave its disk on SATA or IDE", NULL },
	{ REFUSE_WINDOWS_UNKNOWN, "leave its disk on SATA or IDE until a newer busflip supports it",
	  NULL },
	{ REFUSE_NO_DRIVER, "set virtio_win in /etc/busflip.conf, or --virtio-win, to a virtio-win "
	  "ISO or folder that has it", NULL },
	{ REFUSE_BIG_VALUE, "install the VirtIO drivers inside Windows instead", NULL },
	{ REFUSE_JOURNAL, "restore the image from a backup, or leave it as it is and remove "
	  "that journal", NULL },
	{ REFUSE_SANDBOX, "use a newer kernel, or set sandbox = auto in /etc/busflip.conf", NULL },
	{ REFUSE_HELPER_DIED, "try again; see the system log for the reason", NULL },
	{ REFUSE_PARTITION_TABLE, "check that it is the disk with Windows and has the given format "
	  "(qemu-img info)",
	  "check that this is the disk with Windows and has the format given in the definition" },
	{ REFUSE_HOST_SPACE, "free space on the host, in " BUSFLIP_STATEDIR, NULL },
	{ ENOLCK, "when the guest runs on no host, run busflip patch", NULL },
	{ ENOMEM, "free memory on this host and try again", NULL },
	{ ENOSPC, "free space there and try again", NULL },
	{ EIO, "see the kernel log (dmesg) about that storage", NULL },
	{ EMFILE, "raise the limit of open files for busflip (ulimit -n)", NULL },
	{ ENFILE, "raise the limit of open files on this host (sysctl fs.file-max)", NULL },
	{ ENAMETOOLONG, "use a shorter path", NULL },
	/* An error inside busflip: its parts disagree, or there is a bug. */
	{ EPROTO, "reinstall busflip, all parts in the same version; if the error remains, report "
	  "it",
	  NULL },
};

bool cure_is_root(int code)
{
	return code == EACCES && geteuid() != 0;
}

const char *cure_of(int code)
{
	if (cure_is_root(code))
		return "run busflip as root";
	for (size_t i = 0; i < ARRAY_SIZE(cures); i++)
		if (cures[i].code == code)
			return cures[i].always;
	return NULL;
}

const char *cure_at_import(int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(cures); i++)
		if (cures[i].code == code)
			return cures[i].at_import ? cures[i].at_import : cures[i].always;
	return NULL;
}

int cure_append(struct error *err)
{
	const char *cure = err ? cure_of(err->code) : NULL;

	return cure ? error_suffix(err, "%s", cure) : -1;
}
