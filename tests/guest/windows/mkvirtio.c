/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mkvirtio.c - the state of a guest's VirtIO storage driver, from absent to bound */

#include "mk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct virtio {
	const char *service, *ids[2];	/* transitional, modern */
	const char *functions[2];	/* what pci_parse() wants, after the address */
};

static const struct virtio kinds[] = {
	{ "viostor", { "PCI\\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00",
		       "PCI\\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01" },
	  { "1af4:1001 1af4:0002 00 010000", "1af4:1042 1af4:1100 01 010000" } },
	{ "vioscsi", { "PCI\\VEN_1AF4&DEV_1004&SUBSYS_00081AF4&REV_00",
		       "PCI\\VEN_1AF4&DEV_1048&SUBSYS_11001AF4&REV_01" },
	  { "1af4:1004 1af4:0008 00 010000", "1af4:1048 1af4:1100 01 010000" } },
};

static const char oem[] = "oem7.inf";

/* The package, in the database; @bootable: with all that the kernel needs */
static void database(struct mk *mk, const struct virtio *v, bool bootable)
{
	char label[NAME_SIZE];

	snprintf(label, sizeof(label), "%s.inf_%s_5d1c0a9e47f3b286", v->service,
		 mk->pe == MACHINE_AMD64 ? "amd64" : "x86");
	if (mk->modern)
		mk_package(mk, oem, label, CLASS_SCSI, true);
	for (size_t i = 0; i < 2; i++) {
		if (mk->modern)
			mk_package_device(mk, oem, label, bootable ? v->service : NULL,
					  v->ids[i]);
		else if (bootable)
			mk_cdd(mk, v->ids[i], v->service, CLASS_SCSI);
	}
}

static void bound(struct mk *mk, const struct virtio *v)
{
	char line[128];
	bool modern = option_is(&mk->options, "virtio", "modern");

	snprintf(line, sizeof(line), "0000:%s %s",
		 option(&mk->options, "at", "00:05.0"), v->functions[modern]);
	mk_instance(mk, line, v->service, CLASS_SCSI, oem);
}

static void inf_text(const struct virtio *v, unsigned dirid, char *out, size_t size)
{
	snprintf(out, size,
		 "[Version]\r\nSignature=\"$WINDOWS NT$\"\r\nClass=SCSIAdapter\r\n"
		 "ClassGUID={4D36E97B-E325-11CE-BFC1-08002BE10318}\r\n"
		 "Provider=\"model\"\r\nDriverVer=01/01/2024,100.0.0.1\r\n"
		 "CatalogFile=%s.cat\r\n\r\n[Manufacturer]\r\nmodel=models,NTamd64,NTx86\r\n"
		 "\r\n[models.NTamd64]\r\n"
		 "\"VirtIO\" = scsi_inst, %s\r\n\"VirtIO\" = scsi_inst, %s\r\n\r\n"
		 "[scsi_inst.Services]\r\nAddService = %s, 2, service\r\n\r\n[service]\r\n"
		 "ServiceType = 1\r\nStartType = 0\r\nErrorControl = 1\r\n"
		 "LoadOrderGroup = SCSI miniport\r\nServiceBinary = %%%u%%\\%s.sys\r\n",
		 v->service, v->ids[0], v->ids[1], v->service, dirid, v->service);
}

/* INF, catalogue and binary in a folder of the guest */
static void package_folder(struct mk *mk, const struct virtio *v, const char *folder,
			   bool wrong)
{
	uint16_t pe = wrong ? MACHINE_AMD64 ^ MACHINE_X86 ^ mk->pe : mk->pe;
	struct bytes sys = mk_pe(pe, mk->gen->major, mk->gen->minor, v->service);
	char text[2048], *path;

	inf_text(v, option_number(&mk->options, "dirid", 12), text, sizeof(text));
	path = xasprintf("%s/%s.inf", folder, v->service);
	volume_write(mk->vol, path, text, strlen(text));
	free(path);
	path = xasprintf("%s/%s.sys", folder, v->service);
	volume_write(mk->vol, path, sys.data, sys.len);
	free(path);
	path = xasprintf("%s/%s.cat", folder, v->service);
	volume_write(mk->vol, path, "catalogue", 9);
	free(path);
	bytes_free(&sys);
}

static void first_boot(struct mk *mk, const struct virtio *v, const char *how)
{
	hkey key = hive_make(mk->sys, mk->set, "Services\\firstboot");
	char *command;

	package_folder(mk, v, "Drivers", false);
	hive_set_u32(mk->sys, key, "Type", 0x10);
	hive_set_u32(mk->sys, key, "Start", 2);
	hive_set_text(mk->sys, key, "ImagePath", REG_EXPAND_SZ,
		      "C:\\firstboot\\rhsrvany.exe C:\\firstboot\\firstboot.bat");
	command = xasprintf("@echo off\r\npnputil %s-a C:\\Drivers\\%s.inf\r\n",
			    same(how, "install") ? "-i " : "", v->service);
	volume_write(mk->vol, "firstboot/firstboot.bat", command, strlen(command));
	free(command);
}

void mk_virtio(struct mk *mk)
{
	const struct options *o = &mk->options;
	const struct virtio *v = &kinds[option_is(o, "bus", "scsi")];
	const char *state = option(o, "driver", "none");
	const char *package = option(o, "package", "no");
	unsigned start = option_number(o, "driver_start", 0);
	uint16_t other = (uint16_t)(MACHINE_AMD64 ^ MACHINE_X86 ^ mk->pe);
	char path[NAME_SIZE];

	if (same(state, "staged")) {
		snprintf(path, sizeof(path), "Services\\%s", v->service);
		hive_make(mk->sys, mk->set, path);
		database(mk, v, false);
	} else if (same(state, "wrongarch")) {
		/* On the disk, by mistake, but nothing starts it yet. */
		mk_service(mk, v->service, option_number(o, "driver_start", 3),
			   "SCSI miniport");
		mk_driver_file(mk, v->service, other);
		database(mk, v, true);
	} else if (!same(state, "none")) {
		mk_service(mk, v->service, start, "SCSI miniport");
		if (!same(state, "nofile"))
			mk_driver_file(mk, v->service, mk->pe);
		if (!same(state, "service"))
			database(mk, v, true);
		if (same(state, "bound"))
			bound(mk, v);
	}
	if (!same(package, "no"))
		package_folder(mk, v, "Windows/Drivers/VirtIO", same(package, "wrong"));
	if (option(o, "firstboot", NULL))
		first_boot(mk, v, option(o, "firstboot", NULL));
}
