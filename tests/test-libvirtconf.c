// SPDX-License-Identifier: GPL-2.0-or-later
/* test-libvirtconf.c - reading one setting of libvirt's own configuration files */

#include "hook/libvirt/libvirtconf.h"

#include "tests/tap.h"

static void parses(const char *text, int found, const char *wanted)
{
	char value[16] = "";

	is_int(libvirtconf_parse(text, "key", value, sizeof(value)), found, "%s", text);
	is_str(value, wanted, "its value");
}

static void test_settings(void)
{
	parses("", 0, "");
	parses("key = \"lockd\"", 1, "lockd");
	parses("\n  key=\"lockd\"\n", 1, "lockd");
	parses("key = 'lockd'\t# a comment", 1, "lockd");
	parses("key = 0# a comment\n", 1, "0");
	parses("key = \"a # b\"\n", 1, "a # b");
	parses("key = \"\"\n", 1, "");
	parses("key =\n", 1, "");
	parses("#key = \"lockd\"\n", 0, "");
	parses("keys = \"lockd\"\nmonkey = 1\nkey\n", 0, "");
	parses("list = [\n  \"key\",\n  \"b\" ]\nkey = 1\n", 1, "1");
	/* libvirt uses the first. */
	parses("key = \"one\"\nkey = \"two\"\n", 1, "one");
	parses("key = \"never closed\nkey = 1\n", 1, "never closed");
	parses("key = \"0123456789abcde\"\n", 1, "0123456789abcde");
	parses("key = \"0123456789abcdef\"\n", -1, "");
}

static void test_files(void)
{
	char value[16];
	struct error err = { 0 };

	is_int(libvirtconf_get("no-such-file.conf", "key", value, sizeof(value), &err), 0,
	       "no file, no setting");
	is_int(libvirtconf_get("../passwd/none", "key", value, sizeof(value), &err), -1,
	       "one that can't be read");
	is_str(err.msg, "/etc/libvirt/../passwd/none: Not a directory", "is named");
}

int main(void)
{
	test_settings();
	test_files();
	return done_testing();
}
