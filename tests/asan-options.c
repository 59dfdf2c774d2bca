// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * asan-options.c - where sanitizers write their reports
 *
 * Linked into the programs that "make check-asan" builds. A process that libvirt starts
 * has neither the caller's environment nor a standard error that anybody reads, and the
 * hook returns 0 for every failure of busflip. Inside a lab, reports go to the lab's
 * directory; where that does not exist, to standard error.
 */

#include <sys/prctl.h>
#include <unistd.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the
 * sanitizers' names */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
int __lsan_is_turned_off(void);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

#define LAB "/run/lab"
#define TO_LAB "log_path=" LAB "/sanitizer:log_suffix=.log"

const char *__asan_default_options(void)
{
	return access(LAB, W_OK) == 0 ? TO_LAB : "";
}

const char *__ubsan_default_options(void)
{
	return access(LAB, W_OK) == 0 ? TO_LAB ":print_stacktrace=1" :
	       "print_stacktrace=1";
}

/* The search for leaks stops the process by ptrace(), from a thread: that the
 * helper's sandbox, which answers prctl() with EACCES, does not let it do. */
int __lsan_is_turned_off(void)
{
	return prctl(PR_GET_DUMPABLE) < 0;
}
