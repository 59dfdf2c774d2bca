// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup.c - what would make a domain's first start fail: the definition, the host */

#include "hook/checkup/checkup.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/checkup/checkup-parts.h"
#include "hook/cli/summary.h"
#include "hook/host/cure.h"
#include "hook/host/installed.h"
#include "hook/host/qemuuser.h"
#include "hook/libvirt/libvirtconf.h"
#include "hook/phase/place.h"
#include "hook/phase/rewrite.h"
#include "hook/phase/step.h"
#include "hook/recovery/journal.h"
#include "hook/recovery/orphan.h"

void checkup_free(struct checkup *checkup)
{
	free(checkup->list);
	memset(checkup, 0, sizeof(*checkup));
}

bool checkup_ok(const struct checkup *checkup)
{
	for (size_t i = 0; i < checkup->count; i++)
		if (checkup->list[i].holds == VERDICT_NO)
			return false;
	return true;
}

/* ---- the hook ------------------------------------------------------------- */

#define INSTALL_AGAIN "reinstall busflip with its package or with install.sh"

static void check_local_hook(struct patient *p)
{
	const char *where;
	struct checkup_item *item;
	char program[4096];

	if (!hook_is_installed(&where)) {
		item = checkup_add(p, "hook", VERDICT_NO, "neither %s nor qemu.d/50-busflip is "
				   "busflip's hook", HOOK_FOLDER "/qemu");
		checkup_cure(item, INSTALL_AGAIN);
		return;
	}
	if (!hook_can_run(where, program, sizeof(program))) {
		item = checkup_add(p, "hook", VERDICT_NO, "%s runs %s, which can't be executed: %s",
				   where, program, strerror(errno));
		checkup_cure(item, INSTALL_AGAIN);
		return;
	}
	checkup_add(p, "hook", VERDICT_YES, "%s", where);
}

static void check_hook(struct patient *p)
{
	const char *uri = p->line->config.uri;
	struct checkup_item *item;

	if (strstr(uri, "///session")) {
		item = checkup_add(p, "hook", VERDICT_NO,
				   "%s: libvirt runs hooks for qemu:///system only", uri);
		checkup_cure(item, "define the domain on qemu:///system");
	} else if (!virt_is_this_host(uri)) {
		checkup_add(p, "hook", VERDICT_UNKNOWN, "%s is another host", uri);
	} else {
		check_local_hook(p);
	}
}

/* ---- the definition ------------------------------------------------------- */

static void check_system_disk(struct patient *p)
{
	struct error err = { 0 };
	struct checkup_item *item;

	p->disk = summary_disk(&p->domain, &err);
	if (!p->disk || !disk_target(p->disk, p->target, sizeof(p->target))) {
		item = checkup_add(p, "system-disk", VERDICT_NO, "%s",
				   p->disk ? "its system disk has no target" : err.msg);
		if (p->domain.state.disk[0])
			checkup_cure(item, "virsh edit %s: rename that disk to %s; or busflip "
				     "disable --force %s && busflip enable %s --disk TARGET, "
				     "with the name that it has now (virsh domblklist %s)",
				     p->name_word, p->domain.state.disk, p->name_word,
				     p->name_word, p->name_word);
		else if (p->domain.tag.disk[0])
			checkup_cure(item, "busflip enable %s --disk TARGET, with the name of the "
				     "disk that Windows is on (virsh domblklist %s)",
				     p->name_word, p->name_word);
		return;
	}
	checkup_image(p);
}

/* The definition may have changed since it was staged: check that it can be promoted. */
static void check_way_on(struct patient *p)
{
	const char *phase = phase_said(p->domain.state.phase);
	struct error err = { 0 };
	struct checkup_item *item;

	if (place_check(&p->domain, &err) == 0 &&
	    (!p->domain.state.staged_form || step_check_promotion(&p->domain, &err) == 0)) {
		if (!rewrite_lacks_bait(&p->domain)) {
			checkup_add(p, "definition", VERDICT_YES, "it is %s already", phase);
			return;
		}
		item = checkup_add(p, "definition", VERDICT_NO, "it is %s already, and its bait "
				   "was removed from it", phase);
		checkup_cure(item, "busflip stage %s", p->name_word);
		return;
	}
	item = checkup_add(p, "definition", VERDICT_NO, "it is %s already, and can't continue: %s",
			   phase, err.msg);
	if (err.code == PLACE_MOVED)
		checkup_cure(item, "busflip stage %s", p->name_word);
	else
		checkup_cure(item, "correct that with virsh edit %s; otherwise its disk stays "
			     "where it is", p->name_word);
}

static void check_tag(struct patient *p)
{
	struct checkup_item *item;
	char odd[ODD_TAG];

	if (!*domain_odd_tag(&p->domain, odd))
		return;
	item = checkup_add(p, "tag", VERDICT_NO, "%s", odd);
	checkup_cure(item, "busflip enable %s", p->name_word);
}

