// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inspect.c - the state of a domain: its phase, each condition for VirtIO, what comes next; and
 * which Windows is on a disk
 *
 * For an image, only what is on it is shown. For a domain, its own part is shown even if its
 * disk can't be read, for example while it runs.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/json.h"
#include "helper/shared/text.h"
#include "hook/cli/subject.h"
#include "hook/command/advice.h"
#include "hook/command/command.h"
#include "hook/phase/step.h"
#include "hook/state/session.h"

struct inspection {
	struct subject subject;
	struct guestdisk_result result;
	struct findings findings;
	struct error err;		/* why the disk was not read */
	bool whole;			/* for a domain, not only a disk: */
	struct virt *virt;
	struct virt_domain *dom;
	char *xml;
	struct domain domain;
	struct summary summary;
	struct session_note note;
	bool noted;			/* .note is from its last session */
	char unfit[768];		/* why it can't be staged, or "" */
	char stuck[768];		/* why it can't be promoted, or "" */
	char odd_tag[ODD_TAG];
	char no_drivers[SUMMARY_DRIVERS];
	struct finding stop;
	struct advice advice;
};

static void inspection_free(struct inspection *in)
{
	guestdisk_result_free(&in->result);
	domain_free(&in->domain);
	free(in->xml);
	virt_domain_free(&in->dom);
	virt_close(&in->virt);
}

/* ---- the domain ------------------------------------------------------------ */

static int open_domain(struct inspection *in, struct error *err)
{
	const struct command_line *line = in->subject.line;

	if (virt_open(line->config.uri, &in->virt, err) < 0 ||
	    subject_find(line, in->virt, &in->dom, err) < 0 ||
	    virt_xml(in->dom, &in->xml, err) < 0 ||
	    domain_parse(in->xml, strlen(in->xml), &in->domain, err) < 0)
		return -1;
	summary_fill(&in->summary, in->dom, &in->domain, &line->config);
	return 0;
}

static void read_note(struct inspection *in)
{
	const struct state *state = &in->domain.state;

	in->noted = state->phase != PHASE_NONE &&
		    session_read_any(in->summary.uuid, &in->note) &&
		    (session_is_of(&in->note, state->phase, state->since) ||
		     session_led_to(&in->note, state->phase, state->since));
	if (in->noted)
		session_compare(&in->note, &in->subject.job);
}

static void note_unfit(struct inspection *in, const struct error *why)
{
	str_fits(in->unfit, sizeof(in->unfit), why->msg);
	if (in->summary.tagged)
		summary_unfit(&in->summary, why);
}

/* @found: its disk was found; then @in's error is from reading it. */
static void prepare_advice(struct inspection *in, bool found)
{
	const struct config *config = &in->subject.line->config;
	struct error err = { 0 };

	if (in->domain.state.phase == PHASE_NONE && in->domain.state.valid &&
	    !in->domain.state_node &&
	    summary_try_staging(in->dom, in->xml, config, &err) < 0)
		note_unfit(in, &err);
	if (in->domain.state.phase == PHASE_STAGED && in->summary.tagged &&
	    summary_try_promotion(in->xml, config, &err) < 0)
		str_fits(in->stuck, sizeof(in->stuck), err.msg);
	summary_compare(&in->summary, in->dom);
	in->advice = (struct advice){
		.summary = &in->summary,
		.odd_tag = domain_odd_tag(&in->domain, in->odd_tag),
		.saved = virt_is_saved(in->dom),
		.needs_disk = config->evidence == CONFIG_EVIDENCE_REQUIRE,
		.has_drivers = summary_drivers(config, in->no_drivers),
		.unreadable = in->err.code ? in->err.msg : NULL,
		.never = !found && in->err.code == ENOTSUP,
		.unfit = in->unfit[0] ? in->unfit : NULL,
		.stuck = in->stuck[0] ? in->stuck : NULL,
		.stop = summary_stop(&in->summary, in->err.code ? NULL : &in->findings, config,
				     &in->stop) ? &in->stop : NULL,
	};
	in->advice.no_drivers = in->no_drivers[0] ? in->no_drivers : NULL;
}

