// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * action-patch.c - prepare Windows for SATA and VirtIO
 *
 * Everything is computed in memory: the new hive is checked against the old one (hive.h), the
 * files go into the write buffer, and the buffer's content of the hive is read back and
 * compared. Only after that are the pages returned. If there is nothing to change, nothing is
 * loaded, written or returned.
 */

#include "helper/action/actions.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "helper/action/facts.h"
#include "helper/edits/edits.h"
#include "helper/shared/crc32.h"
#include "helper/shared/file.h"
#include "helper/shared/job.h"
#include "helper/shared/json.h"
#include "helper/shared/refusal.h"
#include "helper/shared/text.h"

static_assert(IMAGE_PAGE == HIVE_PAGE, "hive_memory.changed is file_content.changed");

/* One patch, with everything it has loaded. */
struct patch {
	struct action *action;
	struct windows *win;
	struct driver_pick pick;
	struct edits *plan;
	struct error no_driver;		/* why there is none, if .code is set */
	struct hive_memory before;	/* logs replayed; in win->system */
	struct hive_memory after;	/* edited */
	struct hive_memory disk;	/* as on the disk, if it was dirty */
	char root[WINDOWS_ROOT];
};

static int root_too_long(struct error *err)
{
	return fail(err, REFUSE_WINDOWS_UNKNOWN, "the path of its Windows folder is too long");
}

static int hive_file_path(const struct patch *p, const char *suffix, char *out,
			  size_t size, struct error *err)
{
	if (!str_printf(out, size, "%s/System32/config/SYSTEM%s", p->root,
			suffix))
		return root_too_long(err);
	return 0;
}

/* ---- drivers ---------------------------------------------------------------- */

static int copy_driver(const struct patch *p, const struct driver_file *file,
		       const char *folder, struct error *err)
{
	AUTO_FREE uint8_t *data = NULL;
	char dir[VOLUME_PATH_LIMIT];
	size_t len;

	if (!str_printf(dir, sizeof(dir), "%s/%s", p->root, folder))
		return root_too_long(err);
	if (drivers_read(p->action->drivers, file->index, &data, &len, err) < 0)
		return -1;
	return volume_create(p->action->targets.volume, dir, file->name, data,
			     len, err);
}

static int copy_drivers(const struct patch *p, struct error *err)
{
	char package[VOLUME_PATH_LIMIT];

	if (p->pick.keep)
		return 0;
	if (!str_printf(package, sizeof(package), "%s/" EDITS_PACKAGE_DIR,
			p->root))
		return root_too_long(err);
	if (copy_driver(p, &p->pick.sys, "System32/drivers", err) < 0 ||
	    volume_mkdir_path(p->action->targets.volume, package, err) < 0)
		return -1;
	for (size_t i = 0; i < p->pick.n_files; i++)
		if (copy_driver(p, &p->pick.files[i], EDITS_PACKAGE_DIR,
				err) < 0)
			return -1;
	return 0;
}

/* ---- hive ------------------------------------------------------------------- */

/* The hive as it is on the disk. It differs from the loaded one if its logs had something to
 * replay. */
static const struct hive_memory *on_disk(const struct patch *p)
{
	return p->disk.data ? &p->disk : &p->before;
}

/* Handed over at once, so that busflip copies it to the host in parallel. */
static int keep_hive(const struct patch *p, struct error *err)
{
	const struct hive_memory *old = on_disk(p);

	if (old->len > JOB_HIVE_LIMIT)
		return fail(err, REFUSE_WINDOWS_UNKNOWN, "SYSTEM hive: %zu MB; one of more than "
			    "%u MiB is not patched", old->len / 1000000, JOB_HIVE_LIMIT >> 20);
	if (hive_memory_store(old, JOB_FD_KEEP, err) < 0)
		return error_prefix(err, "hive to keep");
	p->action->reply->kept = old->len;
	return write_all(JOB_FD_KEPT, "k", 1, err);
}

static int load_hive(struct patch *p, struct error *err)
{
	if (windows_load_system(p->win, err) < 0)
		return -1;
	/* Not changed: the struct serves owned and borrowed data. */
	p->before.data = (uint8_t *)(uintptr_t)p->win->system.data;
	p->before.len = (size_t)p->win->system.size;
	if (p->win->system_status.log.dirty &&
	    windows_read_system(p->win, &p->disk, err) < 0)
		return -1;
	return keep_hive(p, err);
}

