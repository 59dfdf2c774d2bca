// SPDX-License-Identifier: GPL-2.0-or-later
/* status-table.c - the table of status, and the history of one domain */

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "helper/shared/json.h"
#include "helper/shared/text.h"
#include "hook/command/status.h"

#define CUT "..."

enum column { NAME, PHASE, BUS, WAITS, AGE, EVENT, COLUMNS };

static const char *const titles[] = {
	[NAME] = "DOMAIN", [PHASE] = "PHASE", [BUS] = "BUS", [WAITS] = "WAITS FOR",
	[AGE] = "AGE", [EVENT] = "LAST EVENT",
};
_Static_assert(ARRAY_SIZE(titles) == COLUMNS, "a title for each column");

/* ---- text that has a width --------------------------------------------------- */

/* One character: its bytes and its columns on a terminal. Names are UTF-8 in any locale. */
static size_t character(const char *text, int *columns)
{
	wchar_t wide = 0;
	mbstate_t state = { 0 };
	size_t n = mbrtowc(&wide, text, strlen(text), &state);

	*columns = 1;
	if (n == 0 || n > strlen(text))
		return 1;
	*columns = wcwidth(wide) < 0 ? 1 : wcwidth(wide);
	return n;
}

static int columns_of(const char *text)
{
	int all = 0, one;

	for (; *text; text += character(text, &one), all += one)
		;
	return all;
}

/* How many bytes of @text fit into @room columns: all, or as many words as fit; of a long word a
 * part. */
static size_t fitting(const char *text, int room)
{
	size_t at = 0, word = 0;
	int used = 0, one, at_word = 0;

	while (text[at]) {
		size_t n = character(text + at, &one);

		if (text[at] == ' ') {
			word = at && strchr(",;:", text[at - 1]) ? at - 1 : at;
			at_word = used;
		}
		if (used + one > room)
			return at_word < room / 2 ? at : word;
		at += n;
		used += one;
	}
	return at;
}

/* Print @text in exactly @width columns: padded with blanks, or cut. The last column of a line
 * is not padded. */
static void put(FILE *out, const char *text, int width, bool last)
{
	int used = 0, one, room = width;
	const char *end;

	if (columns_of(text) > width)
		room = width - (int)strlen(CUT);
	for (end = text + fitting(text, room); text < end; used += one) {
		size_t n = character(text, &one);

		fwrite(text, 1, n, out);
		text += n;
	}
	if (*text)
		used += fprintf(out, "%.*s", width - used, CUT);
	if (!last)
		fprintf(out, "%*s ", width - used, "");
}

/* Names and reasons come from domain XML: no control sequence of theirs may reach a terminal,
 * and a newline must not begin another row. The caller frees the result. */
static char *safe(const char *text)
{
	char *copy = NULL;
	size_t len;
	FILE *out = open_memstream(&copy, &len);

	if (!out)
		return NULL;
	text_safe(out, text);
	fclose(out);
	return copy;
}

void status_age(long long seconds, char text[24])
{
	static const struct {
		long long seconds;
		char unit;
	} units[] = {
		{ 7 * 86400, 'w' }, { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' },
	};
	size_t i = 0;

	/* Use a unit from two of it on: below that, the smaller unit is more exact. */
	while (i + 1 < ARRAY_SIZE(units) && seconds < 2 * units[i].seconds)
		i++;
	if (seconds < 0)
		str_fits(text, 24, "-");
	else
		snprintf(text, 24, "%lld%c", seconds / units[i].seconds, units[i].unit);
}

/* ---- the table --------------------------------------------------------------- */

static void bus_text(const struct summary *s, char text[24])
{
	if (s->bus == s->target_bus || s->phase == PHASE_DONE)
		snprintf(text, 24, "%s", bus_name(s->bus));
	else
		snprintf(text, 24, "%s>%s", bus_name(s->bus), bus_name(s->target_bus));
}

static const char *colour_of(const struct summary *s)
{
	static const char *const colours[PHASE_COUNT] = {
		[PHASE_NONE] = "", [PHASE_STAGED] = "\033[36m", [PHASE_TRIAL] = "\033[33m",
		[PHASE_DONE] = "\033[32m", [PHASE_HELD] = "\033[31m",
	};

	return s->valid ? colours[s->phase] : "\033[31m";
}

static void row(const struct summary *s, const int widths[COLUMNS],
		const struct status_look *look, FILE *out)
{
	AUTO_FREE char *name = safe(s->name), *event = safe(summary_reason(s));
	char bus[24], age[24];
	const char *const cells[COLUMNS] = {
		[NAME] = name ? name : "", [PHASE] = summary_phase(s),
		[BUS] = bus, [WAITS] = summary_waits_for(s), [AGE] = age,
		[EVENT] = event && *event ? event : "none yet",
	};

	bus_text(s, bus);
	status_age(story_age(s->at, look->now), age);
	for (int i = 0; i < COLUMNS; i++) {
		const char *colour = i == PHASE && look->colour ? colour_of(s) : "";

		fputs(colour, out);
		put(out, cells[i], widths[i], i == COLUMNS - 1);
		fputs(*colour ? "\033[0m" : "", out);
	}
	putc('\n', out);
}

static int longest_name(const struct status_list *list)
{
	int longest = (int)strlen(titles[NAME]);

	for (size_t i = 0; i < list->count; i++) {
		AUTO_FREE char *name = safe(list->rows[i].name);
		int columns = name ? columns_of(name) : 0;

		longest = columns > longest ? columns : longest;
	}
	return longest;
}

/* Cut what does not fit: names to a quarter of the line, and the last event to the remaining
 * width, which is at least 10 from 60 columns on. */
static void choose_widths(const struct status_list *list, int width, int widths[COLUMNS])
{
	int longest = longest_name(list), most = width / 4, left = width - (COLUMNS - 1);

	widths[PHASE] = 7;
	widths[BUS] = 11;
	widths[WAITS] = 15;
	widths[AGE] = 4;
	for (int i = PHASE; i < EVENT; i++)
		left -= widths[i];
	if (most > left - 10)
		most = left - 10;
	widths[NAME] = longest < most ? longest : most;
	widths[EVENT] = left - widths[NAME];
}

/* For wcwidth() and multibyte characters; the program's own texts are English only. */
static void use_utf8(void)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
}

