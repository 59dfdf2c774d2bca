/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pci.h - the PCI functions that the machine has, and Windows' names for them */
#ifndef MODEL_PCI_H
#define MODEL_PCI_H

#include "base.h"

#define PCI_MAX 96
#define PCI_ID_SIZE 64
#define PCI_HARDWARE_IDS 4
#define PCI_COMPATIBLE_IDS 6

struct pci_function {
	char address[16];		/* 0000:00:1f.2 */
	unsigned slot, number;
	uint16_t vendor, device, subvendor, subdevice;
	uint8_t revision;
	uint32_t class;			/* 010601 */
	int parent;			/* index of the bridge above, or -1 */
};

struct pci_list {
	struct pci_function f[PCI_MAX];
	size_t n;
};

/* The names, the most specific one first */
struct pci_ids {
	char hardware[PCI_HARDWARE_IDS][PCI_ID_SIZE];
	char compatible[PCI_COMPATIBLE_IDS][PCI_ID_SIZE];
};

/* pci_scan() - from sysfs */
void pci_scan(struct pci_list *l);
/*
 * pci_parse() - from a text with a function per line, for tests:
 *	ADDRESS VENDOR:DEVICE SUBVENDOR:SUBDEVICE REV CLASS [PARENT ADDRESS]
 */
void pci_parse(struct pci_list *l, const char *text);
/* pci_index() - Return: -1 when there is no such address. "00:1f.2" will do. */
int pci_index(const struct pci_list *l, const char *address);
void pci_ids(const struct pci_function *f, struct pci_ids *ids);
/* pci_instance() - such as 3&13c0b0c5&0&38 */
void pci_instance(const struct pci_list *l, size_t i, char out[PCI_ID_SIZE]);

#endif
