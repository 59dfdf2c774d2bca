/* SPDX-License-Identifier: GPL-2.0-or-later */
/* child.h - start a program with exact descriptors, and wait for it in time */
#ifndef BUSFLIP_CHILD_H
#define BUSFLIP_CHILD_H

#include "helper/shared/base.h"

#define CHILD_FDS 10

/*
 * child_start() - run @program without arguments and with a fresh environment
 *
 * @fds: what shall be its descriptors 0 to CHILD_FDS - 1; -1 leaves one closed.
 * They stay the caller's. Everything else is closed on exec, as long as it was
 * opened with O_CLOEXEC. Signals are at their defaults. @file_limit: bytes beyond
 * which it makes no file grow.
 */
int child_start(const char *program, const int fds[CHILD_FDS], uint64_t file_limit,
		pid_t *pid, struct error *err);

/* child_wait() - Return 1 and @status as of waitpid(), 0 when @timeout_ms are
 * over, -1 when it is no child of ours. */
int child_wait(pid_t pid, int timeout_ms, int *status);

/* child_kill() - SIGKILL and reap; 0 is fine. */
void child_kill(pid_t *pid);

/* child_reset_signals() - in a forked child: handlers and mask as at start. */
void child_reset_signals(void);

#endif