/* If --disk names a disk without Windows, report that disk alone. */
static bool is_another_disk(const struct inspection *in)
{
	const char *disk = in->subject.line->disk;

	return disk && in->summary.disk[0] && strcmp(disk, in->summary.disk) != 0;
}

/* ---- text ------------------------------------------------------------------ */

static void print_label(const char *label, const char *text)
{
	printf("%-22s ", label);
	text_safe(stdout, text);
	putchar('\n');
}

static void text_session(const struct inspection *in)
{
	const struct session_note *note = &in->note;
	char began[SESSION_TIME], text[sizeof(note->why) + 128];

	if (!in->noted) {
		print_label("Compared with", "nothing: no session in this phase is recorded");
		return;
	}
	session_began(note, began);
	snprintf(text, sizeof(text), "the session that began %s, when it was %s%s%s", began,
		 phase_name(note->phase), note->read ? "" : "; its disk was not read then: ",
		 note->read ? "" : note->why);
	print_label("Compared with", text);
}

static void text_domain(const struct inspection *in)
{
	const struct summary *s = &in->summary;
	char text[256];

	print_label("Domain", s->name);
	print_label("UUID", s->uuid);
	snprintf(text, sizeof(text), "%s%s%s%s%s", summary_phase(s),
		 s->valid ? "" : ": its state element is damaged",
		 s->valid && s->since[0] ? ", since " : "", s->valid ? s->since : "",
		 s->tagged ? "" : " (no busflip tag)");
	print_label("Phase", text);
	snprintf(text, sizeof(text), "%s on %s, to end on %s", s->disk, bus_name(s->bus),
		 bus_name(s->target_bus));
	print_label("System disk", s->disk[0] ? text : "none found");
	snprintf(text, sizeof(text), "%ld of %d", s->attempts,
		 in->subject.line->config.max_attempts);
	print_label("Failed attempts", text);
	print_label("Last step", summary_reason(s)[0] && !s->unfit ? summary_reason(s)
							: "none yet");
	print_label("Runs", s->running ? "yes" : in->advice.saved ? "no, saved" : "no");
	text_session(in);
	putchar('\n');
}

static void text_finding(const struct inspection *in, const struct finding *f)
{
	char cure[ADVICE_SIZE] = "";

	printf("%-18s %-9s ", f->name, verdict_text(f->holds));
	text_safe(stdout, f->found);
	if (f->where[0]) {
		fputs(" (", stdout);
		text_safe(stdout, f->where);
		putchar(')');
	}
	putchar('\n');
	if (in->whole)
		advice_cure(&in->advice, f, cure);
	if (cure[0]) {
		printf("%29s", "cure: ");
		text_safe(stdout, cure);
		putchar('\n');
	}
}

/* @gates: the conditions that must hold, or the others. */
static void text_findings(const struct inspection *in, bool gates)
{
	for (size_t i = 0; i < in->findings.count; i++)
		if (in->findings.list[i].gates == gates)
			text_finding(in, &in->findings.list[i]);
}

static void text_conditions(const struct inspection *in)
{
	puts("Conditions for VirtIO:");
	if (in->err.code) {
		print_label("all of them not known", in->err.msg);
		return;
	}
	text_findings(in, true);
	puts("Other conditions:");
	text_findings(in, false);
}

/* Indent each line: a compromised helper can write any text, but no line that looks like one
 * of busflip's own. */
static void text_report(const char *report)
{
	puts("\nOn the disk:");
	while (*report) {
		size_t n = strcspn(report, "\n");

		printf("%s%.*s\n", n ? "  " : "", (int)n, report);
		report += n + (report[n] == '\n');
	}
}

static void print_text(const struct inspection *in)
{
	char next[ADVICE_SIZE];

	if (!in->whole) {
		fputs(in->result.text ? in->result.text : "", stdout);
		if (!in->err.code)
			text_conditions(in);
		return;
	}
	text_domain(in);
	text_conditions(in);
	advice_next(&in->advice, next);
	fputs("\nNext: ", stdout);
	text_safe(stdout, next);
	putchar('\n');
	if (in->result.text)
		text_report(in->result.text);
}

/* ---- JSON ------------------------------------------------------------------ */

