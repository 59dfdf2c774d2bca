/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pci.c - the PCI functions that the machine has */

#include "pci.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSFS "/sys/bus/pci/devices"
#define ROOT_HASH 0x13c0b0c5u		/* as in a registry of a real Windows */

static unsigned sysfs_number(const char *address, const char *name)
{
	char path[128];
	struct bytes b;
	unsigned v;

	snprintf(path, sizeof(path), SYSFS "/%s/%s", address, name);
	b = read_file(path);
	v = b.data ? (unsigned)strtoul((char *)b.data, NULL, 16) : 0;
	bytes_free(&b);
	return v;
}

static void set_place(struct pci_function *f)
{
	const char *colon = strrchr(f->address, ':');

	if (!colon || sscanf(colon, ":%x.%x", &f->slot, &f->number) != 2)
		die("pci: address %s", f->address);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct pci_function *)a)->address,
		      ((const struct pci_function *)b)->address);
}

void pci_scan(struct pci_list *l)
{
	DIR *dir = opendir(SYSFS);
	struct dirent *e;

	memset(l, 0, sizeof(*l));
	while (dir && (e = readdir(dir)) && l->n < PCI_MAX) {
		struct pci_function *f = &l->f[l->n];

		if (e->d_name[0] == '.')
			continue;
		snprintf(f->address, sizeof(f->address), "%.15s", e->d_name);
		set_place(f);
		f->vendor = (uint16_t)sysfs_number(e->d_name, "vendor");
		f->device = (uint16_t)sysfs_number(e->d_name, "device");
		f->subvendor = (uint16_t)sysfs_number(e->d_name, "subsystem_vendor");
		f->subdevice = (uint16_t)sysfs_number(e->d_name, "subsystem_device");
		f->revision = (uint8_t)sysfs_number(e->d_name, "revision");
		f->class = sysfs_number(e->d_name, "class");
		l->n++;
	}
	if (dir)
		closedir(dir);
	qsort(l->f, l->n, sizeof(l->f[0]), compare);
	for (size_t i = 0; i < l->n; i++) {
		char path[128], real[PATH_MAX], *slash;

		snprintf(path, sizeof(path), SYSFS "/%s", l->f[i].address);
		l->f[i].parent = -1;
		if (!realpath(path, real) || !(slash = strrchr(real, '/')))
			continue;
		*slash = 0;
		slash = strrchr(real, '/');
		if (slash)
			l->f[i].parent = pci_index(l, slash + 1);
	}
}

void pci_parse(struct pci_list *l, const char *text)
{
	char *copy = xstrdup(text), *save = NULL;

	memset(l, 0, sizeof(*l));
	for (char *line = strtok_r(copy, "\n", &save); line && l->n < PCI_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		struct pci_function *f = &l->f[l->n];
		unsigned v, d, sv, sd, rev, class;
		char parent[16] = "";

		if (*line == '#')
			continue;
		if (sscanf(line, "%15s %x:%x %x:%x %x %x %15s", f->address, &v, &d,
			   &sv, &sd, &rev, &class, parent) < 7)
			die("pci: %s", line);
		set_place(f);
		f->vendor = (uint16_t)v;
		f->device = (uint16_t)d;
		f->subvendor = (uint16_t)sv;
		f->subdevice = (uint16_t)sd;
		f->revision = (uint8_t)rev;
		f->class = class;
		f->parent = *parent ? pci_index(l, parent) : -1;
		l->n++;
	}
	free(copy);
}

int pci_index(const struct pci_list *l, const char *address)
{
	size_t n = strlen(address);

	for (size_t i = 0; i < l->n; i++) {
		size_t m = strlen(l->f[i].address);

		if (m >= n && n >= 7 && !strcmp(l->f[i].address + m - n, address))
			return (int)i;
	}
	return -1;
}

void pci_ids(const struct pci_function *f, struct pci_ids *ids)
{
	unsigned v = f->vendor, d = f->device, sub = (unsigned)f->subdevice << 16 |
		f->subvendor, rev = f->revision, c = f->class;

#define HARDWARE(i, ...) snprintf(ids->hardware[i], PCI_ID_SIZE, __VA_ARGS__)
#define COMPATIBLE(i, ...) snprintf(ids->compatible[i], PCI_ID_SIZE, __VA_ARGS__)
	HARDWARE(0, "PCI\\VEN_%04X&DEV_%04X&SUBSYS_%08X&REV_%02X", v, d, sub, rev);
	HARDWARE(1, "PCI\\VEN_%04X&DEV_%04X&SUBSYS_%08X", v, d, sub);
	HARDWARE(2, "PCI\\VEN_%04X&DEV_%04X&CC_%06X", v, d, c);
	HARDWARE(3, "PCI\\VEN_%04X&DEV_%04X&CC_%04X", v, d, c >> 8);
	COMPATIBLE(0, "PCI\\VEN_%04X&DEV_%04X&REV_%02X", v, d, rev);
	COMPATIBLE(1, "PCI\\VEN_%04X&DEV_%04X", v, d);
	COMPATIBLE(2, "PCI\\VEN_%04X&CC_%06X", v, c);
	COMPATIBLE(3, "PCI\\CC_%06X", c);
	COMPATIBLE(4, "PCI\\VEN_%04X&CC_%04X", v, c >> 8);
	COMPATIBLE(5, "PCI\\CC_%04X", c >> 8);
#undef HARDWARE
#undef COMPATIBLE
}

void pci_instance(const struct pci_list *l, size_t i, char out[PCI_ID_SIZE])
{
	const struct pci_function *f = &l->f[i];
	unsigned depth = 3, hash = ROOT_HASH;
	char tail[32];
	int n = snprintf(tail, sizeof(tail), "%02X", f->slot << 3 | f->number);

	/* Behind bridges the name depends on each of their places, so that the
	 * same function elsewhere is another instance. */
	for (int up = f->parent; up >= 0 && n > 0 && n < 20; up = l->f[up].parent) {
		unsigned place = l->f[up].slot << 3 | l->f[up].number;

		hash = (hash ^ place) * 0x01000193u;
		depth++;
		n += snprintf(tail + n, sizeof(tail) - (size_t)n, "%02X", place);
	}
	snprintf(out, PCI_ID_SIZE, "%u&%x&0&%s", depth, hash, tail);
}
