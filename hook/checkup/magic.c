// SPDX-License-Identifier: GPL-2.0-or-later
/* magic.c - what format the first bytes of a file look like */

#include "hook/checkup/magic.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOOTER_SIZE 512

static const struct magic {
	const char *format;
	size_t at, len;
	const char *bytes;
} magics[] = {
	{ "qcow2", 0, 4, "QFI\xfb" },
	{ "vmdk", 0, 4, "KDMV" },
	{ "vmdk", 0, 4, "COWD" },
	{ "vmdk", 0, 21, "# Disk DescriptorFile" },
	{ "vhdx", 0, 8, "vhdxfile" },
	{ "vpc", 0, 8, "conectix" },
	{ "vdi", 0x40, 4, "\x7f\x10\xda\xbe" },
	{ "qed", 0, 4, "QED" },
	{ "luks", 0, 6, "LUKS\xba\xbe" },
};

static const char *by_head(const uint8_t *head, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		const struct magic *m = &magics[i];

		if (m->at + m->len <= len && memcmp(head + m->at, m->bytes, m->len) == 0)
			return m->format;
	}
	return NULL;
}

/* A VHD of fixed size has its only header after the data. */
static bool has_vhd_footer(int fd)
{
	char footer[8];
	off_t size = lseek(fd, 0, SEEK_END);

	return size >= FOOTER_SIZE &&
	       pread(fd, footer, sizeof(footer), size - FOOTER_SIZE) == sizeof(footer) &&
	       memcmp(footer, "conectix", sizeof(footer)) == 0;
}

bool magic_is_known(const char *format)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (strcmp(format, magics[i].format) == 0)
			return true;
	return strcmp(format, "raw") == 0;
}

const char *magic_format(const char *path, struct error *err)
{
	uint8_t head[512];
	struct stat st;
	AUTO_FD int fd = -1;
	const char *format;
	ssize_t n;

	if (stat(path, &st) < 0) {
		fail_errno(err, "%s", path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		fail(err, EINVAL, "%s is neither a file nor a block device", path);
		return NULL;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || (n = pread(fd, head, sizeof(head), 0)) < 0) {
		fail_errno(err, "%s", path);
		return NULL;
	}
	format = by_head(head, (size_t)n);
	if (!format)
		format = has_vhd_footer(fd) ? "vpc" : "raw";
	return format;
}
