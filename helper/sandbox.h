/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox.h - give up everything except the open descriptors */
#ifndef BUSFLIP_SANDBOX_H
#define BUSFLIP_SANDBOX_H

#include "helper/shared/base.h"

/*
 * sandbox_enter() - all stages, in order; irreversible
 *
 * Should: be called before the first byte of a guest's disk is parsed, with all libraries
 * loaded and all needed descriptors open. Mustn't: be called with threads.
 *
 * @require: a stage that this kernel or these privileges do not allow is REFUSE_SANDBOX;
 * otherwise it is logged, and the others still apply.
 */
int sandbox_enter(bool require, struct error *err);

#endif
