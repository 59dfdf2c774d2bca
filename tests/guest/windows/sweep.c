/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sweep.c - StartOverride: planted on boot drivers that found no device, removed when a
 * device is configured for the driver (README.md has the sources)
 */

#include "nt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_KERNEL 1u
#define DEMAND_START 3u

void sweep_clear(struct nt *nt, const char *service)
{
	struct driver *d = loader_find(nt, service);
	hkey key = d ? hive_find(nt->sys, d->key, "StartOverride") : 0;

	if (!key)
		return;
	hive_delete(nt->sys, key);
	fact("startoverride cleared service=%s", service);
}

/*
 * Which kernel drivers are Plug and Play drivers can't be seen in a registry.
 * Those of these groups, filters, and those of devices that are no PCI functions
 * are not counted; anything else is, so that a service that somebody adds is
 * swept rather than spared.
 */
static const char *const spared_groups[] = {
	"Boot File System", "File System", "Filter", "PnP Filter", "Base",
	"Boot Bus Extender", "System Bus Extender", "Core", "EMS", "WdfLoadGroup",
	"Cryptography", "Core Security Extensions", "Core Platform Extensions",
	"Early-Launch", "System Reserved", "Primary Disk", "SCSI Class", "NDIS",
	"NDIS Wrapper", "Network", "PNP_TDI",
};

static bool spared(struct nt *nt, const struct driver *d)
{
	char *group = hive_text(nt->sys, d->key, "Group");
	bool yes = group && starts(group, "FSFilter");

	for (size_t i = 0; group && i < COUNT(spared_groups); i++)
		yes |= same(group, spared_groups[i]);
	free(group);
	return yes;
}

static void use(const char *service, void *arg)
{
	struct driver *d = loader_find(arg, service);

	if (d)
		d->used = true;
}

/* Drivers of what hangs on no PCI function: it is always there. */
static void mark_others(struct nt *nt)
{
	static const char *const moving[] = { "PCI", "SCSI", "IDE" };
	hkey *buses = hive_children(nt->sys, hive_find(nt->sys, nt->set, "Enum"));

	for (size_t b = 0; buses[b]; b++) {
		char *name = hive_name(nt->sys, buses[b]);
		hkey *devices = hive_children(nt->sys, buses[b]);
		bool skip = false;

		for (size_t i = 0; i < COUNT(moving); i++)
			skip |= same(name, moving[i]);
		free(name);
		for (size_t d = 0; !skip && devices[d]; d++) {
			hkey *list = hive_children(nt->sys, devices[d]);

			for (size_t i = 0; list[i]; i++)
				hive_texts(nt->sys, list[i], "Service", use, nt);
			free(list);
		}
		free(devices);
	}
	free(buses);
}

static void mark_filters(struct nt *nt)
{
	hkey *list = hive_children(nt->sys,
				   hive_find(nt->sys, nt->set, "Control\\Class"));

	for (size_t i = 0; list[i]; i++) {
		hive_texts(nt->sys, list[i], "UpperFilters", use, nt);
		hive_texts(nt->sys, list[i], "LowerFilters", use, nt);
	}
	free(list);
}

void sweep_run(struct nt *nt)
{
	char id[16];

	if (!nt->win.modern || option_is(nt->options, "sweep", "off"))
		return;
	mark_others(nt);
	mark_filters(nt);
	snprintf(id, sizeof(id), "%u", nt->hardware);
	for (size_t i = 0; i < nt->drivers.n; i++) {
		const struct driver *d = &nt->drivers.d[i];

		if (d->load != LOAD_YES || d->type != SERVICE_KERNEL || d->used ||
		    spared(nt, d))
			continue;
		hive_set_u32(nt->sys, hive_make(nt->sys, d->key, "StartOverride"), id,
			     DEMAND_START);
		fact("startoverride planted service=%s id=%s value=%u", d->name, id,
		     DEMAND_START);
	}
}
