// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * driverpick.c - choose the driver for a Windows
 *
 * A .sys of the wrong architecture, or one made for a newer Windows, makes the guest
 * unbootable; so the directory's name alone is not trusted, and the file's own header decides.
 */

#include "helper/drivers/drivers-internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Directories of the virtio-win ISO by build, newest first; the builds are those of
 * Microsoft's release information. Builds above @to belong to a Windows that the table does
 * not know. */
static const struct os_row {
	bool server;
	uint32_t from, to;
	const char *name;
} os_rows[] = {
	{ false, 22000, 29999, "w11" }, { false, 10240, 19045, "w10" },
	{ false, 9600, 9600, "w8.1" }, { false, 9200, 9200, "w8" },
	{ false, 7600, 7601, "w7" },
	{ true, 26100, 26999, "2k25" }, { true, 20348, 20348, "2k22" },
	{ true, 17763, 17763, "2k19" }, { true, 14393, 14393, "2k16" },
	{ true, 9600, 9600, "2k12R2" }, { true, 9200, 9200, "2k12" },
	{ true, 7600, 7601, "2k8R2" },
};
_Static_assert(ARRAY_SIZE(os_rows) < DRIVER_OS_NAMES, "room for all and NULL");

void drivers_os_directories(const struct windows *win,
			    const char *names[DRIVER_OS_NAMES], size_t *exact)
{
	size_t n = 0;

	*exact = 0;
	for (size_t i = 0; i < ARRAY_SIZE(os_rows); i++) {
		const struct os_row *row = &os_rows[i];

		if (row->server != win->server || win->build < row->from)
			continue;
		if (n == 0 && win->build <= row->to)
			*exact = 1;
		names[n++] = row->name;
	}
	names[n] = NULL;
}

static bool arch_directory(enum windows_arch arch, const char *name)
{
	switch (arch) {
	case ARCH_X86:
		return strcasecmp(name, "x86") == 0 ||
		       strcasecmp(name, "i386") == 0;
	case ARCH_AMD64:
		return strcasecmp(name, "amd64") == 0;
	case ARCH_ARM64:
		return strcasecmp(name, "arm64") == 0;
	case ARCH_UNKNOWN:
		break;
	}
	return false;
}

static uint16_t arch_machine(enum windows_arch arch)
{
	static const uint16_t machines[] = {
		[ARCH_UNKNOWN] = 0, [ARCH_X86] = PE_X86, [ARCH_AMD64] = PE_AMD64,
		[ARCH_ARM64] = PE_ARM64,
	};

	return machines[arch];
}

/* The kernel version as in a PE header: 6.1, 6.2, 6.3, 10.0. */
static uint32_t windows_version(const struct windows *win)
{
	switch (win->generation) {
	case WINDOWS_7:
		return 6 << 16 | 1;
	case WINDOWS_8:
		return 6 << 16 | 2;
	case WINDOWS_8_1:
		return 6 << 16 | 3;
	case WINDOWS_10:
	case WINDOWS_11:
		return 10 << 16;
	case WINDOWS_UNKNOWN:
	case WINDOWS_TOO_OLD:
		break;
	}
	return 0;
}

/* ---- one candidate ------------------------------------------------------- */

/* Store in @why why the .sys can't be used; empty: it can. */
static int judge_sys(const struct drivers *set, const struct windows *win,
		     size_t index, struct pe *pe, char why[FACT_TEXT],
		     struct error *err)
{
	AUTO_FREE uint8_t *data = NULL;
	const char *name = set->entries[index].name;
	size_t len;

	*why = '\0';
	if (drivers_read(set, index, &data, &len, err) < 0)
		return -1;
	if (!pe_read(data, len, true, pe) ||
	    pe->subsystem != PE_SUBSYSTEM_NATIVE)
		str_printf(why, FACT_TEXT, "%s is not a driver", name);
	else if (pe->machine != arch_machine(win->arch))
		str_printf(why, FACT_TEXT, "%s is for another processor (%04x)",
			   name, pe->machine);
	else if (((uint32_t)pe->os_major << 16 | pe->os_minor) >
		 windows_version(win))
		str_printf(why, FACT_TEXT, "%s needs Windows %u.%u", name,
			   pe->os_major, pe->os_minor);
	return 0;
}

