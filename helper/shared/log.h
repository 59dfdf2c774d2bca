/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h - one log for all programs
 *
 * Writes to syslog (daemon facility; libvirt drops a hook's stderr if it succeeds) and, if
 * log_open() requested it, to stderr as "program: text". Bytes from a guest or from domain XML
 * are made printable here, whatever the caller passes.
 */
#ifndef BUSFLIP_LOG_H
#define BUSFLIP_LOG_H

#include "helper/shared/base.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4,
		 LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6 };

/* log_open() - begin every line with @program; @to_stderr for command lines. */
void log_open(const char *program, bool to_stderr);
void log_msg(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
