/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * change.h - one step of a domain, for the commands that change a definition
 */
#ifndef BUSFLIP_CHANGE_H
#define BUSFLIP_CHANGE_H

#include "hook/cli/line.h"
#include "hook/phase/decide.h"

/* A person waits for the command: long enough for any step, short enough to notice that
 * something hangs. */
#define LOCK_SECONDS 30

struct step;

/* change_print() - print the step on stdout. */
void change_print(const char *name, const struct step *step);

/* change_failed() - print the error for the domain, with the cure for errors of that kind.
 * Return EXIT_FAILED. */
int change_failed(const char *name, const struct error *err);

/* change_step() - apply @happened to the domain on the command line. */
int change_step(const struct command_line *line, enum happening happened);

#endif