static void lower_name(char *to, size_t size, const char *from)
{
	str_fits(to, size, from);
	for (char *p = to; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
}

static bool same_directory(const struct driver_entry *a,
			   const struct driver_entry *b)
{
	return strcasecmp(a->directory, b->directory) == 0;
}

/* All files of the package in the directory of entry @index. */
static void collect(const struct drivers *set, size_t index,
		    struct driver_pick *pick)
{
	const struct driver_entry *sys = &set->entries[index];

	for (size_t i = 0; i < set->n && pick->n_files < DRIVER_FILES; i++) {
		const struct driver_entry *e = &set->entries[i];
		struct driver_file *f = &pick->files[pick->n_files];

		if (!same_directory(e, sys))
			continue;
		lower_name(f->name, sizeof(f->name), e->name);
		f->index = i;
		f->size = e->size;
		if (i == index)
			pick->sys = *f;
		pick->n_files++;
	}
	str_fits(pick->directory, sizeof(pick->directory), sys->directory);
}

static void warn(struct driver_pick *pick, const struct drivers *set,
		 const char *os, bool exact)
{
	if (!exact)
		str_printf(pick->warning, FACT_TEXT, "no %s driver for exactly this Windows: used "
			   "the one for %s", set->driver,
			   os);
	else if (!pick->pe.has_signature)
		str_printf(pick->warning, FACT_TEXT, "%s.sys carries no "
			   "signature: Windows may not load it at boot",
			   set->driver);
}

/* 1: picked, 0: none in directories of this name. */
static int try_os(const struct drivers *set, const struct windows *win,
		  const char *os, bool exact, struct driver_pick *pick,
		  char why[FACT_TEXT], struct error *err)
{
	char sys[64];

	str_printf(sys, sizeof(sys), "%s.sys", set->driver);
	for (size_t i = 0; i < set->n; i++) {
		const struct driver_entry *e = &set->entries[i];
		char fault[FACT_TEXT];

		if (strcasecmp(e->os, os) != 0 ||
		    !arch_directory(win->arch, e->arch) ||
		    strcasecmp(e->name, sys) != 0)
			continue;
		if (judge_sys(set, win, i, &pick->pe, fault, err) < 0)
			return -1;
		if (*fault) {
			str_printf(why, FACT_TEXT, ": %.80s: %.120s",
				   e->directory, fault);
			continue;
		}
		collect(set, i, pick);
		warn(pick, set, os, exact);
		return 1;
	}
	return 0;
}

/* ---- what is on board ---------------------------------------------------- */

/* The driver in System32\drivers, if it is for this processor. */
static const struct board_driver *on_board(const struct windows *win,
					   enum target_bus kind)
{
	char name[64];

	str_printf(name, sizeof(name), "/%s.sys", virtio_service_name(kind));
	for (size_t i = 0; i < win->board_count; i++) {
		const struct board_driver *b = &win->board[i];
		const char *file = strrchr(b->path, '/');

		if (file && strcasecmp(file, name) == 0 &&
		    b->machine == arch_machine(win->arch))
			return b;
	}
	return NULL;
}

/* Windows' own installation put a service that runs from the driver store there (dirid 13): a
 * file in System32\drivers would have no effect. */
static bool elsewhere(const struct windows *win, enum target_bus kind)
{
	const struct service *s = &win->virtio[kind].service;

	return s->file_there == PRESENCE_YES &&
	       strcasestr(s->file, "/DriverStore/") != NULL;
}

static int no_driver(const struct drivers *set, const struct windows *win,
		     enum target_bus kind, const char *why, struct error *err)
{
	const char *names[DRIVER_OS_NAMES];
	size_t exact;

	drivers_os_directories(win, names, &exact);
	if (!set)
		return fail(err, REFUSE_NO_DRIVER,
			    "no %s driver in this Windows, and no usable virtio_win to take one "
			    "from", virtio_service_name(kind));
	return fail(err, REFUSE_NO_DRIVER,
		    "no %s driver for Windows %s (build %u, %s): looked for "
		    "%s/%s/%s in %s%s%s", set->driver,
		    win->server ? "Server" : windows_generation_name(win->generation), win->build,
		    windows_arch_name(win->arch), set->driver,
		    names[0] ? names[0] : "?", windows_arch_name(win->arch),
		    set->shown, why, set->has_links ? ", in which links are not followed" : "");
}

int drivers_pick(const struct drivers *set, const struct windows *win,
		 enum target_bus kind, struct driver_pick *pick,
		 struct error *err)
{
	const struct board_driver *board = on_board(win, kind);
	const char *names[DRIVER_OS_NAMES];
	char why[FACT_TEXT] = "";
	size_t exact;
	int found = 0;

	memset(pick, 0, sizeof(*pick));
	if (elsewhere(win, kind)) {
		pick->keep = true;
		return 0;
	}
	drivers_os_directories(win, names, &exact);
	for (size_t i = 0; set && names[i] && found == 0; i++)
		found = try_os(set, win, names[i], i < exact, pick, why, err);
	if (found < 0)
		return -1;
	if (found && board && board->has_version && pick->pe.has_version &&
	    pe_version_compare(board->version, pick->pe.version) >= 0)
		pick->keep = true;
	if (!found && board)
		pick->keep = true;
	return found || board ? 0 : no_driver(set, win, kind, why, err);
}
