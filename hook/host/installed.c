// SPDX-License-Identifier: GPL-2.0-or-later
/* installed.c - is busflip's hook where libvirt runs it from? */

#include "hook/host/installed.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/file.h"

#define HOOK_LIMIT (8u << 20)

static char *read_program(const char *path, size_t *len)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *data = NULL;

	if (fd < 0 || read_all(fd, HOOK_LIMIT, &data, len, NULL) < 0)
		return NULL;
	return data;
}

/* The same rule as in conf/setup.sh: a program with its name in it. */
static bool is_our_hook(const char *path)
{
	size_t len = 0;
	AUTO_FREE char *data = read_program(path, &len);

	return data && access(path, X_OK) == 0 && len > 4 &&
	       memcmp(data, "\x7f" "ELF", 4) == 0 &&
	       memmem(data, len, "busflip-hook", strlen("busflip-hook"));
}

bool hook_is_installed(const char **where)
{
	static const char *const places[] = {
		HOOK_FOLDER "/qemu", HOOK_FOLDER "/qemu.d/50-busflip",
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (!is_our_hook(places[i]))
			continue;
		if (where)
			*where = places[i];
		return true;
	}
	return false;
}

/* The hook may belong to another installation (a package beside install.sh), so the path is
 * taken from the hook itself: the one string in it that ends with this. */
bool hook_can_run(const char *where, char *program, size_t size)
{
	static const char name[] = "/busflip";
	size_t len = 0;
	AUTO_FREE char *data = read_program(where, &len);
	const char *end = data ? memmem(data, len, name, sizeof(name)) : NULL;
	const char *begin = end;

	while (begin && begin > data && isgraph((unsigned char)begin[-1]))
		begin--;
	if (!begin || !str_fits(program, size, begin))
		str_fits(program, size, BUSFLIP_SBINDIR "/busflip");
	return access(program, X_OK) == 0;
}
