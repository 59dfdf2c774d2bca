// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * editrules.c - the registry edits, as one table
 *
 * Sources, row by row: the service as in viostor.inx and vioscsi.inx of virtio-win;
 * CriticalDeviceDatabase and DriverDatabase as virt-v2v writes them (inject_virtio_win.ml),
 * decoded by comparison with in-box packages in registries of real Windows 7 and 10; AHCI:
 * Microsoft's KB 922976, and the StartOverride that drivers without a device have in those
 * registries.
 *
 * Placeholders in paths, names and text: {driver} viostor or vioscsi, {inf} our package's INF,
 * {label} its label, {id} each PCI ID of the device, in the forms that the row's database uses.
 */

#include "helper/edits/edits.h"

#include <string.h>
#include <strings.h>

enum rule_mode {
	FORCE,		/* set it always */
	IF_MISSING,	/* set it only if there is no such value */
	IF_KEY,		/* set it always, but only if the key exists */
	DELETE_KEY,
};

/* Conditions of a row; all bits that are set must hold. */
enum {
	BELOW_8 = 1 << 0, FROM_8 = 1 << 1,
	BLK = 1 << 2, SCSI = 1 << 3,
	PACKAGE = 1 << 4,
	NOT_FOUND = 1 << 5,	/* no driver is found for the ID yet */
	IN_ROOT = 1 << 6,	/* the path begins at the root, not at the control set */
};

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): table's order */
struct rule {
	enum edit_group group;
	unsigned int when;
	enum rule_mode mode;
	const char *path, *name;
	uint32_t type;
	const char *text;	/* strings; MULTI_SZ has one of them */
	uint32_t number;	/* DWORD */
};

#define SERVICE "Services\\{driver}"
#define CDD "Control\\CriticalDeviceDatabase\\PCI#{id}"
#define INF_FILE "DriverDatabase\\DriverInfFiles\\{inf}"
#define DEVICE_ID "DriverDatabase\\DeviceIds\\PCI\\{id}"
#define PACKAGE_KEY "DriverDatabase\\DriverPackages\\{label}"
#define PACKAGE_CONF PACKAGE_KEY "\\Configurations\\guestor_conf"
#define SETUP "Services\\busflip"
#define SCSI_CLASS "{4D36E97B-E325-11CE-BFC1-08002BE10318}"
#define START_OF(driver) "Services\\" driver, "Start", HIVE_DWORD, NULL, 0
#define OVERRIDE_OF(driver) \
	GROUP_OVERRIDE, FROM_8, DELETE_KEY, \
	"Services\\" driver "\\StartOverride", NULL, 0, NULL, 0

/* cmd.exe is not a service, so Windows stops waiting for it after a while; `start` lets the
 * installation continue by itself. The service deletes itself once it has run. */
#define SETUP_COMMAND \
	"%SystemRoot%\\System32\\cmd.exe /c start \"\" /b " \
	"%SystemRoot%\\System32\\cmd.exe /c \"" \
	"%SystemRoot%\\System32\\pnputil.exe -i -a " \
	"%SystemRoot%\\Drivers\\VirtIO\\*.inf & " \
	"%SystemRoot%\\System32\\sc.exe delete busflip\""

/* Two special values: the 48 bytes of a package's version, and the four bytes of a device ID
 * (1: hardware ID of an INF; score 0xFF, the default). */
#define VERSION_BLOB "{version}"
#define ID_BLOB "{id-match}"

