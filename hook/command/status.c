// SPDX-License-Identifier: GPL-2.0-or-later
/* status.c - what an administrator sees of the tagged domains */

#include "hook/command/status.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "helper/shared/json.h"
#include "helper/shared/text.h"
#include "hook/cli/summary.h"
#include "hook/command/advice.h"
#include "hook/command/command.h"
#include "hook/image/diskimage.h"
#include "hook/libvirt/virt.h"
#include "hook/recovery/journal.h"
#include "hook/recovery/orphan.h"

#define WATCH_SECONDS 2

struct status {
	const struct command_line *line;
	struct status_list list;
	pthread_mutex_t lock;	/* protects the list */
	atomic_bool incomplete;	/* some domain could not be read */
	/* For the one domain on the command line: */
	struct story story;
	struct error story_error;
	char next[ADVICE_SIZE];
};

static void status_free(struct status *st)
{
	free(st->list.rows);
	memset(&st->list, 0, sizeof(st->list));
	story_free(&st->story);
}

/* ---- collect ----------------------------------------------------------------- */

static struct summary *new_row(struct status_list *list)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		struct summary *rows = reallocarray(list->rows, room, sizeof(*rows));

		if (!rows)
			return NULL;
		list->rows = rows;
		list->room = room;
	}
	return &list->rows[list->count++];
}

/* One libvirt call for each domain: for most of them there is nothing to parse. Several
 * threads may call this for one @st. */
static int add_row(struct status *st, const struct virt_domain *dom, char **xml,
		   struct error *err)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct summary summary, *row;
	struct error unfit = { 0 };

	if (virt_xml(dom, xml, err) < 0)
		return error_prefix(err, "domain %s", virt_name(dom));
	if (!strstr(*xml, TAG_URI) && !strstr(*xml, STATE_URI))
		return 0;
	if (domain_parse_bare(*xml, strlen(*xml), &domain, err) < 0)
		return error_prefix(err, "domain %s", virt_name(dom));
	if (!domain.tag.present && !domain.state_node)
		return 0;
	summary_fill(&summary, dom, &domain, &st->line->config);
	if (summary.tagged && !summary.has_state && !st->line->prometheus &&
	    (virt_need_persistent(dom, &unfit) < 0 ||
	     summary_try(&domain, &st->line->config, &unfit) < 0))
		summary_unfit(&summary, &unfit);
	pthread_mutex_lock(&st->lock);
	row = new_row(&st->list);
	if (row)
		*row = summary;
	pthread_mutex_unlock(&st->lock);
	return row ? 0 : fail(err, ENOMEM, "out of memory");
}

static void each(void *context, struct virt_domain *dom)
{
	AUTO_FREE char *xml = NULL;
	struct status *st = context;
	struct error err = { 0 };

	/* A domain that was undefined after it was listed is left out. */
	if (add_row(st, dom, &xml, &err) == 0 || err.code == ENOENT)
		return;
	complain("%s", err.msg);
	st->incomplete = true;
}

static int by_name(const void *a, const void *b)
{
	return strverscmp(((const struct summary *)a)->name,
			  ((const struct summary *)b)->name);
}

/* For a domain without the tag; return @odd. */
static const char *odd_tag_of(const char *xml, char odd[ODD_TAG])
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct error ignored;

	odd[0] = '\0';
	return domain_parse_bare(xml, strlen(xml), &domain, &ignored) == 0 ?
	       domain_odd_tag(&domain, odd) : odd;
}

/* True if nothing can read the disk, whatever it contains. @why: what kind of disk it is. */
static bool is_out_of_reach(const char *xml, const struct config *config, struct error *why)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	const xmlNode *disk;
	struct disk_image image;

	if (domain_parse_bare(xml, strlen(xml), &domain, why) < 0)
		return false;
	disk = summary_disk(&domain, why);
	/* The pools of another host are not known here. */
	return disk && (virt_is_this_host(config->uri) || !disk_image_is_volume(disk)) &&
	       disk_image_of(disk, &image, why) < 0 && why->code == ENOTSUP;
}