static void json_domain(const struct inspection *in)
{
	char began[SESSION_TIME];

	fputs("\"domain\": {", stdout);
	summary_json(&in->summary, stdout);
	printf(",\"tagged\":%s,\"max_attempts\":%d,\"saved\":%s,\n  \"session\": ",
	       in->domain.tag.present ? "true" : "false",
	       in->subject.line->config.max_attempts, in->advice.saved ? "true" : "false");
	if (!in->noted) {
		fputs("null},\n", stdout);
		return;
	}
	session_began(&in->note, began);
	fputs("{ ", stdout);
	json_member(stdout, "began", began);
	fputs(", ", stdout);
	json_member(stdout, "phase", phase_name(in->note.phase));
	fputs(" }},\n", stdout);
}

static void json_finding(const struct inspection *in, const struct finding *f)
{
	char cure[ADVICE_SIZE];

	advice_cure(&in->advice, f, cure);
	fputs("\n  { ", stdout);
	json_member(stdout, "name", f->name);
	printf(", \"gates\": %s, \"holds\": %s, ", f->gates ? "true" : "false",
	       verdict_json(f->holds));
	json_member(stdout, "found", f->found);
	fputs(", ", stdout);
	json_member(stdout, "where", f->where);
	fputs(", ", stdout);
	json_member(stdout, "cure", cure);
	fputs(" }", stdout);
}

/* The report is an object without the members that are added here (guestdisk.h); they are
 * appended after its last member. */
static void json_report(const struct inspection *in)
{
	const char *report = in->result.json;
	const char *end = report ? strrchr(report, '}') : NULL;

	while (end && end > report && strchr(" \t\r\n", end[-1]))
		end--;
	if (!end || end[-1] == '{') {
		fputs("{\n", stdout);
		return;
	}
	fwrite(report, 1, (size_t)(end - report), stdout);
	fputs(",\n", stdout);
}

static void print_json(const struct inspection *in)
{
	char next[ADVICE_SIZE];

	if (!in->whole) {
		fputs(in->result.json ? in->result.json : "", stdout);
		return;
	}
	json_report(in);
	json_domain(in);
	fputs("\"conditions\": [", stdout);
	for (size_t i = 0; i < in->findings.count; i++) {
		if (i)
			putchar(',');
		json_finding(in, &in->findings.list[i]);
	}
	fputs("],\n", stdout);
	advice_next(&in->advice, next);
	json_member(stdout, "next", next);
	fputs(",\n\"error\": ", stdout);
	if (in->err.code)
		json_string(stdout, in->err.msg);
	else
		fputs("null", stdout);
	fputs("\n}\n", stdout);
}

/* ---- all ------------------------------------------------------------------- */

static void run_inspection(struct inspection *in)
{
	if (subject_run(&in->subject, &in->result, &in->err) == 0)
		findings_read(&in->result, &in->findings);
}

static int answer(const struct inspection *in, bool found)
{
	int code;

	if (in->subject.line->json)
		print_json(in);
	else
		print_text(in);
	code = finish_stdout(EXIT_DONE);
	if (!in->err.code)
		return code;
	return found ? subject_failed(in->subject.line, &in->err)
		     : subject_not_found(in->subject.line, &in->err);
}

static int inspect_image(struct inspection *in)
{
	bool found = subject_image(&in->subject, &in->err) == 0;

	if (found)
		run_inspection(in);
	return answer(in, found);
}

static int inspect_domain(struct inspection *in)
{
	bool found;

	if (open_domain(in, &in->err) < 0)
		return subject_not_found(in->subject.line, &in->err);
	in->whole = !is_another_disk(in);
	found = subject_domain(&in->domain, &in->subject, &in->err) == 0;
	if (in->whole)
		read_note(in);
	if (found)
		run_inspection(in);
	if (in->whole)
		prepare_advice(in, found);
	return answer(in, found);
}

int command_inspect(const struct command_line *line)
{
	struct inspection in = { .whole = false };
	int code = subject_begin(line, JOB_INSPECT, &in.subject);

	if (code == EXIT_DONE)
		code = subject_is_image(line) ? inspect_image(&in) : inspect_domain(&in);
	inspection_free(&in);
	return code;
}
