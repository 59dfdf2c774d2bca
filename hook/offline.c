// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * offline.c - the subcommands that look into a guest's disk while it is off:
 * inspect, patch, undo
 */

#include "hook/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/refusal.h"
#include "hook/domain.h"
#include "hook/guestdisk.h"
#include "hook/place.h"
#include "hook/standing.h"
#include "hook/virt.h"

/* The disk of one command line, and what its strings point to. */
struct wanted {
	struct place place;
	char uuid[40];
	enum bus bus;			/* where the domain's disk will end; BUS_NONE */
};

static int place_in_domain(const struct command_line *line, const struct domain *domain,
			   struct wanted *wanted, struct error *err)
{
	const xmlNode *disk = line->disk ? domain_disk(domain, line->disk)
					 : standing_disk(domain, err);

	if (!disk && line->disk)
		return fail(err, ENOENT, "it has no disk %s", line->disk);
	if (!disk)
		return -1;
	wanted->bus = standing_target_bus(domain, disk, &line->config);
	if (!str_fits(wanted->uuid, sizeof(wanted->uuid), domain->uuid))
		return fail(err, EINVAL, "its UUID is too long");
	return place_of_disk(disk, &wanted->place, err);
}

static int domain_place(const struct command_line *line, bool write,
			struct wanted *wanted, struct error *err)
{
	AUTO_VIRT struct virt *virt = NULL;
	AUTO_VIRT_DOMAIN struct virt_domain *dom = NULL;
	AUTO_DOMAIN struct domain domain = { 0 };
	AUTO_FREE char *xml = NULL;

	if (virt_open(line->config.uri, &virt, err) < 0 ||
	    virt_find(virt, line->args[0], &dom, err) < 0)
		return -1;
	/* That session knows the disk as it was. */
	if (write && virt_is_saved(dom))
		return fail(err, REFUSE_IN_USE, "it has a saved session, which "
			    "would go on with another disk than it knows: start "
			    "it and shut it down, or throw the session away with "
			    "virsh managedsave-remove");
	if (virt_xml(dom, &xml, err) < 0 ||
	    domain_parse(xml, strlen(xml), &domain, err) < 0)
		return -1;
	return place_in_domain(line, &domain, wanted, err);
}

/* What has a slash is a path; libvirt allows none in the name of a domain. */
static int find_place(const struct command_line *line, bool write,
		      struct wanted *wanted, struct error *err)
{
	struct place *place = &wanted->place;

	memset(wanted, 0, sizeof(*wanted));
	if (!strchr(line->args[0], '/') && !line->format)
		return domain_place(line, write, wanted, err);
	if (!line->format)
		return fail(err, EINVAL, "give its format with --format (raw, "
			    "qcow2, vmdk, ...): it is never guessed, because "
			    "a guest can write what another format begins "
			    "with");
	if (line->disk)
		return fail(err, EINVAL, "--disk is for domains");
	if (!str_fits(place->path, sizeof(place->path), line->args[0]) ||
	    !str_fits(place->format, sizeof(place->format), line->format))
		return fail(err, ENAMETOOLONG, "name too long");
	return 0;
}

static int parse_partition(const char *text, uint32_t *number)
{
	char *end;
	unsigned long n;

	if (!text)
		return 0;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || !n || n > 1000000)
		return -1;
	*number = (uint32_t)n;
	return 0;
}

static int parse_bus(const struct command_line *line, enum bus wanted,
		     enum job_bus *bus)
{
	if (line->bus)
		wanted = bus_parse(line->bus);
	else if (wanted != BUS_VIRTIO && wanted != BUS_SCSI)
		wanted = line->config.bus == CONFIG_BUS_SCSI ? BUS_SCSI
							     : BUS_VIRTIO;
	if (wanted != BUS_VIRTIO && wanted != BUS_SCSI)
		return -1;
	*bus = wanted == BUS_SCSI ? JOB_BUS_SCSI : JOB_BUS_VIRTIO;
	return 0;
}

static struct guestdisk_options offline_options(const struct command_line *line)
{
	struct guestdisk_options o = guestdisk_defaults();

	if (line->state_dir)
		o.state = line->state_dir;
	if (line->helper)
		o.helper = line->helper;
	if (line->virtio_win)
		o.virtio_win = line->virtio_win;
	else if (line->config.virtio_win[0])
		o.virtio_win = line->config.virtio_win;
	o.keep = (unsigned int)line->config.keep;
	o.sandbox_require = line->config.sandbox == CONFIG_SANDBOX_REQUIRE;
	return o;
}

static void print_report(const struct command_line *line,
			 const struct guestdisk_result *result)
{
	const char *report = line->json ? result->json
		: line->dry_run && result->reg ? result->reg : result->text;

	if (report)
		fputs(report, stdout);
}

static int run(const struct command_line *line, const struct wanted *wanted,
	       const struct job *job)
{
	const struct guestdisk_options options = offline_options(line);
	const struct guestdisk disk = {
		.path = wanted->place.path, .format = wanted->place.format,
		.key = wanted->uuid[0] ? wanted->uuid : NULL,
	};
	struct guestdisk_result result;
	struct error err = { 0 };
	int code = EXIT_DONE;

	if (guestdisk_run(&disk, &options, job, &result, &err) < 0) {
		/* Most sentences name the image already. */
		if (strstr(err.msg, line->args[0]))
			complain("%s", err.msg);
		else
			complain("%s: %s", line->args[0], err.msg);
		code = refusal_exit_code(err.code);
	} else {
		print_report(line, &result);
		if (job->action == JOB_UNDO)
			printf("%s: %s\n", line->args[0], result.changed
			       ? "the registry is as it was before the patch"
			       : "the registry already was as before the patch");
	}
	guestdisk_result_free(&result);
	return finish_stdout(code);
}

static int offline(const struct command_line *line, enum job_action action)
{
	struct job job = {
		.action = action, .bus = JOB_BUS_VIRTIO, .trial = true,
		.dry_run = line->dry_run, .live = line->live,
		.force = line->force,
	};
	struct wanted wanted;
	struct error err = { 0 };

	if (parse_partition(line->partition, &job.partition) < 0) {
		complain("--partition: not a number");
		return EXIT_USAGE;
	}
	if (find_place(line, action != JOB_INSPECT && !line->dry_run, &wanted,
		       &err) < 0) {
		complain("%s: %s", line->args[0], err.msg);
		return err.code == EINVAL ? EXIT_USAGE
					  : refusal_exit_code(err.code);
	}
	if (parse_bus(line, wanted.bus, &job.bus) < 0) {
		complain("--bus: must be virtio or scsi");
		return EXIT_USAGE;
	}
	job.has_uuid = uuid_bytes(wanted.uuid, job.uuid);
	return run(line, &wanted, &job);
}

int command_inspect(const struct command_line *line)
{
	return offline(line, JOB_INSPECT);
}

int command_patch(const struct command_line *line)
{
	return offline(line, JOB_PATCH);
}

int command_undo(const struct command_line *line)
{
	return offline(line, JOB_UNDO);
}