static void advise(struct status *st, const struct virt_domain *dom, const char *xml)
{
	const struct config *config = &st->line->config;
	struct summary *s = &st->list.rows[0];
	struct error err = { 0 }, why = { 0 };
	char odd[ODD_TAG] = "", no_drivers[SUMMARY_DRIVERS];
	struct finding stop;
	struct advice advice = {
		.summary = s,
		.odd_tag = s->tagged ? "" : odd_tag_of(xml, odd),
		.saved = virt_is_saved(dom),
		.needs_disk = config->evidence == CONFIG_EVIDENCE_REQUIRE,
		.has_drivers = summary_drivers(config, no_drivers),
		.stop = summary_stop(s, NULL, config, &stop) ? &stop : NULL,
	};

	advice.no_drivers = no_drivers[0] ? no_drivers : NULL;
	advice.never = is_out_of_reach(xml, config, &why);
	advice.unreadable = advice.never ? why.msg : NULL;
	summary_compare(s, dom);
	if (s->phase == PHASE_NONE && s->valid && !s->has_state &&
	    summary_try_staging(dom, xml, config, &err) < 0)
		advice.unfit = err.msg;
	if (s->phase == PHASE_STAGED && s->valid && s->tagged &&
	    summary_try_promotion(xml, config, &err) < 0)
		advice.stuck = err.msg;
	advice_next(&advice, st->next);
}

static int look_at_one(struct status *st, struct virt *virt, struct error *err)
{
	AUTO_VIRT_DOMAIN struct virt_domain *dom = NULL;
	AUTO_FREE char *xml = NULL;
	char word[DOMAIN_WORD], odd[ODD_TAG];

	if (virt_find(virt, st->line->args[0], &dom, err) < 0 ||
	    add_row(st, dom, &xml, err) < 0)
		return -1;
	if (!st->list.count)
		return fail(err, ENOENT, "domain %s has no busflip tag%s%s; busflip enable %s "
			    "adds one", virt_name(dom), *odd_tag_of(xml, odd) ? ": " : "", odd,
			    domain_word(virt_name(dom), virt_uuid(dom), word));
	advise(st, dom, xml);
	story_read(virt_uuid(dom), &st->story, &st->story_error);
	return 0;
}

static int collect(struct status *st, struct error *err)
{
	AUTO_VIRT struct virt *virt = NULL;

	st->story_error.code = 0;
	if (virt_open(st->line->config.uri, &virt, err) < 0)
		return -1;
	xml_prepare();
	if (st->line->nargs)
		return look_at_one(st, virt, err);
	if (virt_each_at_once(virt, each, st, err) < 0)
		return -1;
	if (st->list.count)
		qsort(st->list.rows, st->list.count, sizeof(*st->list.rows), by_name);
	return 0;
}

/* ---- print ------------------------------------------------------------------- */

/* Without a terminal a table has 80 columns, or $COLUMNS. */
static struct status_look how_it_looks(void)
{
	const char *columns = getenv("COLUMNS"), *term = getenv("TERM");
	bool terminal = isatty(STDOUT_FILENO);
	struct status_look form = { .width = 80, .now = time(NULL) };
	struct winsize size;
	long wanted = columns ? strtol(columns, NULL, 10) : 0;

	if (wanted > 0) {
		form.width = wanted < 1000 ? (int)wanted : 1000;
	} else if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col) {
		form.width = size.ws_col;
		form.rows = size.ws_row;
	}
	if (form.width < 60)
		form.width = 60;
	form.colour = terminal && !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0;
	return form;
}

static void json_story(const struct status *st)
{
	printf(",\"next\":");
	json_string(stdout, st->next);
	printf(",\"story\":[");
	for (size_t i = 0; i < st->story.count; i++) {
		printf("%s{\"at\":", i ? "," : "");
		json_string(stdout, st->story.lines[i].at);
		printf(",\"text\":");
		json_string(stdout, st->story.lines[i].text);
		putchar('}');
	}
	putchar(']');
}

static void print_json(const struct status *st)
{
	printf("{\"version\":1,\"domains\":[");
	for (size_t i = 0; i < st->list.count; i++) {
		fputs(i ? ",\n{" : "\n{", stdout);
		summary_json(&st->list.rows[i], stdout);
		if (st->line->nargs)
			json_story(st);
		putchar('}');
	}
	printf("]}\n");
}

static int print_orphan(void *context, const struct interrupted *patch)
{
	char said[8192], cure[4096 + 128];

	(void)context;
	if (!interrupted_is_orphan(patch))
		return 0;
	interrupted_say(patch, said, sizeof(said));
	interrupted_cure(patch, cure, sizeof(cure));
	fputs("Note: ", stdout);
	text_safe(stdout, said);
	fputs("; cure: ", stdout);
	text_safe(stdout, cure);
	putchar('\n');
	return 0;
}

