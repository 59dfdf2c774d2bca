/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * landlockabi.h - simulates a kernel with an older Landlock than this machine's
 *
 * The program's syscall() precedes the one of libc, and landlock.c calls it.
 */
#ifndef BUSFLIP_TESTS_LANDLOCKABI_H
#define BUSFLIP_TESTS_LANDLOCKABI_H

#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>

static long abi_limit;		/* 0: as it is */

long syscall(long number, ...)
{
	static long (*real)(long number, ...);
	long a[6], r;
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	r = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	return number == SYS_landlock_create_ruleset && !a[0] && abi_limit && r > abi_limit
		? abi_limit : r;
}

#endif