/* Read the changed pages back through the volume. */
static int read_back(struct volume *vol, const char *path,
		     const struct file_content *c, struct error *err)
{
	uint8_t page[IMAGE_PAGE];

	for (size_t at = 0; at < c->len; at += IMAGE_PAGE) {
		size_t n = c->len - at < IMAGE_PAGE ? c->len - at : IMAGE_PAGE;

		if (!content_differs(c, at))
			continue;
		if (volume_pread(vol, path, at, page, n, err) < 0)
			return -1;
		if (memcmp(page, c->data + at, n) != 0)
			return fail(err, EPROTO, "%s: the data written at %zu reads back "
				    "differently", path, at);
	}
	return 0;
}

static int write_hive(const struct patch *p, const char *path, struct error *err)
{
	struct volume *vol = p->action->targets.volume;
	const struct hive_memory *old = on_disk(p);
	struct file_content c = { p->after.data, p->after.len, old->data, old->len,
				  old == &p->before ? p->after.changed : NULL };

	if (volume_write(vol, path, &c, err) < 0)
		return -1;
	return read_back(vol, path, &c, err);
}

static int keep_log(const struct patch *p, const char *suffix,
		    enum job_section section, struct error *err)
{
	AUTO_FREE uint8_t *data = NULL;
	char path[VOLUME_PATH_LIMIT];
	struct error why;
	size_t len;

	if (hive_file_path(p, suffix, path, sizeof(path), err) < 0)
		return -1;
	if (volume_read(p->action->targets.volume, path, JOB_LOG_LIMIT, &data,
			&len, &why) == 0)
		return job_writer_add(p->action->writer, section, data, len,
				      err);
	if (why.code == ENOENT)
		return 0;
	if (err)
		*err = why;
	return -1;
}

/* What busflip keeps on the host, for undo. */
static int keep_old(const struct patch *p, struct error *err)
{
	struct job_reply *reply = p->action->reply;

	reply->patched = (struct job_hive_mark){
		.size = p->after.len,
		.crc = crc32_update(0, p->after.data, JOB_HIVE_HEAD),
		.sequence = get_le32(p->after.data + 4),
	};
	if (keep_log(p, ".LOG1", JOB_SECTION_LOG1, err) < 0 ||
	    keep_log(p, ".LOG2", JOB_SECTION_LOG2, err) < 0)
		return -1;
	return hive_file_path(p, "", reply->hive_path, sizeof(reply->hive_path), err);
}

static int edit_hive(struct patch *p, struct error *err)
{
	char path[VOLUME_PATH_LIMIT];
	int fd;

	if (!p->plan->changes)
		return 0;
	if (hive_file_path(p, "", path, sizeof(path), err) < 0 ||
	    load_hive(p, err) < 0)
		return -1;
	fd = p->disk.data ? -1 : JOB_FD_KEEP;
	if (edits_apply(p->plan, &p->before, fd,
			p->win->system_status.log.newest_seq, &p->after,
			err) < 0)
		return error_prefix(err, "%s", path);
	if (p->after.len < JOB_HIVE_HEAD)
		return fail(err, EPROTO, "%s: empty when it was edited", path);
	if (write_hive(p, path, err) < 0)
		return -1;
	return keep_old(p, err);
}

/* ---- report ----------------------------------------------------------------- */

static void print_drivers(const struct patch *p, FILE *out)
{
	if (p->no_driver.code) {
		fputs("Warning: ", out);
		text_safe(out, p->no_driver.msg);
		fputc('\n', out);
		return;
	}
	if (p->pick.keep) {
		fputs("The installed driver is left as it is.\n", out);
		return;
	}
	fprintf(out, "Drivers: %zu files from ", p->pick.n_files);
	text_safe(out, p->pick.directory);
	fputs(" to System32/drivers and " EDITS_PACKAGE_DIR "\n", out);
	if (p->pick.warning[0]) {
		fputs("Warning: ", out);
		text_safe(out, p->pick.warning);
		fputc('\n', out);
	}
}

