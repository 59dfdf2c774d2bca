// SPDX-License-Identifier: GPL-2.0-or-later
/* patch.c - patch and undo: prepare the Windows on a disk, and undo that */

#include "helper/shared/log.h"
#include "helper/shared/refusal.h"
#include "hook/cli/subject.h"
#include "hook/cli/summary.h"
#include "hook/command/command.h"
#include "hook/phase/place.h"
#include "hook/state/story.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Depends on the phase: of a domain that busflip has not moved, it is not known how Windows
 * got onto VirtIO. Return a clause for the user in o->undo_first. */
static void look_for_virtio(const struct domain *domain, struct subject *o)
{
	const struct state *state = &domain->state;
	struct error ignored;
	const xmlNode *disk = summary_disk(domain, &ignored);
	enum bus bus = disk ? place_bus(domain, disk) : BUS_NONE;
	char word[DOMAIN_WORD];

	if (!state->valid || !bus_is_target(bus) ||
	    (state->phase != PHASE_TRIAL && state->phase != PHASE_DONE &&
	     state->phase != PHASE_HELD) ||
	    (o->line->disk && domain_disk(domain, o->line->disk) != disk))
		return;
	snprintf(o->undo_first, sizeof(o->undo_first), "it is %s, with its disk on VirtIO; without "
		 "the patch Windows may not boot from it (0x7B, INACCESSIBLE_BOOT_DEVICE): busflip "
		 "%s %s puts the disk on SATA",
		 phase_said(state->phase),
		 state->phase == PHASE_HELD ? "retry" : "rollback",
		 domain_word(domain->name, domain->uuid, word));
}

static int find_domain(struct subject *o, bool write, struct error *err)
{
	AUTO_VIRT struct virt *virt = NULL;
	AUTO_VIRT_DOMAIN struct virt_domain *dom = NULL;
	AUTO_DOMAIN struct domain domain = { 0 };
	AUTO_FREE char *xml = NULL;
	char word[DOMAIN_WORD];

	if (virt_open(o->line->config.uri, &virt, err) < 0 ||
	    subject_find(o->line, virt, &dom, err) < 0)
		return -1;
	/* The saved session has the disk's old content in memory. */
	if (write && virt_is_saved(dom))
		return fail(err, REFUSE_IN_USE, "it has a saved session, which needs the disk "
			    "unchanged: start it and shut it down, or discard the session with "
			    "virsh managedsave-remove %s",
			    domain_word(virt_name(dom), virt_uuid(dom), word));
	if (virt_xml(dom, &xml, err) < 0 ||
	    domain_parse(xml, strlen(xml), &domain, err) < 0)
		return -1;
	str_fits(o->name, sizeof(o->name), domain.name);
	if (o->job.action == JOB_UNDO)
		look_for_virtio(&domain, o);
	if (o->undo_first[0] && !o->job.force)
		return fail(err, EBUSY, "%s; do that first, or use --force", o->undo_first);
	return subject_domain(&domain, o, err);
}

static void print_report(const struct subject *o, const struct guestdisk_result *result)
{
	const char *report = o->line->json ? result->json
		: o->line->dry_run && result->reg ? result->reg : result->text;

	if (report)
		fputs(report, stdout);
	if (o->job.action == JOB_UNDO)
		printf("%s: %s\n", o->line->args[0], result->changed
		       ? "the registry is as it was before the patch"
		       : "the registry was already as before the patch");
}

/* An image has no story. The report contains the warnings already, so they are not printed on
 * stderr again. */
static void tell_story(const struct subject *o, const struct guestdisk_result *result)
{
	if (!o->name[0] || o->line->dry_run || !result->changed)
		return;
	log_open("busflip", false);
	if (o->job.action == JOB_SETTLE)
		story_tell(LOG_LEVEL_NOTICE, o->name, o->uuid, "by busflip undo --settings, disk "
			   "%s: the temporary changes in Windows were undone", o->image.path);
	else if (o->job.action == JOB_UNDO)
		story_tell(LOG_LEVEL_NOTICE, o->name, o->uuid, "by busflip undo%s, disk %s: the "
			   "registry is as it was before the patch",
			   o->job.force ? " --force" : "", o->image.path);
	else
		story_tell(LOG_LEVEL_NOTICE, o->name, o->uuid, "by busflip patch, disk %s: Windows "
			   "was made ready for SATA and VirtIO (%llu bytes)", o->image.path,
			   (unsigned long long)result->bytes);
}

static int subject(const struct command_line *line, enum job_action action)
{
	struct guestdisk_result result = { 0 };
	struct error err = { 0 };
	struct subject o;
	int code = subject_begin(line, action, &o);

	if (code != EXIT_DONE)
		return code;
	if ((subject_is_image(line) ? subject_image(&o, &err)
				    : find_domain(&o, !line->dry_run, &err)) < 0)
		return subject_not_found(line, &err);
	if (subject_run(&o, &result, &err) < 0) {
		code = subject_failed(line, &err);
	} else {
		print_report(&o, &result);
		tell_story(&o, &result);
		fflush(stdout);
		if (o.undo_first[0])
			complain("domain %s: %s", line->args[0], o.undo_first);
	}
	guestdisk_result_free(&result);
	return finish_stdout(code);
}

int command_patch(const struct command_line *line)
{
	return subject(line, JOB_PATCH);
}

int command_undo(const struct command_line *line)
{
	if (line->settings && line->force) {
		complain("undo --settings has no --force: a setting that was changed since stays");
		return EXIT_USAGE;
	}
	return subject(line, line->settings ? JOB_SETTLE : JOB_UNDO);
}
