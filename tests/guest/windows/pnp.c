/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pnp.c - which service the kernel selects for a device before it has a disk */

#include "nt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_DISABLED 1u
#define CONFIG_REMOVED 2u
#define CONFIG_REINSTALL 0x20u
#define CONFIG_FAILED 0x40u
#define PACKAGE_VERSION_SIZE 48
#define NO_RANK 0xffffffffu

#define CLASS_DISK "{4d36e967-e325-11ce-bfc1-08002be10318}"
#define CLASS_VOLUME "{71a27cdd-812a-11d0-bec7-08002be2092f}"

/* The text goes to @out, and is freed. */
static void take(char *out, size_t size, char *text)
{
	snprintf(out, size, "%s", text ? text : "");
	free(text);
}

hkey pnp_instance(struct nt *nt, size_t function, bool make)
{
	struct pci_ids ids;
	char tail[PCI_ID_SIZE], path[2 * PCI_ID_SIZE + 16];

	pci_ids(&nt->pci.f[function], &ids);
	pci_instance(&nt->pci, function, tail);
	snprintf(path, sizeof(path), "Enum\\%s\\%s", ids.hardware[0], tail);
	return make ? hive_make(nt->sys, nt->set, path) :
		      hive_find(nt->sys, nt->set, path);
}

/* The instance's own word. Return: it has one. */
static bool match_instance(struct nt *nt, size_t function, struct match *m)
{
	hkey key = pnp_instance(nt, function, false);
	uint32_t flags = hive_u32(nt->sys, key, "ConfigFlags", 0);
	char *service = key ? hive_text(nt->sys, key, "Service") : NULL;

	if (flags & (CONFIG_DISABLED | CONFIG_REMOVED)) {
		free(service);
		m->by = MATCH_ENUM;	/* of no service: it stays without */
		return true;
	}
	if (!service || !*service || flags & (CONFIG_REINSTALL | CONFIG_FAILED)) {
		free(service);
		return false;
	}
	m->by = MATCH_ENUM;
	take(m->service, sizeof(m->service), service);
	take(m->class_guid, sizeof(m->class_guid), hive_text(nt->sys, key, "ClassGUID"));
	return true;
}

/* ---- before 8 ---- */

static bool match_cdd_id(struct nt *nt, hkey cdd, const char *id, struct match *m)
{
	char name[PCI_ID_SIZE];
	hkey row;

	snprintf(name, sizeof(name), "%s", id);
	for (char *p = name; *p; p++)
		if (*p == '\\')
			*p = '#';
	row = hive_find(nt->sys, cdd, name);
	take(m->service, sizeof(m->service),
	     row ? hive_text(nt->sys, row, "Service") : NULL);
	if (!*m->service)
		return false;
	m->by = MATCH_CDD;
	snprintf(m->id, sizeof(m->id), "%s", id);
	take(m->class_guid, sizeof(m->class_guid), hive_text(nt->sys, row, "ClassGUID"));
	return true;
}

static bool match_cdd(struct nt *nt, const struct pci_ids *ids, struct match *m)
{
	hkey cdd = hive_find(nt->sys, nt->set, "Control\\CriticalDeviceDatabase");

	for (size_t i = 0; i < PCI_HARDWARE_IDS; i++)
		if (match_cdd_id(nt, cdd, ids->hardware[i], m))
			return true;
	for (size_t i = 0; i < PCI_COMPATIBLE_IDS; i++)
		if (match_cdd_id(nt, cdd, ids->compatible[i], m))
			return true;
	return false;
}

/* ---- 8 and later ---- */

static void class_of(const uint8_t *version, char out[48])
{
	const uint8_t *g = version + 8;

	snprintf(out, 48, "{%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x}",
		 get32(g), get16(g + 4), get16(g + 6), g[8], g[9], g[10], g[11],
		 g[12], g[13], g[14], g[15]);
}

/* The package that an INF stands for, if the kernel can configure a device of
 * this id from it. */
static bool package(struct nt *nt, const char *inf, const char *id, struct match *m)
{
	hkey db = hive_find(nt->sys, hive_root(nt->sys), "DriverDatabase");
	char path[400];
	struct bytes version = { 0 };
	hkey key, conf;

	snprintf(path, sizeof(path), "DriverInfFiles\\%s", inf);
	key = hive_find(nt->sys, db, path);
	take(m->label, sizeof(m->label),
	     key ? hive_text(nt->sys, key, "Active") : NULL);
	snprintf(path, sizeof(path), "DriverPackages\\%s", m->label);
	key = *m->label ? hive_find(nt->sys, db, path) : 0;
	if (!hive_get(nt->sys, key, "Version", NULL, &version) ||
	    version.len != PACKAGE_VERSION_SIZE) {
		bytes_free(&version);
		return false;
	}
	class_of(version.data, m->class_guid);
	bytes_free(&version);
	snprintf(path, sizeof(path), "Descriptors\\%s", id);
	conf = hive_find(nt->sys, key, path);
	take(m->section, sizeof(m->section),
	     conf ? hive_text(nt->sys, conf, "Configuration") : NULL);
	snprintf(path, sizeof(path), "Configurations\\%s", m->section);
	conf = *m->section ? hive_find(nt->sys, key, path) : 0;
	take(m->service, sizeof(m->service),
	     conf ? hive_text(nt->sys, conf, "Service") : NULL);
	return *m->service != 0;
}

struct search {
	struct nt *nt;
	hkey key;
	const char *id;
	unsigned compatible, position;
	struct match best;
};

