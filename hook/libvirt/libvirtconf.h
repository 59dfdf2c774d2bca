/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirtconf.h - one setting of libvirt's own configuration files, such as qemu.conf */
#ifndef BUSFLIP_LIBVIRTCONF_H
#define BUSFLIP_LIBVIRTCONF_H

#include "helper/shared/base.h"

/*
 * libvirtconf_get() - the value of @key in the file @name in libvirt's folder
 *
 * Return 1 and @value, without quotes; 0: it is not set, or the file does not exist; -1: the
 * file can't be read, or the value does not fit.
 */
int libvirtconf_get(const char *name, const char *key, char *value, size_t size,
		    struct error *err);

/* libvirtconf_parse() - the same from the text of such a file. Return 1, 0, -1. */
int libvirtconf_parse(const char *text, const char *key, char *value, size_t size);

#endif