static const struct rule rules[] = {
	{ GROUP_SERVICE, 0, FORCE, SERVICE, "Type", HIVE_DWORD, NULL, 1 },
	{ GROUP_SERVICE, 0, FORCE, SERVICE, "Start", HIVE_DWORD, NULL, 0 },
	{ GROUP_SERVICE, 0, IF_MISSING, SERVICE, "ErrorControl", HIVE_DWORD,
	  NULL, 1 },
	{ GROUP_SERVICE, 0, IF_MISSING, SERVICE, "Group", HIVE_SZ,
	  "SCSI miniport", 0 },
	{ GROUP_SERVICE, 0, IF_MISSING, SERVICE, "ImagePath", HIVE_EXPAND_SZ,
	  "system32\\drivers\\{driver}.sys", 0 },
	{ GROUP_SERVICE, BLK, IF_MISSING, SERVICE "\\Parameters", "BusType",
	  HIVE_DWORD, NULL, 1 },
	{ GROUP_SERVICE, SCSI, IF_MISSING, SERVICE "\\Parameters", "BusType",
	  HIVE_DWORD, NULL, 10 },
	{ GROUP_SERVICE, 0, IF_MISSING, SERVICE "\\Parameters\\PnpInterface",
	  "5", HIVE_DWORD, NULL, 1 },
	{ OVERRIDE_OF("{driver}") },

	{ GROUP_DATABASE, BELOW_8 | NOT_FOUND, FORCE, CDD, "Service", HIVE_SZ,
	  "{driver}", 0 },
	{ GROUP_DATABASE, BELOW_8 | NOT_FOUND, FORCE, CDD, "ClassGUID", HIVE_SZ,
	  SCSI_CLASS, 0 },

	{ GROUP_DATABASE, FROM_8 | IN_ROOT | NOT_FOUND, FORCE, DEVICE_ID,
	  "{inf}", HIVE_BINARY, ID_BLOB, 0 },
	{ GROUP_DATABASE, FROM_8 | IN_ROOT | NOT_FOUND, FORCE,
	  PACKAGE_KEY "\\Descriptors\\PCI\\{id}", "Configuration", HIVE_SZ,
	  "guestor_conf", 0 },
	{ GROUP_DATABASE, FROM_8 | IN_ROOT | NOT_FOUND, FORCE, INF_FILE, "",
	  HIVE_MULTI_SZ, "{label}", 0 },
	{ GROUP_DATABASE, FROM_8 | IN_ROOT | NOT_FOUND, FORCE, INF_FILE,
	  "Active", HIVE_SZ, "{label}", 0 },
	{ GROUP_DATABASE, FROM_8 | IN_ROOT | NOT_FOUND, FORCE, INF_FILE,
	  "Configurations", HIVE_MULTI_SZ, "guestor_conf", 0 },
	{ GROUP_DATABASE, FROM_8 | IN_ROOT | NOT_FOUND, FORCE, PACKAGE_KEY,
	  "Version", HIVE_BINARY, VERSION_BLOB, 0 },
	{ GROUP_DATABASE, FROM_8 | IN_ROOT | NOT_FOUND, FORCE,
	  PACKAGE_CONF, "ConfigFlags", HIVE_DWORD, NULL, 0 },
	{ GROUP_DATABASE, FROM_8 | IN_ROOT | NOT_FOUND, FORCE,
	  PACKAGE_CONF, "Service", HIVE_SZ, "{driver}", 0 },

	/* The SATA boot itself, and IDE as a fallback. Removing an override is always safe:
	 * Windows creates it again where it wants one. It does so in every control set
	 * (SAP's script for Azure, "NVMe-Conversion"), and for bus drivers as well (see
	 * winservice.c), so it is removed there, too. */
	{ GROUP_BOOT, BELOW_8, IF_KEY, START_OF("msahci") },
	{ GROUP_BOOT, FROM_8, IF_KEY, START_OF("storahci") },
	{ GROUP_BOOT, 0, IF_KEY, START_OF("atapi") },
	{ GROUP_BOOT, 0, IF_KEY, START_OF("pciide") },
	{ GROUP_BOOT, 0, IF_KEY, START_OF("intelide") },
	{ OVERRIDE_OF("storahci") },
	{ OVERRIDE_OF("atapi") },
	{ OVERRIDE_OF("pciide") },
	{ OVERRIDE_OF("intelide") },
	{ OVERRIDE_OF("stornvme") },
	{ OVERRIDE_OF("ACPI") },
	{ OVERRIDE_OF("pci") },
	{ OVERRIDE_OF("vpci") },
	{ OVERRIDE_OF("spaceport") },

	{ GROUP_PACKAGE, PACKAGE, FORCE, SETUP, "Type", HIVE_DWORD, NULL, 0x10 },
	{ GROUP_PACKAGE, PACKAGE, FORCE, SETUP, "Start", HIVE_DWORD, NULL, 2 },
	{ GROUP_PACKAGE, PACKAGE, FORCE, SETUP, "ErrorControl", HIVE_DWORD,
	  NULL, 0 },
	{ GROUP_PACKAGE, PACKAGE, FORCE, SETUP, "ObjectName", HIVE_SZ,
	  "LocalSystem", 0 },
	{ GROUP_PACKAGE, PACKAGE, FORCE, SETUP, "DisplayName", HIVE_SZ,
	  "busflip: install the VirtIO storage driver", 0 },
	{ GROUP_PACKAGE, PACKAGE, FORCE, SETUP, "ImagePath", HIVE_EXPAND_SZ,
	  SETUP_COMMAND, 0 },
};

