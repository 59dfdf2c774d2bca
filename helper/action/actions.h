/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * actions.h - the actions of a job, for action.c
 */
#ifndef BUSFLIP_ACTIONS_H
#define BUSFLIP_ACTIONS_H

#include "helper/action/reply.h"

/* The steps of each action after the disk was searched; one file each. */
int action_inspect(struct action *action, struct error *err);
int action_patch(struct action *action, struct error *err);
int action_undo(struct action *action, struct error *err);

#endif
