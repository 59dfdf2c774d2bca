// SPDX-License-Identifier: GPL-2.0-or-later
/* log.c - one log for all programs */

#include "helper/shared/log.h"

#include <errno.h>
#include <stdio.h>
#include <syslog.h>

#include "helper/shared/text.h"

static const char *log_program = "busflip";
static bool log_stderr;

void log_open(const char *program, bool to_stderr)
{
	log_program = program;
	log_stderr = to_stderr;
	openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	char line[1536];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
		line[0] = '\0';
	va_end(ap);
	make_printable(line);
	syslog((int)level, "%s", line);
	if (log_stderr)
		fprintf(stderr, "%s: %s\n", log_program, line);
	errno = saved;
}
