/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mark.h - marks in /run that one hook of a start leaves for the next one
 */
#ifndef BUSFLIP_MARK_H
#define BUSFLIP_MARK_H

#include "helper/shared/base.h"

/*
 * libvirt fails the start when a prepare hook is killed, whatever busflip has done by then. So
 * a mark is created before the session note is written, and the hook removes it as its last
 * action. mark_was_preparing() - Return: true if process @front did not remove it; the mark is
 * removed then.
 */
void mark_preparing(int front);
bool mark_was_preparing(int front);

/*
 * mark_continues() - record that the start of this domain resumes memory
 *
 * Before QEMU exists, only the migrate and restore hooks show that. The prepare hook, which
 * follows at once, checks with mark_is_continuing(), which removes a mark that is older than two
 * minutes. So a mark that is there in the started hook is of the same start, however long the
 * memory took to load; mark_continues_no_more() removes it. Return: true if there was one.
 */
void mark_continues(const char *uuid);
bool mark_is_continuing(const char *uuid);
bool mark_continues_no_more(const char *uuid);

#endif
