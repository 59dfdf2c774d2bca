/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * line.h - the command line of busflip, parsed, and how a command answers
 */
#ifndef BUSFLIP_LINE_H
#define BUSFLIP_LINE_H

#include "conf/config.h"

struct command_line {
	struct config config;
	const char *config_file;
	const char *bus;	/* --bus, or NULL */
	const char *disk;	/* --disk, or NULL */
	bool all, json, keep_sata, force, watch, prometheus, tag;
	/* inspect, patch, undo; NULL when not given */
	const char *format, *partition, *virtio_win, *state_dir, *helper;
	bool dry_run, live;
	char **args;		/* what follows the subcommand */
	int nargs;
};

/* complain() - "busflip: text" on stderr, made printable; not to the log. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* finish_stdout() - EXIT_FAILED and a complaint when what was printed did not
 * all arrive (a full disk, a closed pipe), else @code. */
int finish_stdout(int code);

#endif
