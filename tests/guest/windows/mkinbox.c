/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mkinbox.c - the in-box drivers of Windows that matter for a controller or a sweep
 *
 * The start types are those found on guests that never used that controller; mkhive.c
 * changes them for the guest's origin.
 */

#include "mk.h"

#define ABSENT 9

static const struct inbox table[] = {
	{ "ACPI", 0, 0, "Core", CLASS_SYSTEM, NULL, { 0 }, NULL },
	{ "pci", 0, 0, "Boot Bus Extender", CLASS_SYSTEM, "machine.inf",
	  { "PCI\\CC_0604", "PCI\\CC_0600" }, NULL },
	{ "msisadrv", 0, 0, "Boot Bus Extender", CLASS_SYSTEM, "machine.inf",
	  { "PCI\\CC_0601" }, NULL },
	{ "vdrvroot", 0, 0, "Boot Bus Extender", CLASS_SYSTEM, NULL, { 0 }, NULL },
	{ "partmgr", 0, 0, "Boot Bus Extender", CLASS_SYSTEM, NULL, { 0 }, NULL },
	{ "volmgr", 0, 0, "System Bus Extender", CLASS_SYSTEM, NULL, { 0 }, NULL },
	{ "mountmgr", 0, 0, "System Bus Extender", CLASS_SYSTEM, NULL, { 0 }, NULL },
	{ "spaceport", ABSENT, 0, "System Bus Extender", CLASS_SYSTEM, NULL, { 0 }, NULL },
	{ "disk", 0, 0, "SCSI Class", CLASS_DISK, NULL, { 0 }, NULL },
	{ "EhStorClass", ABSENT, 0, "PnP Filter", CLASS_DISK, NULL, { 0 }, NULL },
	{ "volsnap", 0, 0, "System Bus Extender", CLASS_VOLUME, NULL, { 0 }, NULL },
	{ "fvevol", 0, 0, "System Bus Extender", CLASS_VOLUME, NULL, { 0 }, NULL },
	{ "CLFS", 0, 0, "Filter", CLASS_SYSTEM, NULL, { 0 }, NULL },
	{ "CNG", 0, 0, "Base", CLASS_SYSTEM, NULL, { 0 }, NULL },
	{ "KSecDD", 0, 0, "Base", CLASS_SYSTEM, NULL, { 0 }, NULL },
	{ "Wdf01000", 0, 0, "WdfLoadGroup", CLASS_SYSTEM, NULL, { 0 }, NULL },

	{ "msahci", 3, ABSENT, "SCSI Miniport", CLASS_HDC, "mshdc.inf",
	  { "PCI\\CC_010601" }, "sata" },
	{ "storahci", ABSENT, 0, "SCSI Miniport", CLASS_HDC, "mshdc.inf",
	  { "PCI\\CC_010601" }, "sata" },
	{ "intelide", 0, 0, "System Bus Extender", CLASS_HDC, "mshdc.inf",
	  { "PCI\\VEN_8086&DEV_7010", "PCI\\VEN_8086&DEV_7111" }, "ide" },
	{ "pciide", 3, 0, "SCSI Miniport", CLASS_HDC, "mshdc.inf",
	  { "PCI\\CC_0101" }, NULL },
	{ "atapi", 0, 0, "SCSI Miniport", CLASS_HDC, "mshdc.inf", { 0 }, "ide" },
	{ "iaStorV", 3, 0, "SCSI Miniport", CLASS_SCSI, "iastorv.inf",
	  { "PCI\\VEN_8086&DEV_2822&CC_0104" }, NULL },
	{ "stornvme", ABSENT, 0, "SCSI Miniport", CLASS_SCSI, "stornvme.inf",
	  { "PCI\\CC_010802" }, NULL },
	{ "LSI_SAS", 0, 0, "SCSI Miniport", CLASS_SCSI, "lsi_sas.inf",
	  { "PCI\\VEN_1000&DEV_0054" }, "lsi" },
	{ "LSI_SCSI", 0, ABSENT, "SCSI Miniport", CLASS_SCSI, "lsi_scsi.inf",
	  { "PCI\\VEN_1000&DEV_0030" }, "lsi-parallel" },
	{ "megasas", 0, 0, "SCSI Miniport", CLASS_SCSI, "megasas.inf",
	  { "PCI\\VEN_1000&DEV_0060" }, NULL },

	{ "usbxhci", ABSENT, 3, "", CLASS_USB, "usbxhci.inf", { "PCI\\CC_0C0330" }, NULL },
	{ "usbehci", 3, 3, "", CLASS_USB, "usbport.inf", { "PCI\\CC_0C0320" }, NULL },
	{ "usbuhci", 3, 3, "", CLASS_USB, "usbport.inf", { "PCI\\CC_0C0300" }, NULL },
	{ "E1G60", 3, 3, "NDIS", CLASS_NET, "nete1g3e.inf",
	  { "PCI\\VEN_8086&DEV_100E" }, NULL },
	{ "vga", 3, 3, "Video", CLASS_DISPLAY, "display.inf", { "PCI\\CC_0300" }, NULL },
};

const struct inbox *inbox(size_t i)
{
	return i < COUNT(table) ? &table[i] : NULL;
}
