/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * edits.h - what must change in the SYSTEM hive
 *
 *	edits_plan(win, &request, &plan, err)	pure: compares with the table
 *	edits_write_reg(), _json(), _text()	for --dry-run and the report
 *	if (plan->changes) {
 *		windows_load_system(win, err)
 *		edits_apply(plan, &before, newest_seq, &after, err)
 *	}
 *	edits_free(plan)
 *
 * plan->changes == 0: nothing is needed, and nothing may be written.
 *
 * Some settings of Windows are changed only until it has started from VirtIO (GROUP_TRIAL,
 * GROUP_FAST_STARTUP). The hive itself keeps their old values, in a key of busflip's own:
 * EDITS_KEPT_KEY\<control set>\<name of the value>, with type and data as they were, or REG_NONE
 * without data if there was no such value. So they can be restored wherever the disk is by then,
 * on another host or as a copy: edits_plan_restore().
 */
#ifndef BUSFLIP_EDITS_H
#define BUSFLIP_EDITS_H

#include "helper/windows/windows.h"

#include <stdio.h>

/* Purpose of an edit. */
enum edit_group {
	GROUP_SERVICE,		/* the VirtIO driver's service */
	GROUP_DATABASE,		/* device database entries */
	GROUP_OVERRIDE,		/* StartOverride removed */
	GROUP_BOOT,		/* AHCI and IDE drivers started at boot */
	GROUP_FAST_STARTUP,	/* HiberbootEnabled off */
	GROUP_TRIAL,		/* AutoReboot off, SanPolicy online */
	GROUP_PACKAGE,		/* the service that installs the package */
	GROUP_COUNT,
};
#define GROUP_BIT(group) (1u << (group))
#define GROUP_ALL (GROUP_BIT(GROUP_COUNT) - 1)

struct edits_request {
	enum target_bus bus;	/* the driver that the system disk will need */
	bool no_driver;		/* there is no driver: no entries that would load it */
	bool package;		/* the package was copied to EDITS_PACKAGE_DIR: install it at
				 * the next start */
};

/* Folder of the driver package, below the system root. */
#define EDITS_PACKAGE_DIR "Drivers/VirtIO"

#define EDITS_KEPT_KEY "busflip"

struct edit {
	struct hive_edit e;	/* pointers are owned by the plan */
	enum edit_group group;
	bool needed;		/* false: the registry has it already */
	bool had;		/* SET: there was a value */
	uint32_t old_type, old_len;
	uint8_t *old;
	size_t there;		/* the length of the existing part of e.path */
};

struct edits {
	struct edit *list;
	size_t n;
	size_t changes;		/* of list, how many are needed */
	size_t moved_on;	/* restore: values left alone, since they have changed */
};

/*
 * edits_plan() - the edits that this Windows needs for @request
 *
 * The table is in editrules.c. REFUSE_BIG_VALUE and others if an edit can't be made safely.
 * edits_free() frees *@out.
 */
int edits_plan(const struct windows *win, const struct edits_request *request,
	       struct edits **out, struct error *err);

/*
 * edits_plan_restore() - restore the settings whose old values the hive has
 *
 * A value that is not as the patch left it was changed by someone else and stays;
 * plan->moved_on counts them. The plan of a hive without EDITS_KEPT_KEY changes nothing.
 */
int edits_plan_restore(const struct windows *win, struct edits **out, struct error *err);
void edits_free(struct edits *plan);

/* edits_apply() - hive_apply() of the needed edits; @after stays empty if there are none. */
int edits_apply(const struct edits *plan, const struct hive_memory *before,
		int fd, uint32_t newest_seq, struct hive_memory *after,
		struct error *err);

/* Output; the caller checks @out for errors (ferror()). */
void edits_write_reg(const struct edits *plan, FILE *out);
void edits_write_json(const struct edits *plan, FILE *out);
void edits_write_text(const struct edits *plan, FILE *out);

const char *edit_group_name(enum edit_group group);

/* ---- shared by the parts of edits.c -------------------------------------- */

/* edits_add() - append a copy of @e; its old value, and whether it is needed, are read from
 * @win. */
int edits_add(struct edits *plan, const struct windows *win,
	      enum edit_group group, const struct hive_edit *e,
	      struct error *err);
/* edits_from_rules() - add all edits of the table; editrules.c. */
int edits_from_rules(struct edits *plan, const struct windows *win,
		     const struct edits_request *request, struct error *err);
/* edits_add_temporary() - add what is changed until Windows has started from VirtIO, in one
 * control set; edits_restore_temporary() - add what restores that in all; edittemporary.c. */
int edits_add_temporary(struct edits *plan, const struct windows *win, const char *set,
			struct error *err);
int edits_restore_temporary(struct edits *plan, const struct windows *win, struct error *err);

#endif
