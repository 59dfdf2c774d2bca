// SPDX-License-Identifier: GPL-2.0-or-later
/* change.c - the subcommands that change a domain's definition */

#include "hook/command/change.h"

#include "hook/command/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/shared/file.h"
#include "helper/shared/log.h"
#include "helper/shared/text.h"
#include "hook/checkup/checkup.h"
#include "hook/host/baitimage.h"
#include "hook/host/cure.h"
#include "hook/host/qemuuser.h"
#include "hook/libvirt/definition.h"
#include "hook/libvirt/virt.h"
#include "hook/lifecycle/diskcheck.h"
#include "hook/lifecycle/event.h"
#include "hook/lifecycle/publish.h"
#include "hook/lifecycle/settle.h"
#include "hook/lifecycle/watch.h"
#include "hook/phase/decide.h"
#include "hook/phase/step.h"
#include "hook/state/lock.h"
#include "hook/state/pending.h"
#include "hook/state/session.h"
#include "hook/state/story.h"

/* What a command on one domain needs, in the order in which it is acquired. */
struct target {
	struct virt *virt;
	struct virt_domain *dom;
	int lock;
};

static void target_close(struct target *target)
{
	virt_domain_free(&target->dom);
	virt_close(&target->virt);
	cleanup_close(&target->lock);
}
#define AUTO_TARGET __attribute__((cleanup(target_close)))

static int target_open(const struct command_line *line, const char *name,
		       struct target *target, struct error *err)
{
	if (virt_open(line->config.uri, &target->virt, err) < 0 ||
	    virt_find(target->virt, name, &target->dom, err) < 0)
		return -1;
	target->lock = domain_lock(virt_uuid(target->dom), LOCK_SECONDS, err);
	return target->lock < 0 ? -1 : 0;
}

/* Print a line on stdout. Anybody who may define domains chooses their names, so it is made
 * printable. */
static void __attribute__((format(printf, 1, 2))) tell(const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	make_printable(line);
	puts(line);
}

void change_print(const char *name, const struct step *step)
{
	if (step->no_bait[0])
		complain("domain %s: is staged without a bait: %s", name, step->no_bait);
	if (step->bait_back)
		tell("domain %s: its bait had been removed and was put back", name);
	if (step->before == step->after)
		tell("domain %s: %s (%s)", name, phase_name(step->after), step->reason);
	else
		tell("domain %s: %s -> %s (%s)", name, phase_name(step->before),
		     phase_name(step->after), step->reason);
}

int change_failed(const char *name, const struct error *err)
{
	struct error whole = *err;

	cure_append(&whole);
	complain("domain %s: %s", name, whole.msg);
	return EXIT_FAILED;
}

int change_step(const struct command_line *line, enum happening happened)
{
	AUTO_TARGET struct target target = { .lock = -1 };
	struct error err = { 0 };
	struct step step = { 0 };
	const char *name = line->args[0];

	if (target_open(line, name, &target, &err) < 0 ||
	    publish_step(target.virt, target.dom, happened, &line->config, &step,
			 &err) < 0)
		return change_failed(name, &err);
	change_print(virt_name(target.dom), &step);
	return finish_stdout(EXIT_DONE);
}

int command_promote(const struct command_line *line)
{
	return change_step(line, HAPPENED_PROMOTE);
}

int command_rollback(const struct command_line *line)
{
	return change_step(line, HAPPENED_ROLLBACK);
}

int command_retry(const struct command_line *line)
{
	return change_step(line, HAPPENED_RETRY);
}

int command_hold(const struct command_line *line)
{
	return change_step(line, HAPPENED_HOLD);
}

/* ---- enable and disable --------------------------------------------------- */

struct change {
	const struct command_line *line;
	struct virt *virt;
	struct step *step;
	uint32_t partition;	/* to be set in the tag; 0: not given */
	char odd[ODD_TAG];	/* what was found instead of the tag, or "" */
	bool again;		/* its tag was missing, and nothing else had to be done */
};

static int enable(void *context, struct domain *domain, struct error *err)
{
	struct change *c = context;
	const struct command_line *line = c->line;
	enum bus bus = line->bus ? bus_parse(line->bus) : BUS_NONE;
	const char *disk = line->disk ? line->disk : "";
	const struct tag was = domain->tag;
	bool same_disk = !line->disk || strcmp(was.disk, disk) == 0;
	uint32_t partition = c->partition ? c->partition : same_disk ? was.partition : 0;
	char word[DOMAIN_WORD];
	bool tagged;

	if (strlen(disk) >= TARGET_SIZE)
		return fail(err, EINVAL, "%s is not a target name such as vda (see virsh "
			    "domblklist)", disk);
	/* Another bus or disk would not fit what staging has already done. */
	if (domain->state_node && (domain->tag.bus != bus || strcmp(domain->tag.disk, disk)) &&
	    (line->bus || line->disk))
		return fail(err, EBUSY, "it is %s already; busflip disable %s first",
			    phase_said(domain->state.phase),
			    domain_word(domain->name, domain->uuid, word));
	/* A state without a tag is useless: somebody removed the tag by hand. Which Windows is
	 * meant can change at any time: only disks that are still to be read depend on it. */
	tagged = domain->tag.present;
	domain_odd_tag(domain, c->odd);
	if (!domain->state_node || !tagged || partition != was.partition)
		domain_set_tag(domain, line->bus || !was.valid ? bus : was.bus,
			       line->disk || !was.valid ? disk : was.disk, partition);
	if (step_apply(domain, HAPPENED_SEEN, &line->config, c->step, err) < 0)
		return -1;
	c->again = !c->step->changed && !tagged;
	if (!c->step->changed && tagged && partition == was.partition)
		return 0;
	if (!c->step->changed)
		str_fits(c->step->reason, sizeof(c->step->reason), c->again ?
			 "its tag was missing and was written again" :
			 "the partition of Windows in its tag was changed");
	return baitimage_ready(line->config.bait, err) < 0 ||
	       qemu_reads_bait(c->virt, domain, line->config.bait, err) < 0 ? -1 : 1;
}