/* The compatible IDs with the revision of QEMU's devices, as virt-v2v uses them, and for
 * CriticalDeviceDatabase also the short form: Windows 7's own rows, such as PCI#CC_010601 for
 * AHCI, use only that. */
static const char *const ids[TARGET_BUSES][2][2] = {
	[TARGET_VIRTIO] = { { "VEN_1AF4&DEV_1001&REV_00", "VEN_1AF4&DEV_1001" },
			 { "VEN_1AF4&DEV_1042&REV_01", "VEN_1AF4&DEV_1042" } },
	[TARGET_SCSI] = { { "VEN_1AF4&DEV_1004&REV_00", "VEN_1AF4&DEV_1004" },
			  { "VEN_1AF4&DEV_1048&REV_01", "VEN_1AF4&DEV_1048" } },
};

/* The values for expanding a rule. */
struct context {
	struct edits *plan;
	const struct windows *win;
	const struct edits_request *request;
	const char *set;	/* control set, and the groups to change in it */
	unsigned int groups;
	const char *id;		/* or NULL */
	char inf[32], label[64];
};

static const char *placeholder(const struct context *c, const char *at,
			       size_t *len)
{
	static const char driver[] = "{driver}", label[] = "{label}",
			  inf[] = "{inf}", id[] = "{id}";

	if (strncmp(at, driver, *len = sizeof(driver) - 1) == 0)
		return virtio_service_name(c->request->bus);
	if (strncmp(at, label, *len = sizeof(label) - 1) == 0)
		return c->label;
	if (strncmp(at, inf, *len = sizeof(inf) - 1) == 0)
		return c->inf;
	if (strncmp(at, id, *len = sizeof(id) - 1) == 0)
		return c->id;
	return NULL;
}

static bool expand(const struct context *c, const char *from, char *to,
		   size_t size)
{
	size_t used = 0, len, n;

	while (*from) {
		const char *with = placeholder(c, from, &len);

		if (!with) {
			with = from;
			len = n = 1;
		} else {
			n = strlen(with);
		}
		if (used + n >= size)
			return false;
		memcpy(to + used, with, n);
		used += n;
		from += len;
	}
	to[used] = '\0';
	return true;
}

/* 48 bytes: 00 FF (not in-box), machine, class, zero date and version. */
static uint32_t version_blob(const struct windows *win, uint8_t *data)
{
	static const uint8_t scsi_class[16] = {
		0x7b, 0xe9, 0x36, 0x4d, 0x25, 0xe3, 0xce, 0x11,
		0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03, 0x18,
	};
	static const uint16_t machines[] = {	/* PROCESSOR_ARCHITECTURE_* */
		[ARCH_UNKNOWN] = 0, [ARCH_X86] = 0, [ARCH_AMD64] = 9,
		[ARCH_ARM64] = 12,
	};

	memset(data, 0, 48);
	data[1] = 0xff;
	put_le16(data + 2, machines[win->arch]);
	memcpy(data + 8, scsi_class, sizeof(scsi_class));
	return 48;
}