static int write_text(const struct patch *p, struct error *err)
{
	struct section s;

	if (reply_section_begin(&s, err) < 0)
		return -1;
	if (!p->plan->changes && p->action->job->action == JOB_SETTLE) {
		fputs("Nothing to restore.\n", s.file);
	} else if (!p->plan->changes && p->pick.keep && !p->no_driver.code) {
		fputs("Nothing to change: it is already patched.\n", s.file);
	} else {
		edits_write_text(p->plan, s.file);
		print_drivers(p, s.file);
	}
	return reply_section_end(p->action, JOB_SECTION_TEXT, &s, err);
}

static int write_json(const struct patch *p, struct error *err)
{
	struct section s;

	if (reply_section_begin(&s, err) < 0)
		return -1;
	fputs("{\n", s.file);
	facts_print_disk(p->action, s.file);
	fprintf(s.file, ",\n\"drivers\": { \"copied\": %zu, \"from\": ",
		p->pick.keep ? 0 : p->pick.n_files);
	json_string(s.file, p->pick.directory);
	fputs(", \"warning\": ", s.file);
	json_string(s.file, p->pick.warning);
	fputs(" },\n\"registry\": ", s.file);
	edits_write_json(p->plan, s.file);
	fputs("\n}\n", s.file);
	return reply_section_end(p->action, JOB_SECTION_JSON, &s, err);
}

static int write_reg(const struct patch *p, struct error *err)
{
	struct section s;

	if (reply_section_begin(&s, err) < 0)
		return -1;
	edits_write_reg(p->plan, s.file);
	return reply_section_end(p->action, JOB_SECTION_REG, &s, err);
}

/* ---- all of it ---------------------------------------------------------------- */

static int pick_drivers(struct patch *p, enum target_bus bus, struct error *err)
{
	int r;

	if (p->action->job->action == JOB_SETTLE) {
		p->pick.keep = true;
		return 0;
	}
	r = drivers_pick(p->action->drivers, p->win, bus, &p->pick,
			 &p->no_driver);
	if (r == 0) {
		p->no_driver.code = 0;
		return 0;
	}
	if (p->no_driver.code == REFUSE_NO_DRIVER &&
	    p->action->job->driver_optional) {
		p->pick.keep = true;
		return 0;
	}
	if (err)
		*err = p->no_driver;
	return -1;
}

static int make_plan(struct patch *p, const struct edits_request *request,
		     struct error *err)
{
	if ((p->action->job->action == JOB_SETTLE ? edits_plan_restore(p->win, &p->plan, err)
						  : edits_plan(p->win, request, &p->plan, err)) < 0)
		return error_prefix(err, "SYSTEM hive");
	return 0;
}

static int patch(struct patch *p, struct error *err)
{
	const struct job *job = p->action->job;
	struct edits_request request = {
		.bus = job->bus,
	};
	/* settle always has something to do. */
	const char *editing = job->action == JOB_SETTLE ? "" : virtio_service_name(request.bus);

	if (windows_inspect(p->action->targets.volume,
			    p->action->targets.list[0].root, editing, &p->win, err) < 0 ||
	    windows_check(p->win, err) < 0 ||
	    pick_drivers(p, request.bus, err) < 0)
		return -1;
	if (!str_fits(p->root, sizeof(p->root), p->win->root))
		return root_too_long(err);
	request.package = !p->pick.keep;
	request.no_driver = p->no_driver.code != 0;
	if (make_plan(p, &request, err) < 0 ||
	    write_text(p, err) < 0 || write_json(p, err) < 0 ||
	    write_reg(p, err) < 0 ||
	    facts_write(p->action, p->win, NULL,
			p->no_driver.code ? p->no_driver.msg : NULL, err) < 0 ||
	    copy_drivers(p, err) < 0 ||
	    edit_hive(p, err) < 0)
		return -1;
	return reply_pages(p->action, err);
}

int action_patch(struct action *action, struct error *err)
{
	static struct patch p;
	int r;

	p = (struct patch){ .action = action };
	r = patch(&p, err);
	hive_memory_free(&p.after);
	hive_memory_free(&p.disk);
	edits_free(p.plan);
	/* Its hives are read through the volume, which may be closed by now; freeing does not
	 * read. */
	windows_free(p.win);
	return r;
}