static int disable(void *context, struct domain *domain, struct error *err)
{
	const struct change *c = context;

	if (step_disable(domain, c->line->keep_sata, c->line->force, c->step, err) < 0)
		return -1;
	return c->step->changed;
}

int command_enable(const struct command_line *line)
{
	AUTO_TARGET struct target target = { .lock = -1 };
	struct error err = { 0 };
	struct step step = { 0 };
	struct change change = { .line = line, .step = &step };
	const char *name = line->args[0];

	if (line->bus && strcmp(line->bus, "virtio") && strcmp(line->bus, "scsi")) {
		complain("--bus must be virtio or scsi, not %s", line->bus);
		return EXIT_USAGE;
	}
	if (!line_partition(line, &change.partition))
		return EXIT_USAGE;
	if (target_open(line, name, &target, &err) < 0)
		return change_failed(name, &err);
	change.virt = target.virt;
	if (definition_change(target.virt, target.dom, enable, &change, &err) < 0)
		return change_failed(name, &err);
	story_step(virt_name(target.dom), virt_uuid(target.dom), &step);
	if (change.again)
		tell("domain %s: no tag -> %s (%s)", virt_name(target.dom),
		     phase_name(step.after), step.reason);
	else
		change_print(virt_name(target.dom), &step);
	fflush(stdout);
	if (change.odd[0])
		complain("domain %s: %s: the correct tag was written", virt_name(target.dom),
			 change.odd);
	cleanup_close(&target.lock);
	check_and_warn(line, target.virt, target.dom);
	return finish_stdout(EXIT_DONE);
}

/* Undo the temporary changes in Windows, such as no restart after a crash. Return a clause for
 * the user; "" if there were none. */
static const char *restore_windows(const struct command_line *line, const struct target *target)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct error ignored;
	int r;

	if (definition_read(target->dom, &domain, &ignored) < 0 || !domain.state.valid)
		return "";
	if (virt_is_running(target->dom) || virt_is_saved(target->dom))
		return domain.state.phase == PHASE_DONE ? "" :
			"; settings of Windows that were changed for the conversion (AutoReboot, "
			"SanPolicy, fast startup) stay, since the guest is not off: busflip undo "
			"--settings restores them when it is";
	r = diskcheck_restore(&domain, &line->config);
	return r < 0 ? "; whether settings of Windows that were changed for the conversion "
		       "(AutoReboot, SanPolicy, fast startup) are restored is not known: see "
		       "busflip status or the log" :
	       r > 0 ? "; the temporary changes in Windows were undone" : "";
}

int command_disable(const struct command_line *line)
{
	AUTO_TARGET struct target target = { .lock = -1 };
	struct error err = { 0 };
	struct step step = { 0 };
	struct change change = { .line = line, .step = &step };
	const char *name = line->args[0], *windows = "";

	if (target_open(line, name, &target, &err) < 0)
		return change_failed(name, &err);
	/* Do this first: once its state is gone, the domain's disk is not known any more. */
	if (!line->force)
		windows = restore_windows(line, &target);
	if (definition_change(target.virt, target.dom, disable, &change, &err) < 0)
		return change_failed(name, &err);
	pending_discard(virt_uuid(target.dom));
	if (!step.changed) {
		tell("domain %s: has no busflip tag, nothing to do", name);
		return finish_stdout(EXIT_DONE);
	}
	story_step(virt_name(target.dom), virt_uuid(target.dom), &step);
	tell("domain %s: %s; tag and state are removed, %s%s", virt_name(target.dom),
	     phase_name(step.before),
	     step.forced ? "the disk stays as it is: it could not be put back" :
	     step.moved ? "the disk stays where it was moved to" :
	     step.before == PHASE_DONE ? "the disk stays on VirtIO" :
	     line->keep_sata ? "the disk stays where it is" :
	     "the disk is as it was defined", windows);
	return finish_stdout(EXIT_DONE);
}


/* ---- commands that the hook runs ----------------------------------------------- */

int command_event(const struct command_line *line)
{
	return event_run(line->args, &line->config);
}

int command_settle(const struct command_line *line)
{
	return settle_pending(line->args[0], &line->config) == 0 ? EXIT_DONE : EXIT_FAILED;
}

int command_watch(const struct command_line *line)
{
	struct error err = { 0 };
	int id = (int)strtol(line->args[1], NULL, 10);

	if (watch_trial(line->args[0], id, &line->config, &err) >= 0)
		return EXIT_DONE;
	log_msg(LOG_LEVEL_WARNING, "domain %s is no longer watched: %s; when it ends, its disk "
		"shows whether Windows came up on VirtIO", line->args[0],
		err.msg);
	return EXIT_FAILED;
}
