/* SPDX-License-Identifier: GPL-2.0-or-later */
/* child.h - start a program with exact descriptors, and wait for it with a timeout */
#ifndef BUSFLIP_CHILD_H
#define BUSFLIP_CHILD_H

#include "helper/shared/base.h"

#define CHILD_FDS 10

/*
 * child_start() - run @program without arguments and with a new environment
 *
 * @fds: its descriptors 0 to CHILD_FDS - 1; -1 leaves one closed. The caller keeps its own. All
 * other descriptors are closed on exec, as long as they were opened with O_CLOEXEC. Signals are
 * at their defaults. @file_limit: the largest file that it may create, in bytes.
 */
int child_start(const char *program, const int fds[CHILD_FDS], uint64_t file_limit,
		pid_t *pid, struct error *err);

/* child_wait() - Return 1 and @status as of waitpid(), 0 after @timeout_ms, -1 if it is not a
 * child of this process. */
int child_wait(pid_t pid, int timeout_ms, int *status);

/* child_kill() - SIGKILL and reap; 0 is allowed. */
void child_kill(pid_t *pid);

/* child_reset_signals() - in a forked child: default handlers and an empty mask. */
void child_reset_signals(void);

#endif
