/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * line.h - the parsed command line of busflip, error messages and exit codes
 */
#ifndef BUSFLIP_LINE_H
#define BUSFLIP_LINE_H

#include "conf/config.h"

struct command_line {
	struct config config;
	const char *config_file;
	const char *bus;	/* --bus, or NULL */
	const char *disk;	/* --disk, or NULL */
	bool all, json, keep_sata, force, watch, prometheus, tag, settings;
	/* inspect, patch, undo; enable: partition; NULL if not given */
	const char *format, *partition, *virtio_win, *helper;
	bool dry_run, live;
	char **args;		/* the arguments after the subcommand */
	int nargs;
};

/* complain() - print "busflip: text" on stderr, made printable; not to the log. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* line_partition() - the number that --partition gives, or 0. False, after an error message, if it
 * is none. */
bool line_partition(const struct command_line *line, uint32_t *number);

/* finish_stdout() - flush stdout. EXIT_FAILED and an error message if not all output was
 * written (a full disk, a closed pipe), otherwise @code. */
int finish_stdout(int code);

#endif
