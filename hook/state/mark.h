/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mark.h - marks in /run that one hook of a start leaves for the next
 */
#ifndef BUSFLIP_MARK_H
#define BUSFLIP_MARK_H

#include "helper/shared/base.h"

/*
 * A prepare hook that is killed makes the start fail, whatever busflip has done
 * behind it by then. So a mark is left before the note is written, and the hook
 * removes it as the last thing it does. mark_was_preparing() - Return: whether process
 * @front didn't; its mark is gone then.
 */
void mark_preparing(int front);
bool mark_was_preparing(int front);

/*
 * mark_continues() - the start of this domain goes on with memory
 *
 * Before QEMU exists, only the migrate and restore hooks tell that. They run just before
 * prepare and started, which look with mark_is_continuing(); after two minutes it means
 * nothing any more. mark_continues_no_more() removes it.
 */
int mark_continues(const char *uuid);
bool mark_is_continuing(const char *uuid);
void mark_continues_no_more(const char *uuid);

#endif
