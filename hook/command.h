/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command.h - the command line of busflip, parsed, and its subcommands
 */
#ifndef BUSFLIP_COMMAND_H
#define BUSFLIP_COMMAND_H

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

/* Each returns an enum exit_code and has printed its own errors. */
int command_enable(const struct command_line *line);
int command_disable(const struct command_line *line);
int command_stage(const struct command_line *line);
int command_promote(const struct command_line *line);
int command_rollback(const struct command_line *line);
int command_retry(const struct command_line *line);
int command_hold(const struct command_line *line);
int command_status(const struct command_line *line);
int command_filter(const struct command_line *line);
int command_check(const struct command_line *line);
int command_check_config(const struct command_line *line);
int command_inspect(const struct command_line *line);
int command_patch(const struct command_line *line);
int command_undo(const struct command_line *line);
int command_clean(const struct command_line *line);
int command_event(const struct command_line *line);
int command_settle(const struct command_line *line);
/* For install.sh and the packages: the image of the bait, as every start needs it. */
int command_bait(const struct command_line *line);
int command_watch(const struct command_line *line);

/* complain() - "busflip: text" on stderr, made printable; not to the log. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* finish_stdout() - EXIT_FAILED and a complaint when what was printed did not
 * all arrive (a full disk, a closed pipe), else @code. */
int finish_stdout(int code);

#endif
