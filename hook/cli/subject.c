// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * subject.c - the disk that inspect, check, patch and undo work on
 */

#include "hook/cli/subject.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "helper/shared/log.h"
#include "helper/shared/refusal.h"
#include "helper/shared/text.h"
#include "helper/shared/uuid.h"
#include "hook/cli/summary.h"
#include "hook/host/cure.h"
#include "hook/host/qemuuser.h"
#include "hook/libvirt/virt.h"
#include "hook/phase/rewrite.h"
#include "hook/phase/writable.h"
#include "hook/state/story.h"

/* ---- which disk -------------------------------------------------------------- */

/* An argument with a slash is a path; libvirt allows none in a domain name. */
bool subject_is_image(const struct command_line *line)
{
	return strchr(line->args[0], '/') || line->format;
}

int subject_image(struct subject *subject, struct error *err)
{
	const struct command_line *line = subject->line;
	struct disk_image *image = &subject->image;

	if (!line->format)
		return fail(err, EINVAL, "give its format with --format (raw, qcow2, vmdk, ...): "
			    "busflip never guesses it, because a guest can write the header of "
			    "another format");
	if (line->disk)
		return fail(err, EINVAL, "--disk is only for domains");
	subject->qemu = qemu_user(NULL, NULL, &subject->user) ? &subject->user : NULL;
	if (!str_fits(image->path, sizeof(image->path), line->args[0]) ||
	    !str_fits(image->format, sizeof(image->format), line->format))
		return fail(err, ENAMETOOLONG, "name too long");
	return 0;
}

int subject_domain(const struct domain *domain, struct subject *subject, struct error *err)
{
	const struct command_line *line = subject->line;
	bool writes = subject->job.action != JOB_INSPECT && !subject->job.dry_run;
	const xmlNode *disk = line->disk ? domain_disk(domain, line->disk) :
			      writes ? writable_system_disk(domain, err) :
				       summary_disk(domain, err);

	if (!disk && line->disk)
		return fail(err, ENOENT, "it has no disk %s (see virsh domblklist)", line->disk);
	if (!disk || (writes && writable_check(disk, err) < 0))
		return -1;
	/* That of the tag is for the system disk. */
	if (!line->partition && (!line->disk || disk == summary_disk(domain, NULL)))
		subject->job.partition = domain->tag.partition;
	subject->bus = summary_target_bus(domain, disk, &line->config);
	subject->qemu = qemu_user(NULL, domain, &subject->user) ? &subject->user : NULL;
	subject->not_given = !qemu_is_given(domain, disk);
	if (!str_fits(subject->uuid, sizeof(subject->uuid), domain->uuid) ||
	    !str_fits(subject->machine, sizeof(subject->machine), domain->machine))
		return fail(err, EINVAL, "its UUID is too long");
	return disk_image_of(disk, &subject->image, err);
}

int subject_find(const struct command_line *line, struct virt *virt, struct virt_domain **dom,
		 struct error *err)
{
	const char *name = line->args[0];
	char word[DOMAIN_WORD];
	struct stat st;

	if (virt_find(virt, name, dom, err) == 0)
		return 0;
	if (err->code == ENOENT && stat(name, &st) == 0 &&
	    (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
		error_suffix(err, "for the file of that name, type ./%s",
			     shell_word(name, word, sizeof(word)));
	return -1;
}

/* ---- what to do with it ------------------------------------------------------ */

int subject_begin(const struct command_line *line, enum job_action action,
		  struct subject *subject)
{
	memset(subject, 0, sizeof(*subject));
	subject->line = line;
	subject->job = (struct job){
		.action = action, .dry_run = line->dry_run,
		.live = line->live, .force = line->force,
	};
	if (!line_partition(line, &subject->job.partition))
		return EXIT_USAGE;
	if (line->bus && !bus_is_target(bus_parse(line->bus))) {
		complain("--bus must be virtio or scsi, not %s", line->bus);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static enum target_bus subject_target_bus(const struct subject *subject)
{
	enum bus bus = subject->line->bus ? bus_parse(subject->line->bus) : subject->bus;

	return bus_is_target(bus) ? bus_target(bus) : (enum target_bus)subject->line->config.bus;
}

static struct guestdisk_options subject_options(const struct command_line *line)
{
	struct guestdisk_options o = guestdisk_defaults();

	if (line->helper)
		o.helper = line->helper;
	if (line->virtio_win)
		o.virtio_win = line->virtio_win;
	else if (line->config.virtio_win[0])
		o.virtio_win = line->config.virtio_win;
	o.keep = (unsigned int)line->config.keep;
	o.by_hand = true;
	o.sandbox_require = line->config.sandbox == CONFIG_SANDBOX_REQUIRE;
	return o;
}

int subject_run(struct subject *subject, struct guestdisk_result *result, struct error *err)
{
	const struct guestdisk_options options = subject_options(subject->line);
	const struct guestdisk disk = {
		.path = subject->image.path, .format = subject->image.format,
		.key = subject->uuid[0] ? subject->uuid : NULL,
		.qemu = subject->qemu, .not_given = subject->not_given,
	};

	subject->job.bus = subject_target_bus(subject);
	subject->job.has_uuid = uuid_bytes(subject->machine, subject->job.uuid);
	return guestdisk_run(&disk, &options, &subject->job, result, err);
}

/* Most messages name the image already. A domain's name may be any word, so it is always
 * added. */
static void complain_of(const struct command_line *line, const struct error *err)
{
	const char *name = line->args[0];
	struct error whole = *err;

	cure_append(&whole);
	if (line->format && !strchr(name, '/') && err->code == ENOENT)
		error_suffix(&whole, "for a domain of that name, leave out --format");
	if (!subject_is_image(line))
		complain("domain %s: %s", name, whole.msg);
	else if (strstr(whole.msg, name))
		complain("%s", whole.msg);
	else
		complain("%s: %s", name, whole.msg);
}

int subject_not_found(const struct command_line *line, const struct error *err)
{
	complain_of(line, err);
	return err->code == EINVAL ? EXIT_USAGE : refusal_exit_code(err->code);
}

int subject_failed(const struct command_line *line, const struct error *err)
{
	complain_of(line, err);
	return refusal_exit_code(err->code);
}