static void check_staging(struct patient *p)
{
	struct error err = { 0 };
	struct checkup_item *item;

	if (!p->domain.state.valid) {
		item = checkup_add(p, "definition", VERDICT_NO,
				   "its busflip state element is damaged");
		checkup_cure(item, "busflip disable --force %s && busflip enable %s",
			     p->name_word, p->name_word);
	} else if (!p->disk) {
		/* Reported already. */
	} else if (p->domain.state_node) {
		check_way_on(p);
	} else if (summary_try_staging(p->dom, p->xml, &p->line->config, &err) == 0) {
		checkup_add(p, "definition", VERDICT_YES, "its disk can be put on SATA");
	} else if (strstr(err.msg, "busflip enable") || strstr(err.msg, "virsh define")) {
		checkup_wrong(p, "definition", &err, "%s", "");
	} else {
		checkup_wrong(p, "definition", &err, "correct that with virsh edit %s; otherwise "
			      "it starts as it is and its disk stays where it is", p->name_word);
	}
}

/* ---- patches that were interrupted ----------------------------------------- */

static int check_interrupted(void *context, const struct interrupted *patch)
{
	struct patient *p = context;
	struct checkup_item *item;
	char text[8192];

	if (!interrupted_is_orphan(patch))
		return 0;
	interrupted_say(patch, text, sizeof(text));
	item = checkup_add(p, "journal", VERDICT_UNKNOWN, "%s", text);
	interrupted_cure(patch, text, sizeof(text));
	checkup_cure(item, "%s", text);
	return 0;
}

/* ---- the host --------------------------------------------------------------- */

/* What remains: machine types, CPU models, devices. Problems found before would only be
 * repeated in libvirt's words. */
static void check_command(struct patient *p, struct virt *virt)
{
	struct error err = { 0 };
	struct checkup_item *item;

	if (!checkup_ok(p->out))
		return;
	if (virt_try_command(virt, p->xml, &err) == 0) {
		if (p->choice) {
			item = &p->out->list[p->choice - 1];
			item->holds = VERDICT_YES;
			str_fits(item->found, sizeof(item->found), "libvirt finds UEFI firmware "
				 "for it on this host");
		}
		checkup_add(p, "command", VERDICT_YES, "libvirt can make a QEMU command line for "
			    "it");
	} else if (err.code == EINVAL) {
		item = checkup_add(p, "command", VERDICT_NO, "%s", err.msg);
		checkup_cure(item, "fix what libvirt reports, with virsh edit %s or on this "
			     "host", p->name_word);
	} else if (err.code != EOPNOTSUPP) {
		checkup_add(p, "command", VERDICT_UNKNOWN, "%s", err.msg);
	}
}

/* "enable" stages, and so renames the system disk: whatever names a disk is to be done before,
 * and cures are run in the order in which they are printed. */
static void put_enable_last(struct checkup *out)
{
	size_t end = out->count;

	for (size_t i = 0; i < end; ) {
		struct checkup_item item = out->list[i];

		if (!strstr(item.cure, "busflip enable")) {
			i++;
			continue;
		}
		memmove(&out->list[i], &out->list[i + 1],
			(out->count - i - 1) * sizeof(*out->list));
		out->list[out->count - 1] = item;
		end--;
	}
}

int checkup_run(const struct command_line *line, struct virt *virt,
		const struct virt_domain *dom, struct checkup *out, struct error *err)
{
	struct patient p = { .line = line, .dom = dom, .out = out };
	int r = -1;

	if (virt_xml(dom, &p.xml, err) == 0 &&
	    domain_parse(p.xml, strlen(p.xml), &p.domain, err) == 0) {
		domain_word(p.domain.name, p.domain.uuid, p.name_word);
		checkup_host(&p, virt);
		check_hook(&p);
		check_system_disk(&p);
		check_tag(&p);
		check_staging(&p);
		checkup_networks(&p, virt, virt_is_this_host(line->config.uri));
		if (virt_is_this_host(line->config.uri)) {
			checkup_files(&p);
			checkup_firmware(&p);
			checkup_lease(&p);
			/* Only root can read them. */
			interrupted_each(JOURNAL_FOLDER, check_interrupted, &p, NULL);
			checkup_bait(&p);
			checkup_others(&p);
			checkup_disk(&p);
		} else {
			checkup_add(&p, "access", VERDICT_UNKNOWN, "its files are on another "
				    "host: run busflip check there");
		}
		check_command(&p, virt);
		put_enable_last(out);
		r = p.no_memory ? fail(err, ENOMEM, "out of memory") : 0;
	}
	domain_free(&p.domain);
	free(p.xml);
	return r;
}