static void print_text(const struct status *st, const struct status_look *how)
{
	if (!st->list.count && !st->incomplete)
		printf("No domain has a busflip tag.\n");
	else if (!st->list.count)
		printf("No other domain has a busflip tag.\n");
	else if (st->line->nargs)
		status_story(&st->list.rows[0], &st->story,
			     st->story_error.code ? st->story_error.msg : NULL, st->next, how,
			     stdout);
	else
		status_table(&st->list, how, stdout);
	/* Only root can read them. */
	if (!st->line->nargs && virt_is_this_host(st->line->config.uri))
		interrupted_each(JOURNAL_FOLDER, print_orphan, NULL, NULL);
}

static int print_once(struct status *st)
{
	struct status_look how = how_it_looks();
	struct error err = { 0 };
	int rc = collect(st, &err);

	how.rows = 0;
	if (st->line->json && (rc == 0 || err.code == ENOENT))
		print_json(st);
	else if (rc == 0 && st->line->prometheus)
		status_prometheus(&st->list, how.now, stdout);
	else if (rc == 0)
		print_text(st, &how);
	if (rc < 0)
		complain("%s", err.msg);
	return finish_stdout(rc < 0 || st->incomplete ? EXIT_FAILED : EXIT_DONE);
}

/* ---- follow ------------------------------------------------------------------ */

static bool same(const struct summary *a, const struct summary *b)
{
	return a->phase == b->phase && a->attempts == b->attempts && a->bus == b->bus &&
	       a->running == b->running && a->valid == b->valid &&
	       strcmp(a->since, b->since) == 0 && strcmp(a->at, b->at) == 0 &&
	       strcmp(a->reason, b->reason) == 0;
}

static const struct summary *find(const struct status_list *list, const char *uuid)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->rows[i].uuid, uuid) == 0)
			return &list->rows[i];
	return NULL;
}

static void print_change(const struct summary *s, bool gone)
{
	struct story_line line = { .text = "" };
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(line.at, sizeof(line.at), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (gone)
		snprintf(line.text, sizeof(line.text), "%s: gone, or without a tag", s->name);
	else
		snprintf(line.text, sizeof(line.text), "%s: %s on %s, %s: %s", s->name,
			 summary_phase(s), bus_name(s->bus),
			 s->running ? "runs" : "off",
			 summary_reason(s)[0] ? summary_reason(s) : "nothing done yet");
	status_story_line(&line, stdout);
}

/* Without a terminal, print a line for each change. */
static void print_changes(const struct status *before, const struct status *now)
{
	for (size_t i = 0; i < now->list.count; i++) {
		const struct summary *s = &now->list.rows[i];
		const struct summary *old = find(&before->list, s->uuid);

		if (!old || !same(old, s))
			print_change(s, false);
	}
	for (size_t i = 0; i < before->list.count; i++)
		if (!find(&now->list, before->list.rows[i].uuid))
			print_change(&before->list.rows[i], true);
}

static int follow(const struct command_line *line)
{
	struct status before = { .line = line }, now;
	bool terminal = isatty(STDOUT_FILENO), away = false;
	struct status_look how;
	int code = EXIT_DONE;

	while (code == EXIT_DONE) {
		struct error err = { 0 };

		now = (struct status){ .line = line, .lock = PTHREAD_MUTEX_INITIALIZER };
		if (collect(&now, &err) < 0) {
			status_free(&now);
			if (!away)
				complain("%s", err.msg);
			if (err.code != ECONNREFUSED)
				code = EXIT_FAILED;
			away = true;
		} else {
			how = how_it_looks();
			away = false;
			if (terminal) {
				/* Move to the top left and clear the screen. */
				fputs("\033[H\033[J", stdout);
				print_text(&now, &how);
			} else {
				print_changes(&before, &now);
			}
			status_free(&before);
			before = now;
		}
		if (code == EXIT_DONE)
			code = finish_stdout(EXIT_DONE);
		if (code == EXIT_DONE)
			sleep(WATCH_SECONDS);
	}
	status_free(&before);
	return code;
}

int command_status(const struct command_line *line)
{
	struct status st = { .line = line, .lock = PTHREAD_MUTEX_INITIALIZER };
	int code;

	if (line->json + line->prometheus + line->watch > 1) {
		complain("status takes only one of --json, --prometheus and --watch");
		return EXIT_USAGE;
	}
	if (line->prometheus && line->nargs) {
		complain("status --prometheus takes no domain");
		return EXIT_USAGE;
	}
	if (line->watch)
		return follow(line);
	code = print_once(&st);
	status_free(&st);
	return code;
}
