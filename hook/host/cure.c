// SPDX-License-Identifier: GPL-2.0-or-later
/* cure.c - what to do about a disk that was refused */

#include "hook/host/cure.h"

#include <errno.h>
#include <unistd.h>

#include "helper/shared/refusal.h"

#define BOOT_ON_SATA "boot Windows once on SATA, and shut it down inside Windows"
#define SHUT_DOWN_THERE "start it where it ran, powercfg /h off, shutdown /s /t 0; " \
	"then import it again"

/* @at_import NULL: as always. */
static const struct {
	int code;
	const char *always, *at_import;
} cures[] = {
	{ REFUSE_READ_ONLY, "make the image writable, or put a copy of it in its place", NULL },
	{ REFUSE_FORMAT, NULL, "with the guest off: qemu-img convert -O qcow2, and the new file "
	  "and format into the definition" },
	{ REFUSE_NO_WINDOWS, "if Windows is on another disk, name that one", NULL },
	{ REFUSE_SEVERAL_WINDOWS, NULL, "leave one Windows on the disk, or patch it by hand: "
	  "busflip patch --partition" },
	{ REFUSE_BITLOCKER, NULL, "in Windows, where it still runs: manage-bde -off C:" },
	{ REFUSE_DYNAMIC_DISK, "in Windows, make the disk a basic one",
	  "in Windows, where it still runs: make the disk a basic one" },
	{ REFUSE_STORAGE_SPACES, "in Windows, move it to a basic disk",
	  "in Windows, where it still runs: move it to a basic disk" },
	{ REFUSE_HIBERNATED, NULL, SHUT_DOWN_THERE },
	{ REFUSE_FAST_STARTUP, NULL, SHUT_DOWN_THERE },
	{ REFUSE_LOG_UNCLEAN, NULL, "shut it down inside Windows where it ran and import it "
	  "again; or start it: it boots on SATA, repairs its disk, and shut down inside "
	  "Windows busflip goes on" },
	{ REFUSE_VOLUME_DIRTY, NULL, "start it: it boots on SATA and repairs its disk; shut it "
	  "down inside Windows, and busflip goes on" },
	{ REFUSE_VOLUME_DAMAGED, "boot Windows on SATA, or its recovery console, and let it "
	  "check the disk: chkdsk /f",
	  "in Windows, where it still runs, or its recovery console: chkdsk /f; or import it "
	  "again" },
	{ REFUSE_NO_SPACE, "make room on the volume of Windows", NULL },
	{ REFUSE_FILE_COMPRESSED, "in Windows: compact /u",
	  "in Windows, where it still runs: compact /u" },
	{ REFUSE_FILE_ENCRYPTED, "in Windows: cipher /d",
	  "in Windows, where it still runs: cipher /d" },
	{ REFUSE_FILE_LINKED, "in Windows, put an ordinary file in its place (compact /u where "
	  "it is compressed)", NULL },
	{ REFUSE_HIVE_DIRTY, BOOT_ON_SATA ": it puts its registry in order",
	  "start it where it ran, shut it down inside Windows, and import it again" },
	{ REFUSE_HIVE_DAMAGED, BOOT_ON_SATA "; if it does not start, restore that hive from a "
	  "backup",
	  "restore the SYSTEM hive from a backup inside Windows, or import it again" },
	{ REFUSE_CONTROL_SET, NULL,
	  "start it where it ran, shut it down inside Windows, and import it again" },
	{ REFUSE_WINDOWS_OLD, "leave its disk on SATA or IDE", NULL },
	{ REFUSE_WINDOWS_UNKNOWN, "leave its disk on SATA or IDE until a newer busflip knows it",
	  NULL },
	{ REFUSE_NO_DRIVER, "virtio_win in /etc/busflip.conf, or --virtio-win, must name a "
	  "virtio-win ISO or folder that has it", NULL },
	{ REFUSE_BIG_VALUE, "install the VirtIO drivers inside Windows instead", NULL },
	{ REFUSE_JOURNAL, "restore the image from a backup, or leave it as it is and remove "
	  "that journal", NULL },
	{ REFUSE_SANDBOX, "a newer kernel, or sandbox = auto in /etc/busflip.conf", NULL },
	{ REFUSE_HELPER_DIED, "try again; the system log says more", NULL },
	{ REFUSE_PARTITION_TABLE, "see whether it is the disk with Windows, and of the format "
	  "that was given (qemu-img info)",
	  "see whether this is the disk with Windows, and its format the one that the "
	  "definition says" },
	{ REFUSE_HOST_SPACE, "make room on the host, where --state-dir is, else "
	  BUSFLIP_STATEDIR, NULL },
	{ ENOLCK, "when the guest runs on no host, busflip patch does", NULL },
	{ ENOMEM, "make memory free on this host, and try again", NULL },
	{ ENOSPC, "make room there, and try again", NULL },
	{ EIO, "the kernel's log (dmesg) tells more about that storage", NULL },
	{ EMFILE, "let busflip have more files open (ulimit -n)", NULL },
	{ ENFILE, "let this host have more files open (sysctl fs.file-max)", NULL },
	{ ENAMETOOLONG, "use a shorter path", NULL },
	/* What is not so by its own rules: its parts talk with each other, or it has a fault. */
	{ EPROTO, "install busflip again, all its parts of one version; if it stays, report it",
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
