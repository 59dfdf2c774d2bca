/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * change.h - one step of a domain, as the commands that change a definition take it
 */
#ifndef BUSFLIP_CHANGE_H
#define BUSFLIP_CHANGE_H

#include "hook/cli/line.h"
#include "hook/phase/decide.h"

/* A person waits at the other end: long enough for any step, short enough to
 * see that something is stuck. */
#define LOCK_SECONDS 30

struct step;

/* change_print() - the step that was taken, on stdout. */
void change_print(const char *name, const struct step *step);

/* change_failed() - complain of the domain, with the cure of errors of that kind. Gives
 * EXIT_FAILED. */
int change_failed(const char *name, const struct error *err);

/* change_step() - have @happened happen to the domain that the command names. */
int change_step(const struct command_line *line, enum happening happened);

#endif
