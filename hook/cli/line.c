// SPDX-License-Identifier: GPL-2.0-or-later
/* line.c - error messages and exit codes of commands */

#include "hook/cli/line.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "helper/shared/text.h"
#include "hook/domain/domain.h"

void complain(const char *fmt, ...)
{
	char text[1536];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	make_printable(text);
	fprintf(stderr, "busflip: %s\n", text);
}

bool line_partition(const struct command_line *line, uint32_t *number)
{
	*number = 0;
	if (!line->partition || partition_parse(line->partition, number))
		return true;
	complain("--partition must be the number of a partition, not %s", line->partition);
	return false;
}

int finish_stdout(int code)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	/* As with any other program whose output goes to head. */
	if (errno == EPIPE) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	complain("cannot write to standard output");
	return EXIT_FAILED;
}
