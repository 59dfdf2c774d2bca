// SPDX-License-Identifier: GPL-2.0-or-later
/* stage.c - stage one domain or all tagged ones; finish steps that hooks have recorded */

#include "helper/shared/log.h"
#include "hook/command/change.h"
#include "hook/command/command.h"
#include "hook/host/baitimage.h"
#include "hook/host/cure.h"
#include "hook/host/qemuuser.h"
#include "hook/libvirt/definition.h"
#include "hook/lifecycle/publish.h"
#include "hook/lifecycle/settle.h"
#include "hook/phase/decide.h"
#include "hook/phase/rewrite.h"
#include "hook/state/lock.h"
#include "hook/state/pending.h"
#include "hook/state/session.h"
#include "hook/state/story.h"

#include <errno.h>
#include <stdlib.h>
#include <syslog.h>

struct sweep {
	const struct command_line *line;
	struct virt *virt;
	int code;
};

/* A bait that QEMU could not read was left out on purpose. */
static bool needs_its_bait(const struct sweep *sweep, struct virt_domain *dom)
{
	const char *bait = sweep->line->config.bait;
	AUTO_DOMAIN struct domain domain = { 0 };
	struct error ignored;

	return definition_read(dom, &domain, &ignored) == 0 && rewrite_lacks_bait(&domain) &&
	       qemu_reads_bait(sweep->virt, &domain, bait, &ignored) == 0;
}

static bool is_waiting(const struct sweep *sweep, struct virt_domain *dom)
{
	AUTO_FREE char *tag = virt_metadata(dom, TAG_URI);
	AUTO_FREE char *state = tag ? virt_metadata(dom, STATE_URI) : NULL;

	return tag && (!state || needs_its_bait(sweep, dom));
}

static int stage_one(void *context, struct virt_domain *dom)
{
	struct sweep *sweep = context;
	AUTO_FD int lock = -1;
	struct error err = { 0 };
	struct step step = { 0 };

	if (!is_waiting(sweep, dom))
		return 0;
	lock = domain_lock(virt_uuid(dom), LOCK_SECONDS, &err);
	if (lock >= 0 && publish_step(sweep->virt, dom, HAPPENED_SEEN,
				      &sweep->line->config, &step, &err) == 0) {
		change_print(virt_name(dom), &step);
		return 0;
	}
	if (cure_is_root(err.code)) {
		change_failed(virt_name(dom), &err);
		sweep->code = EXIT_FAILED;
		return 0;
	}
	/* A domain that can't be staged does not make the sweep fail: it would fail at every
	 * run. */
	if (err.code != ENOTSUP && err.code != EINVAL && err.code != ENOENT)
		sweep->code = EXIT_FAILED;
	story_tell(LOG_LEVEL_WARNING, virt_name(dom), virt_uuid(dom),
		   "can't be staged and starts as it is: %s", err.msg);
	return 0;
}

static void settle_one(void *context, const char *uuid)
{
	struct sweep *sweep = context;

	if (settle_pending(uuid, &sweep->line->config) < 0)
		sweep->code = EXIT_FAILED;
}

static int make_bait(const struct config *config, struct error *err)
{
	struct access_user user;

	if (baitimage_ready(config->bait, err) < 0)
		return -1;
	return qemu_user(NULL, NULL, &user) ? baitimage_admit(config->bait, &user, err) : 0;
}

int command_bait(const struct command_line *line)
{
	struct error err = { 0 };

	if (make_bait(&line->config, &err) == 0)
		return EXIT_DONE;
	complain("%s", err.msg);
	return EXIT_FAILED;
}

static int stage_all(const struct command_line *line)
{
	AUTO_VIRT struct virt *virt = NULL;
	struct sweep sweep = { .line = line };
	struct error err = { 0 };

	/* Under systemd stderr goes to the journal, which gets the syslog line too. */
	log_open("busflip", !getenv("JOURNAL_STREAM"));
	if (make_bait(&line->config, &err) < 0) {
		if (cure_is_root(err.code)) {
			complain("stage --all: run busflip as root");
			return EXIT_FAILED;
		}
		log_msg(LOG_LEVEL_WARNING, "%s; guests on SATA start without it", err.msg);
	}
	pending_sweep();
	session_sweep();
	story_sweep();
	/* Pending steps first: they may lead to other phases. */
	pending_each(settle_one, &sweep);
	if (virt_open(line->config.uri, &virt, &err) < 0) {
		complain("%s", err.msg);
		return EXIT_FAILED;
	}
	sweep.virt = virt;
	if (virt_each(virt, stage_one, &sweep, &err) < 0) {
		complain("%s", err.msg);
		return EXIT_FAILED;
	}
	return finish_stdout(sweep.code);
}

int command_stage(const struct command_line *line)
{
	if (line->all == (line->nargs == 1)) {
		complain("stage takes either a domain or --all");
		return EXIT_USAGE;
	}
	return line->all ? stage_all(line) : change_step(line, HAPPENED_SEEN);
}