/* The value's bytes; the table has no empty value. */
static uint32_t rule_data(const struct context *c, const struct rule *r,
			  uint8_t *data, size_t size)
{
	static const uint8_t match[4] = { 0x01, 0xff, 0x00, 0x00 };
	char text[512];
	size_t n;

	if (!r->text) {
		put_le32(data, r->number);
		return 4;
	}
	if (str_eq(r->text, VERSION_BLOB))
		return version_blob(c->win, data);
	if (str_eq(r->text, ID_BLOB)) {
		memcpy(data, match, sizeof(match));
		return sizeof(match);
	}
	if (!expand(c, r->text, text, sizeof(text)))
		return 0;
	n = strlen(text) + 1 + (r->type == HIVE_MULTI_SZ);
	if (n * 2 > size)
		return 0;
	memset(data, 0, n * 2);
	for (size_t i = 0; text[i]; i++)
		data[2 * i] = (uint8_t)text[i];
	return (uint32_t)(n * 2);
}

/* ---- does a rule count --------------------------------------------------- */

/* 1: yes, 0: no, -1: error. An image path whose file does not exist counts as missing: the
 * driver file is put where the table says. */
static int mode_wants(const struct context *c, const struct rule *r,
		      const char *path, const char *name, struct error *err)
{
	const struct service *s = &c->win->virtio[c->request->bus].service;
	struct hive_value value;
	struct hive_key key;
	int found;

	if (r->mode == FORCE)
		return 1;
	found = windows_find_path(c->win, path, &key, err);
	if (found < 0 || r->mode == IF_KEY || r->mode == DELETE_KEY)
		return found;
	if (str_eq(r->name, "ImagePath") && s->file_there == PRESENCE_NO)
		return 1;
	if (found == 1)
		found = hive_get(&c->win->system, &key, name, &value, err);
	return found < 0 ? -1 : !found;
}

static bool when_holds(const struct context *c, unsigned int when)
{
	bool eight = c->win->generation >= WINDOWS_8;

	return !((when & BELOW_8 && eight) || (when & FROM_8 && !eight) ||
		 (when & BLK && c->request->bus != TARGET_VIRTIO) ||
		 (when & SCSI && c->request->bus != TARGET_SCSI) ||
		 (when & PACKAGE && !c->request->package));
}

/* A missing boot driver is worse than no boot driver. */
static bool group_wanted(const struct context *c, enum edit_group group)
{
	return c->groups & GROUP_BIT(group) &&
	       (!c->request->no_driver || (group != GROUP_SERVICE && group != GROUP_DATABASE));
}

static int add_rule(const struct context *c, const struct rule *r,
		    struct error *err)
{
	char below[HIVE_PATH_LIMIT], path[HIVE_PATH_LIMIT], name[64] = "";
	uint8_t data[1024];
	struct hive_edit e = { .kind = HIVE_EDIT_SET, .path = path,
			       .name = name, .type = r->type, .data = data };
	int wants;

	if (!expand(c, r->path, below, sizeof(below)) ||
	    (r->name && !expand(c, r->name, name, sizeof(name))) ||
	    !str_printf(path, sizeof(path), "%s%s%s",
			r->when & IN_ROOT ? "" : c->set,
			r->when & IN_ROOT ? "" : "\\", below))
		return fail(err, REFUSE_WINDOWS_UNKNOWN, "path too long");
	wants = mode_wants(c, r, path, name, err);
	if (wants <= 0)
		return wants;
	if (r->mode == DELETE_KEY)
		e = (struct hive_edit) { .kind = HIVE_EDIT_DELETE_KEY,
					 .path = path };
	else
		e.len = rule_data(c, r, data, sizeof(data));
	return edits_add(c->plan, c->win, r->group, &e, err);
}

