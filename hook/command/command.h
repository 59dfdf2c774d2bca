/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command.h - the subcommands of busflip
 */
#ifndef BUSFLIP_COMMAND_H
#define BUSFLIP_COMMAND_H

#include "hook/cli/line.h"

/* Each returns an enum exit_code and prints its own errors. */
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
/* For install.sh and the packages: create the image of the bait, as every start needs it. */
int command_bait(const struct command_line *line);
int command_watch(const struct command_line *line);

#endif
