/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status.h - the tagged domains and their state, in every output format of status
 *
 * status.c collects them; each format has a file of its own, which only prints.
 */
#ifndef BUSFLIP_STATUS_H
#define BUSFLIP_STATUS_H

#include "hook/cli/summary.h"
#include "hook/state/story.h"

struct status_list {
	struct summary *rows;	/* sorted by name */
	size_t count, room;
};

struct status_look {
	int width;		/* characters in a line */
	size_t rows;		/* maximum number of lines, with the header; 0: all */
	bool colour;
	long long now;		/* seconds since 1970 */
};

/* status_table() - print a header and a line for each; nothing for an empty list. */
void status_table(const struct status_list *list, const struct status_look *look,
		  FILE *out);

/* status_prometheus() - for the textfile collector of Prometheus' node_exporter
 * (text exposition format 0.0.4). */
void status_prometheus(const struct status_list *list, long long now, FILE *out);

/*
 * status_story() - print one domain: its state, its history and @next.
 * @story_error: why @story can't be read, or NULL.
 */
void status_story(const struct summary *s, const struct story *story,
		  const char *story_error, const char *next,
		  const struct status_look *look, FILE *out);

/* status_story_line() - print one dated line of the history. */
void status_story_line(const struct story_line *line, FILE *out);

/* status_age() - seconds as "45s", "12m", "3h", "5d", "9w"; negative: "-". */
void status_age(long long seconds, char text[24]);

#endif