/* A row with {id} is expanded once for each ID and each form that is needed. */
static int add_for_ids(struct context *c, const struct rule *r,
		       struct error *err)
{
	const struct virtio *v = &c->win->virtio[c->request->bus];
	size_t forms = r->when & BELOW_8 ? 2 : 1;
	bool any = false;

	for (size_t i = 0; i < 2; i++) {
		if (r->when & NOT_FOUND && v->ids[i].findable)
			continue;
		for (size_t f = 0; f < forms; f++) {
			c->id = ids[c->request->bus][i][f];
			if (any && !strstr(r->path, "{id}"))
				continue;
			any = true;
			if (add_rule(c, r, err) < 0)
				return -1;
		}
	}
	return 0;
}

static int add_for_set(struct context *c, bool root_too, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *r = &rules[i];
		int bad;

		if (!when_holds(c, r->when) || !group_wanted(c, r->group) ||
		    (r->when & IN_ROOT && !root_too))
			continue;
		c->id = NULL;
		bad = r->when & NOT_FOUND ? add_for_ids(c, r, err)
					  : add_rule(c, r, err);
		if (bad < 0)
			return -1;
	}
	return c->groups == GROUP_ALL ? edits_add_temporary(c->plan, c->win, c->set, err) : 0;
}

/* ---- under which name ---------------------------------------------------- */

static void name_package(struct context *c, const char *inf)
{
	str_printf(c->inf, sizeof(c->inf), "%s", inf);
	str_printf(c->label, sizeof(c->label), "%s_%s_0000000000000000", inf,
		   windows_arch_name(c->win->arch));
}

/* 1: the text @name of @path is @wanted; 0: it differs or does not exist. */
static int text_is(const struct context *c, const char *path, const char *name,
		   const char *wanted, struct error *err)
{
	char text[128] = "";
	struct hive_key key;
	int found = windows_find_path(c->win, path, &key, err);

	if (found == 1)
		found = hive_get_text(&c->win->system, &key, name, text,
				      sizeof(text), err);
	return found < 0 ? -1 : found == 1 && strcasecmp(text, wanted) == 0;
}

/* An INF leads to one package, and this one to one driver. If virt-v2v's is installed, or ours
 * for the other driver, it is left alone, since another disk may need it, and the new one gets
 * another name. */
static int choose_package(struct context *c, struct error *err)
{
	const char *driver = virtio_service_name(c->request->bus);
	char path[HIVE_PATH_LIMIT], own[32];
	struct hive_key key;
	int found, ours;

	name_package(c, "guestor.inf");
	if (!expand(c, INF_FILE, path, sizeof(path)))
		return fail(err, REFUSE_WINDOWS_UNKNOWN, "path too long");
	found = windows_find_path(c->win, path, &key, err);
	if (found <= 0)
		return found;
	ours = text_is(c, path, "Active", c->label, err);
	if (ours == 1 && expand(c, PACKAGE_CONF, path, sizeof(path)))
		ours = text_is(c, path, "Service", driver, err);
	if (ours < 0)
		return -1;
	if (!ours) {
		str_printf(own, sizeof(own), "guestor-%s.inf", driver);
		name_package(c, own);
	}
	return 0;
}

int edits_from_rules(struct edits *plan, const struct windows *win,
		     const struct edits_request *request, struct error *err)
{
	struct context c = { .plan = plan, .win = win, .request = request,
			     .set = win->control_set, .groups = GROUP_ALL };

	if (choose_package(&c, err) < 0)
		return -1;
	if (add_for_set(&c, true, err) < 0)
		return -1;
	for (size_t i = 0; i < win->other_set_count; i++) {
		c.set = win->other_sets[i];
		/* Windows 7 may fall back to the last known good set by itself. */
		c.groups = win->generation < WINDOWS_8 && strcasecmp(c.set, win->lkg_set) == 0 ?
			   GROUP_ALL : GROUP_BIT(GROUP_OVERRIDE);
		if (add_for_set(&c, false, err) < 0)
			return -1;
	}
	return 0;
}
