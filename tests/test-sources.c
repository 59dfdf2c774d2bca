// SPDX-License-Identifier: GPL-2.0-or-later
/* test-sources.c - the files that the text of a definition names as its disks */

#include "hook/libvirt/sources.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/tap.h"

static char found[8192];
static int stop;

static int add_source(const struct source *source, void *context)
{
	size_t n = strlen(found);

	(void)context;
	snprintf(found + n, sizeof(found) - n, "%s %s\n", source->path ? source->path : "-",
		 source->path ? source->format : source->volume);
	return stop;
}

static int add_end(const char *domain, void *context)
{
	size_t n = strlen(found);

	(void)context;
	snprintf(found + n, sizeof(found) - n, "of %s\n", domain);
	return 0;
}

static const struct sources_visitor visitor = { .source = add_source, .end = add_end };

static void finds(const char *what, const char *text, const char *wanted)
{
	found[0] = '\0';
	is_int(sources_visit_text(text, strlen(text), &visitor), 0, "%s", what);
	is_str(found, wanted, "%s: what is in it", what);
}

#define NAMED "<domain type='qemu'>\n  <name>a &amp; b</name>\n  <devices>\n"
#define FILE_OF(name) "<source file='" name "'/>"

static void test_text(void)
{
	finds("a disk", "<!--\nWARNING\n-->\n" NAMED "<disk type='file' device='disk'><driver "
	      "name='qemu' type='qcow2'/>" FILE_OF("/a") "<target dev='vda'/></disk></devices>"
	      "</domain>", "/a qcow2\nof a & b\n");
	finds("the format of one disk is not the next one's", NAMED "<disk type='file'><driver "
	      "type='qcow2'/>" FILE_OF("/a") "</disk><disk type='block'>"
	      "<source dev='/dev/b' index='2'><seclabel relabel='no'/></source></disk>",
	      "/a qcow2\n/dev/b \nof a & b\n");
	finds("below it, and its copy", NAMED "<disk type='file'><driver type='qcow2'/>"
	      FILE_OF("/a") "<backingStore type='file'><format type='vmdk'/>" FILE_OF("/b")
	      "<backingStore type='file'>" FILE_OF("/c") "</backingStore></backingStore>"
	      "<mirror type='file'><format type='raw'/>" FILE_OF("/d") "</mirror></disk>",
	      "/a qcow2\n/b vmdk\n/c \n/d raw\nof a & b\n");
	finds("what is escaped", NAMED "<source file='/a&apos;&amp;&lt;&gt;&quot;&#xe9;'/>"
	      "<source file=\"/it's > b\"/>", "/a'&<>\"\xc3\xa9 \n/it's > b \nof a & b\n");
	finds("a volume that can't be found", NAMED
	      "<source pool='of a test' volume='win.img'/>", "- win.img\nof a & b\n");
	finds("sources of no file", NAMED "<source network='default'/><source protocol='nbd' "
	      "name='x'/><sources file='/a'/><source_ file='/a'/><source/><driver/>",
	      "of a & b\n");
	finds("a snapshot has a name, too", "<domainsnapshot><name>before</name>" NAMED
	      FILE_OF("/a"), "/a \nof a & b\n");
}

/* None of it keeps the rest from being found. */
static void test_damaged(void)
{
	finds("nothing", "", "of ?\n");
	finds("no domain", "not of libvirt", "of ?\n");
	finds("that has no end", NAMED FILE_OF("/a") "<source file='/b", "/a \nof a & b\n");
	finds("that ends at once", NAMED FILE_OF("/a") "<", "/a \nof a & b\n");
	finds("that is no XML", "<domain ><<source<source file=/a><source <a/>"
	      "<source file='/a' file='/b'/>" FILE_OF("/c"), "/c \nof ?\n");
	stop = 7;
	is_int(sources_visit_text(FILE_OF("/a"), strlen(FILE_OF("/a")), &visitor), 7,
	       "it ends where it is told to");
	stop = 0;
}

static void test_large(void)
{
	const size_t elements = 3000000, size = elements * 4 + 1024;
	char *text = malloc(size);
	size_t n;

	if (!text)
		exit(1);
	n = (size_t)snprintf(text, size, NAMED "<metadata>");
	for (size_t i = 0; i < elements; i++, n += 4)
		memcpy(text + n, "<z/>", 4);
	snprintf(text + n, size - n, "</metadata><disk>" FILE_OF("/a"));
	finds("12 MB", text, "/a \nof a & b\n");
	free(text);
}

int main(void)
{
	test_text();
	test_damaged();
	test_large();
	return done_testing();
}
