// SPDX-License-Identifier: GPL-2.0-or-later
/* test-pool.c - what libvirt's file of a storage pool says, and invalid names */

#include "hook/libvirt/pool.h"

#include <errno.h>

#include "tests/tap.h"

#define HEAD "<!--\nWARNING\n-->\n\n"
#define NAMED "<name>default</name>"
#define TARGET "<target><path>/srv/images</path></target>"

static void parses(const char *name, const char *pool_name, const char *xml, const char *type,
		   const char *path)
{
	struct error err = { 0 };
	struct pool pool;

	is_int(pool_parse(xml, strlen(xml), pool_name, &pool, &err), 0, "%s: %s", name, err.msg);
	is_str(pool.type, type, "%s: its type", name);
	is_str(pool.path, path, "%s: its path", name);
}

static void test_files(void)
{
	parses("a definition", "default", HEAD "<pool type='dir'>\n  " NAMED "\n  <source>\n"
	       "  </source>\n  <target>\n    <path>/srv/images</path>\n    <permissions>"
	       "<mode>0755</mode></permissions>\n  </target>\n</pool>\n", "dir", "/srv/images");
	parses("a state", "default", HEAD "<poolstate>\n  <pool type='logical'>" NAMED
	       "<source><name>vg0</name></source><target><path>/dev/vg0</path></target></pool>\n"
	       "</poolstate>\n", "logical", "/dev/vg0");
	parses("blanks are a part of both", " a b ", "<pool type='netfs'><name> a b </name><target>"
	       "<path>/srv/a &amp; b </path></target></pool>", "netfs", "/srv/a & b ");
	parses("one without a target", "default", "<pool type='rbd'>" NAMED "<source><name>rbd"
	       "</name></source></pool>", "rbd", "");
	parses("a type that is not known", "default", "<pool type='new'>" NAMED "<target><path>"
	       "volumes</path></target></pool>", "new", "volumes");
}

static void refuses(const char *name, const char *xml)
{
	struct error err = { 0 };
	struct pool pool;

	is_int(pool_parse(xml, strlen(xml), "default", &pool, &err), -1, "%s: %s", name, err.msg);
	is_int(err.code, EBADMSG, "%s: the file is damaged", name);
}

static void test_damaged(void)
{
	refuses("an empty file", "");
	refuses("half of one", "<pool type='dir'>" NAMED "<target><path>/srv");
	refuses("another document", "<volume type='dir'>" NAMED TARGET "</volume>");
	refuses("a state without a pool", "<poolstate/>");
	refuses("another pool", "<pool type='dir'><name>defaults</name>" TARGET "</pool>");
	refuses("no name", "<pool type='dir'>" TARGET "</pool>");
	refuses("no type", "<pool>" NAMED TARGET "</pool>");
	refuses("no target", "<pool type='dir'>" NAMED "</pool>");
	refuses("a target of the daemon's folder", "<pool type='dir'>" NAMED
		"<target><path>images</path></target></pool>");
	refuses("a document type", "<!DOCTYPE pool [<!ENTITY e '/etc'>]><pool type='dir'>" NAMED
		"<target><path>&e;</path></target></pool>");
}

/* Nothing is opened for any of these, or it would be another sentence. */
static void test_names(void)
{
	static const char *const names[] = {
		"../../../etc/passwd", "/etc/passwd", "a/b", ".", "..", "", "a&#10;b", "a&#127;b",
	};
	static char xml[2048], longer[301];
	struct error err;
	char path[64];

	memset(longer, 'n', sizeof(longer) - 1);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(names) + 2; i++) {
		const char *bad = i / 2 < ARRAY_SIZE(names) ? names[i / 2] : longer;
		AUTO_XML_DOC xmlDoc *doc = NULL;

		snprintf(xml, sizeof(xml), "<source pool='%s' volume='%s'/>",
			 i % 2 ? "no-such-pool" : bad, i % 2 ? bad : "win.qcow2");
		doc = xml_parse(xml, strlen(xml), NULL);
		err = (struct error){ 0 };
		is_int(pool_volume(xmlDocGetRootElement(doc), path, sizeof(path), &err), -1,
		       "%.60s", xml);
		is_int(err.code, ENOENT, "is no volume");
		has_str(err.msg, "with an invalid name", "by its names");
		if (i % 2 == 0)
			ok(!pool_is_active(xmlDocGetRootElement(doc)), "nor is it active");
	}
	err = (struct error){ 0 };
	is_int(pool_volume(NULL, path, sizeof(path), &err), -1, "no <source> at all");
	is_int(err.code, ENOENT, "is none, either");
}

static void test_no_pool(void)
{
	static const char text[] = "<source pool='no such pool' volume='win.qcow2'/>";
	AUTO_XML_DOC xmlDoc *doc = xml_parse(text, strlen(text), NULL);
	struct error err = { 0 };
	char path[64];

	is_int(pool_volume(xmlDocGetRootElement(doc), path, sizeof(path), &err), -1, "no pool");
	is_int(err.code, ENOENT, "is not there");
	has_str(err.msg, "there is no storage pool no such pool", "is named");
}

int main(void)
{
	test_files();
	test_damaged();
	test_names();
	test_no_pool();
	return done_testing();
}