static void try_inf(const char *inf, void *arg)
{
	struct search *s = arg;
	struct bytes data = { 0 };
	struct match m = { .by = MATCH_DDB };

	if (!hive_get(s->nt->sys, s->key, inf, NULL, &data) || data.len < 2) {
		bytes_free(&data);
		return;
	}
	/* 0xSSGGTHHH: signatures are not looked at */
	m.rank = (uint32_t)data.data[1] << 16 |
		 (s->compatible * 2 + (data.data[0] == 2)) << 12 | s->position;
	bytes_free(&data);
	if (m.rank >= s->best.rank || !package(s->nt, inf, s->id, &m))
		return;
	snprintf(m.inf, sizeof(m.inf), "%s", inf);
	snprintf(m.id, sizeof(m.id), "%s", s->id);
	s->best = m;
}

static bool match_ddb(struct nt *nt, const struct pci_ids *ids, struct match *m)
{
	hkey all = hive_find(nt->sys, hive_root(nt->sys), "DriverDatabase\\DeviceIds");
	struct search s = { .nt = nt, .best = { .rank = NO_RANK } };

	for (size_t i = 0; i < PCI_HARDWARE_IDS + PCI_COMPATIBLE_IDS; i++) {
		s.compatible = i >= PCI_HARDWARE_IDS;
		s.position = (unsigned)(s.compatible ? i - PCI_HARDWARE_IDS : i);
		s.id = s.compatible ? ids->compatible[s.position] : ids->hardware[i];
		s.key = hive_find(nt->sys, all, s.id);
		if (s.key)
			hive_names(nt->sys, s.key, try_inf, &s);
	}
	if (s.best.rank == NO_RANK)
		return false;
	*m = s.best;
	return true;
}

bool pnp_database(struct nt *nt, const struct pci_ids *ids, struct match *m)
{
	*m = (struct match){ .by = MATCH_NONE };
	return nt->win.modern ? match_ddb(nt, ids, m) : match_cdd(nt, ids, m);
}

void pnp_match(struct nt *nt, size_t function, struct match *m)
{
	struct pci_ids ids;

	*m = (struct match){ .by = MATCH_NONE };
	if (match_instance(nt, function, m))
		return;
	pci_ids(&nt->pci.f[function], &ids);
	if (!pnp_database(nt, &ids, m))
		*m = (struct match){ .by = MATCH_NONE };
}

/* ---- the way to the boot disk ---- */

static bool stop(const char *what, const char *service, const char *why)
{
	fact("stop code=0x7B what=%s service=%s why=%s", what,
	     *service ? service : "none", why);
	return false;
}

/* A driver on this way must be in memory already: there is no disk to load it
 * from. */
static bool in_memory(struct nt *nt, const char *what, const char *service)
{
	struct driver *d = loader_find(nt, service);

	if (!d)
		return stop(what, service, "no-service");
	if (d->load != LOAD_YES)
		return stop(what, service, load_name(d->load));
	d->used = true;
	return true;
}

struct filters {
	struct nt *nt;
	const char *what;
	bool good;
};

static void filter(const char *name, void *arg)
{
	struct filters *f = arg;

	if (f->good)
		f->good = in_memory(f->nt, f->what, name);
}

static bool class_filters(struct nt *nt, const char *class)
{
	char path[96];
	struct filters f = { nt, "filter", true };
	hkey key;

	snprintf(path, sizeof(path), "Control\\Class\\%s", class);
	key = hive_find(nt->sys, nt->set, path);
	hive_texts(nt->sys, key, "UpperFilters", filter, &f);
	hive_texts(nt->sys, key, "LowerFilters", filter, &f);
	return f.good;
}

static bool function_ready(struct nt *nt, size_t i, const char *what)
{
	struct match m;

	pnp_match(nt, i, &m);
	fact("match device=%s by=%s service=%s%s%s", nt->pci.f[i].address,
	     m.by == MATCH_ENUM ? "enum" : m.by == MATCH_CDD ? "cdd" :
	     m.by == MATCH_DDB ? "ddb" : "nothing", *m.service ? m.service : "none",
	     *m.inf ? " inf=" : "", m.inf);
	if (!*m.service)
		return stop(what, "", m.by == MATCH_ENUM ? "disabled" : "no-match");
	return in_memory(nt, what, m.service) &&
	       (!*m.class_guid || class_filters(nt, m.class_guid));
}

/* IDE channels, which msahci has too, have a driver of their own. */
static bool channels_ready(struct nt *nt, size_t controller)
{
	static const char *const with_channels[] = { "msahci", "pciide", "intelide" };
	struct match m;

	pnp_match(nt, controller, &m);
	for (size_t i = 0; i < COUNT(with_channels); i++)
		if (same(m.service, with_channels[i]))
			return in_memory(nt, "channel", "atapi");
	return true;
}

bool pnp_boot_ready(struct nt *nt)
{
	static const char *const always[] = { "pci", "disk", "volmgr" };
	int chain[8], n = 0;

	for (int i = nt->controller; i >= 0 && n < 8; i = nt->pci.f[i].parent)
		chain[n++] = i;
	if (!n)
		return stop("controller", "", "not-pci");
	for (size_t i = 0; i < COUNT(always); i++)
		if (!in_memory(nt, "stack", always[i]))
			return false;
	while (--n > 0)
		if (!function_ready(nt, (size_t)chain[n], "bridge"))
			return false;
	return function_ready(nt, (size_t)chain[0], "controller") &&
	       channels_ready(nt, (size_t)chain[0]) &&
	       class_filters(nt, CLASS_DISK) && class_filters(nt, CLASS_VOLUME);
}
