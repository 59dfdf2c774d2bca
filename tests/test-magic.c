// SPDX-License-Identifier: GPL-2.0-or-later
/* test-magic.c - formats as qemu-img writes them, and files that are not images */

#include "hook/checkup/magic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/folder.h"

static void runs(const char *before, const char *options)
{
	char command[4200];

	snprintf(command, sizeof(command), "%s %s %s", before, options, in_folder("image"));
	is_int(system(command), 0, "%s", command);
}

static void test_formats(void)
{
	static const struct row {
		const char *format, *options;
	} rows[] = {
		{ "raw", "-f raw" },
		{ "qcow2", "-f qcow2" },
		{ "qcow2", "-f qcow2 -o compat=0.10" },
		{ "vmdk", "-f vmdk" },
		{ "vmdk", "-f vmdk -o subformat=monolithicFlat" },
		{ "vmdk", "-f vmdk -o subformat=streamOptimized" },
		{ "vhdx", "-f vhdx" },
		{ "vpc", "-f vpc" },
		{ "vpc", "-f vpc -o subformat=fixed" },
		{ "vdi", "-f vdi" },
		{ "qed", "-f qed" },
	};
	struct error err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unlink(in_folder("image"));
		runs("make() { qemu-img create -q \"$@\" 8M; }; make", rows[i].options);
		is_str(magic_format(in_folder("image"), &err), rows[i].format, "%s",
		       rows[i].options);
	}
}

static void test_others(void)
{
	struct error err = { 0 };

	ok(magic_is_known("raw") && magic_is_known("vdi") && !magic_is_known("parallels") &&
	   !magic_is_known(""), "what is told apart");

	unlink(in_folder("image"));
	ok(!magic_format(in_folder("image"), &err), "no file");
	is_int(err.code, ENOENT, "is ENOENT");
	runs(":", ">");
	is_str(magic_format(in_folder("image"), &err), "raw", "an empty file");
	runs("printf QFI", ">");
	is_str(magic_format(in_folder("image"), &err), "raw", "one of three bytes");
	mkfifo(in_folder("fifo"), 0600);
	ok(!magic_format(in_folder("fifo"), &err), "a FIFO is not waited for");
	ok(!magic_format(folder, &err), "nor a folder read");
	ok(!magic_format("/dev/null", &err), "nor a character device");
}

int main(void)
{
	if (system("qemu-img --version > /dev/null 2>&1") != 0)
		skip_all("qemu-img is not installed");
	begin_folder();
	test_formats();
	test_others();
	end_folder();
	return done_testing();
}
