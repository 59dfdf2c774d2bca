// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirtconf.c - one setting of libvirt's own configuration files
 *
 * A line is "key = value", where the value is a number, a string in single or double quotes, or
 * a list; '#' begins a comment. If a key is set twice, libvirt uses the first one
 * (virConfGetValue() in src/util/virconf.c, libvirt 9.0.0).
 */

#include "hook/libvirt/libvirtconf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "helper/shared/file.h"

#define FOLDER BUSFLIP_SYSCONFDIR "/libvirt"
/* The file as installed has some ten thousand bytes. */
#define CONF_LIMIT (1u << 20)

/* Return what follows the '=' if the line sets @key, otherwise NULL. */
static const char *value_of(const char *line, const char *key)
{
	line += strspn(line, " \t");
	if (strncmp(line, key, strlen(key)) != 0)
		return NULL;
	line += strlen(key);
	line += strspn(line, " \t");
	return *line == '=' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

int libvirtconf_parse(const char *text, const char *key, char *value, size_t size)
{
	for (const char *line = text; *line; line += strspn(line, "\n")) {
		const char *start = value_of(line, key);
		const char quote[] = { *(start ? start : ""), '\n', '\0' };
		bool quoted = quote[0] == '"' || quote[0] == '\'';
		size_t len;

		line += strcspn(line, "\n");
		if (!start)
			continue;
		start += quoted;
		len = strcspn(start, quoted ? quote : " \t\r#\n");
		if (len >= size)
			return -1;
		memcpy(value, start, len);
		value[len] = '\0';
		return 1;
	}
	return 0;
}

int libvirtconf_get(const char *name, const char *key, char *value, size_t size,
		    struct error *err)
{
	AUTO_FREE char *text = NULL;
	AUTO_FD int fd = -1;
	char path[4096];
	size_t len;
	int r;

	if (!str_printf(path, sizeof(path), FOLDER "/%s", name))
		return fail(err, ENAMETOOLONG, "%s: name too long", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return fail_errno(err, "%s", path);
	if (read_all(fd, CONF_LIMIT, &text, &len, err) < 0)
		return error_prefix(err, "%s", path);
	r = libvirtconf_parse(text, key, value, size);
	return r < 0 ? fail(err, ENAMETOOLONG, "%s: the value of %s is too long", path, key) : r;
}