void status_table(const struct status_list *list, const struct status_look *look, FILE *out)
{
	size_t shown = list->count;
	int widths[COLUMNS];

	if (!list->count)
		return;
	use_utf8();
	if (look->rows && shown + 1 > look->rows)
		shown = look->rows > 3 ? look->rows - 2 : 1;
	choose_widths(list, look->width, widths);
	for (int i = 0; i < COLUMNS; i++)
		put(out, titles[i], widths[i], i == COLUMNS - 1);
	putc('\n', out);
	for (size_t i = 0; i < shown; i++)
		row(&list->rows[i], widths, look, out);
	if (shown < list->count)
		fprintf(out, "and %zu more\n", list->count - shown);
}

/* ---- one domain -------------------------------------------------------------- */

static void local_time(const char *at, char text[24])
{
	struct tm tm = { 0 };
	time_t when;

	str_fits(text, 24, at);
	if (!strptime(at, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return;
	when = timegm(&tm);
	if (!localtime_r(&when, &tm) || !strftime(text, 24, "%Y-%m-%d %H:%M:%S", &tm))
		str_fits(text, 24, at);
}

void status_story_line(const struct story_line *line, FILE *out)
{
	char at[24];

	local_time(line->at, at);
	fprintf(out, "%s  ", at);
	text_safe(out, line->text);
	putc('\n', out);
}

static void heading(const struct summary *s, const struct status_look *look, FILE *out)
{
	char age[24], since[24];

	status_age(story_age(s->since, look->now), age);
	local_time(s->since, since);
	text_safe(out, s->name);
	fprintf(out, ": %s%s%s", look->colour ? colour_of(s) : "",
		summary_phase(s), look->colour ? "\033[0m" : "");
	if (s->since[0])
		fprintf(out, " since %s (%s)", since, age);
	if (!s->tagged)
		fputs(", without a tag", out);
	putc('\n', out);
	if (s->disk[0]) {
		fputs("system disk ", out);
		text_safe(out, s->disk);
		fprintf(out, " on %s", bus_name(s->bus));
		if (s->bus != s->target_bus)
			fprintf(out, ", to end on %s", bus_name(s->target_bus));
	} else {
		fputs("no system disk found", out);
	}
	fprintf(out, "; %s", s->running && s->older ?
		"it runs, as started before the last "
		"change" : s->running ? "it runs" : "it is off");
	if (s->attempts)
		fprintf(out, "; %ld failed attempt%s", s->attempts,
			s->attempts == 1 ? "" : "s");
	fputs("\n\n", out);
}

/* Repeated lines are printed once. */
static void lines(const struct story *story, FILE *out)
{
	size_t same = 0;

	if (story->more)
		fputs("(earlier lines are not kept)\n", out);
	for (size_t i = 0; i < story->count; i++) {
		if (i + 1 < story->count &&
		    strcmp(story->lines[i].text, story->lines[i + 1].text) == 0) {
			same++;
			continue;
		}
		status_story_line(&story->lines[i], out);
		if (same)
			fprintf(out, "%21s(and %zu times before)\n", "", same);
		same = 0;
	}
}

void status_story(const struct summary *s, const struct story *story,
		  const char *story_error, const char *next,
		  const struct status_look *look, FILE *out)
{
	struct story_line last = { .text = "" };

	heading(s, look, out);
	lines(story, out);
	if (story_error) {
		fputs("The history can't be read: ", out);
		text_safe(out, story_error);
		putc('\n', out);
	}
	if (!story->count && str_fits(last.at, sizeof(last.at), s->at) &&
	    snprintf(last.text, sizeof(last.text), "%s: %s", summary_phase(s),
		     summary_reason(s)[0] && !s->unfit ? summary_reason(s)
							: "nothing done yet") > 0)
		status_story_line(&last, out);
	fputs("\nNext: ", out);
	text_safe(out, next);
	putc('\n', out);
}
