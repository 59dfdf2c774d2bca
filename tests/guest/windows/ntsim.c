/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ntsim.c - the model without a machine: one session on a disk image
 *
 *	ntsim DISK PCI-FILE CONTROLLER UUID [end=off|button|crash] [NAME=VALUE...]
 *
 * PCI-FILE is what pci_parse() reads, CONTROLLER the address of the function that the system
 * disk is attached to. The other options are those of the guest. Exit status: 0 it booted,
 * 2 0x7B or a similar stop, 3 the loader stopped, 4 no Windows found.
 */

#include "nt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int status_of(enum outcome outcome)
{
	switch (outcome) {
	case NT_UP:
		return 0;
	case NT_LOADER:
		return 3;
	case NT_NO_SYSTEM:
		return 4;
	case NT_BUGCHECK:
	case NT_RESUME_CRASH:
	default:
		return 2;
	}
}

/* As in a machine: VirtIO disks have names of their own. */
static void name_disk(struct nt *nt)
{
	bool virtio = nt->controller >= 0 &&
		      nt->pci.f[nt->controller].vendor == 0x1af4;

	strcpy(nt->machine.disks[0].vendor, virtio ? "Red_Hat" : "QEMU");
	strcpy(nt->machine.disks[0].product, virtio ? "VirtIO" : "SIMULATED");
}

int main(int argc, char **argv)
{
	struct options o = { .word = { "poll_div=0" }, .n = 1 };
	struct nt nt = { .options = &o };
	enum outcome outcome;
	struct bytes text;

	if (argc < 5)
		die("usage: ntsim DISK PCI-FILE CONTROLLER UUID [NAME=VALUE...]");
	for (int i = 5; i < argc && o.n < COUNT(o.word); i++)
		o.word[o.n++] = argv[i];
	text = read_file(argv[2]);
	if (!text.data)
		die("ntsim: %s can't be read", argv[2]);
	pci_parse(&nt.pci, (char *)text.data);
	bytes_free(&text);
	nt.controller = pci_index(&nt.pci, argv[3]);
	snprintf(nt.machine.uuid, sizeof(nt.machine.uuid), "%s", argv[4]);
	strcpy(nt.machine.vendor, "QEMU");
	strcpy(nt.machine.product, "simulated");
	strcpy(nt.machine.bios, "1");
	nt.machine.s4 = !option_is(&o, "s4", "no");
	nt.machine.disk_count = 1;
	snprintf(nt.machine.disks[0].address, 16, "%.15s", argv[3]);
	name_disk(&nt);
	if (!nt_open(&nt, argv[1])) {
		fact("no-system");
		return 4;
	}
	outcome = nt_boot(&nt);
	if (outcome == NT_UP) {
		nt_user_mode(&nt);
		nt_tick(&nt);
		if (!option_is(&o, "end", "crash"))
			nt_shutdown(&nt, option_is(&o, "end", "button"));
	}
	fact("commits=%llu", (unsigned long long)nt.disk.commits);
	nt_close(&nt);
	return status_of(outcome);
}
