// SPDX-License-Identifier: GPL-2.0-or-later
/* test-xml.c - parsing with limits, attributes, removing and reinserting elements */

#include "hook/domain/xml.h"

#include <errno.h>

#include "tests/tap.h"

static xmlDoc *parse(const char *text)
{
	struct error err = { 0 };
	xmlDoc *doc = xml_parse(text, strlen(text), &err);

	if (!doc)
		diag("%s: %s", text, err.msg);
	return doc;
}

static char *format(xmlDoc *doc)
{
	struct error err = { 0 };
	char *bytes = NULL;
	size_t len;

	if (xml_format(doc, false, &bytes, &len, &err) < 0)
		return NULL;
	if (len && bytes[len - 1] == '\n')
		bytes[len - 1] = '\0';
	return bytes;
}

static void is_doc(xmlDoc *doc, const char *wanted, const char *name)
{
	AUTO_FREE char *text = format(doc);

	is_str(text, wanted, "%s", name);
}

static void refused(const char *name, const char *text, size_t len, const char *word)
{
	struct error err = { 0 };
	AUTO_XML_DOC xmlDoc *doc = xml_parse(text, len, &err);

	if (!ok(!doc && err.code && strstr(err.msg, word) && !strchr(err.msg, '\n'),
		"refused in one line: %s", name))
		diag("%s", doc ? "was parsed" : err.msg);
}

/* Entities that double with each of @levels, used in an attribute, which
 * libxml2 expands even without XML_PARSE_NOENT. */
static char *bomb(int levels)
{
	char *text = malloc(8192);
	size_t used;

	if (!text)
		return NULL;
	used = (size_t)snprintf(text, 8192, "<!DOCTYPE a [<!ENTITY e0 'boom'>");
	for (int i = 1; i < levels; i++)
		used += (size_t)snprintf(text + used, 8192 - used,
					 "<!ENTITY e%d '&e%d;&e%d;'>", i, i - 1, i - 1);
	snprintf(text + used, 8192 - used, "]><a b='&e%d;'/>", levels - 1);
	return text;
}

static void test_refused(void)
{
	static const struct {
		const char *name, *text, *word;
	} cases[] = {
		{ "nothing", "", "malformed" },
		{ "no XML", "hello", "malformed" },
		{ "an element without an end", "<a><b></a>", "malformed" },
		{ "two roots", "<a/><b/>", "malformed" },
		{ "an attribute twice", "<a b='1' b='2'/>", "malformed" },
		{ "no UTF-8", "<a b='\xff\xfe'/>", "malformed" },
		{ "a control byte", "<a b='\x01'/>", "malformed" },
		{ "a prefix without a namespace is fine for libxml2, an end is not",
		  "<a", "malformed" },
		{ "an entity that is not there", "<a>&b;</a>", "malformed" },
		{ "a document type", "<!DOCTYPE a><a/>", "document type" },
		{ "an entity of its own", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
		  "document type" },
		{ "a file's content",
		  "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
		  "document type" },
		{ "a foreign DTD", "<!DOCTYPE a SYSTEM 'http://127.0.0.1:9/x.dtd'><a/>",
		  "document type" },
		{ "only a comment", "<!-- x -->", "malformed" },
	};
	AUTO_FREE char *entities = bomb(40), *big = malloc(XML_LIMIT + 1);
	AUTO_FREE char *deep = malloc(300 * 3 + 8);
	static const char nul[] = "<a b='c\0d'/>";

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		refused(cases[i].name, cases[i].text, strlen(cases[i].text), cases[i].word);
	refused("a NUL byte", nul, sizeof(nul) - 1, "malformed");
	if (entities)
		refused("entities within entities", entities, strlen(entities), "");
	if (big) {
		AUTO_XML_DOC xmlDoc *doc = NULL;
		struct error err = { 0 };

		memset(big, ' ', XML_LIMIT + 1);
		memcpy(big + XML_LIMIT - 3, "<a/>", 4);
		refused("one byte too much", big, XML_LIMIT + 1, "larger than");
		memcpy(big + XML_LIMIT - 4, "<a/>", 4);
		doc = xml_parse(big, XML_LIMIT, &err);
		ok(doc, "as many as are allowed");
	}
	if (deep) {
		for (int i = 0; i < 300; i++)
			memcpy(deep + (ptrdiff_t)3 * i, "<a>", 4);
		refused("300 elements deep", deep, strlen(deep), "malformed");
	}
	ok(!xml_parse("<a", 2, NULL), "nobody wants to know why");
}

static void test_bytes(void)
{
	static const char *const same[] = {
		"<a/>",
		"<a>\n  <b c=\"d\"/>\n</a>",
		"<a>x<!-- c --><?p i?><![CDATA[<&>]]> </a>",
		"<a b=\"&lt;&amp;&quot;&gt;&#10;&#13;&#9;'\"/>",
		"<a b=\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\xa7\"/>",
		"<a xmlns:x=\"urn:x\"><x:b x:c=\"1\"/></a>",
		"<a xmlns=\"urn:x\"><b/></a>",
		"<!-- in front --><a/><!-- behind -->",
	};

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		AUTO_XML_DOC xmlDoc *doc = parse(same[i]);
		AUTO_FREE char *text = doc ? format(doc) : NULL;

		/* libxml2 puts a newline behind what is outside the root */
		for (char *p = text; p && (p = strchr(p, '\n')) && same[i][1] == '!';)
			memmove(p, p + 1, strlen(p));
		is_str(text, same[i], "unchanged: %s", same[i]);
	}
	{
		AUTO_XML_DOC xmlDoc *doc = parse("<?xml version='1.0' encoding='ISO-8859-1'?>"
						 "<a b='\xfc'/>");
		AUTO_FREE char *bytes = NULL;
		struct error err;
		size_t len;

		ok(doc && xml_format(doc, true, &bytes, &len, &err) == 0 &&
		   strstr(bytes, "encoding=\"UTF-8\"") && strstr(bytes, "\"\xc3\xbc\"") &&
		   strlen(bytes) == len, "another encoding becomes UTF-8, and says so");
	}
}

static void test_looking(void)
{
	AUTO_XML_DOC xmlDoc *doc = parse(
		"<r xmlns:x='urn:x' n='12' z='0' m='-1' h='0x10' o='99999999999' e='' p='+3' s=' 4'"
		" i='2147483647' j='2147483648' l='0123456789abcdef' t='5x' x:q='v'>"
		"<x:b i='0'/><b i='1'>  text \n</b><!-- b --><b i='2'>a<c>b</c></b>"
		"<x:b i='3'/></r>");
	xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL, *b;
	char buf[20];

	if (!root)
		return;
	ok(xml_is(root, "r") && !xml_is(root, "b") && !xml_is(NULL, "r"), "xml_is()");
	b = xml_child(root, "b");
	is_int(xml_attr_number(b, "i"), 1, "a child without namespace");
	ok(xml_text(b, buf, sizeof(buf)), "has text");
	is_str(buf, "text", "without the space around it");
	b = xml_next(b, "b");
	is_int(xml_attr_number(b, "i"), 2, "and a next one");
	ok(xml_text(b, buf, sizeof(buf)) && !strcmp(buf, "ab"), "text of all below");
	ok(!xml_text(b, buf, 2) && !buf[0], "text that does not fit");
	ok(!xml_next(b, "b"), "and no more");
	b = xml_child_ns(root, "b", "urn:x");
	is_int(xml_attr_number(b, "i"), 0, "a child in a namespace");
	b = xml_next_ns(b, "b", "urn:x");
	is_int(xml_attr_number(b, "i"), 3, "and a next one");
	ok(!xml_child_ns(root, "b", "urn:y") && !xml_child(NULL, "b") &&
	   !xml_child_ns(NULL, "b", "urn:x"), "no child of nobody");
	ok(!xml_text(NULL, buf, sizeof(buf)), "no text of nobody");

	is_int(xml_attr_number(root, "n"), 12, "a number");
	is_int(xml_attr_number(root, "z"), 0, "zero");
	is_int(xml_attr_number(root, "i"), INT32_MAX, "the largest");
	for (const char *p = "mhoepsjtx"; *p; p++)
		is_int(xml_attr_number(root, (char[]){ *p, 0 }), -1, "%c is none", *p);
	is_int(xml_attr_number(NULL, "n"), -1, "nobody has none");

	ok(xml_attr(root, "l", buf, 17) && strlen(buf) == 16, "an attribute that just fits");
	ok(!xml_attr(root, "l", buf, 16) && !buf[0], "one that does not");
	ok(xml_attr(root, "e", buf, sizeof(buf)) && !buf[0], "an empty one is there");
	ok(!xml_attr(root, "nope", buf, sizeof(buf)) && !buf[0], "one that is not there");
	ok(!xml_attr(root, "q", buf, sizeof(buf)), "one in a namespace is another one");
	ok(xml_attr_is(root, "n", "12") && !xml_attr_is(root, "n", "1") &&
	   !xml_attr_is(root, "nope", "") && !xml_attr_is(NULL, "n", "12"), "xml_attr_is()");
	xml_set(root, "n", "a\"<&'");
	ok(xml_attr(root, "n", buf, sizeof(buf)) && !strcmp(buf, "a\"<&'"), "set");
	xml_unset(root, "n");
	xml_unset(root, "n");
	ok(!xml_attr(root, "n", buf, sizeof(buf)), "unset, twice");
}

/* Cut each element below the root out, alone and in pairs, put it back. */
static void there_and_back(const char *text)
{
	AUTO_XML_DOC xmlDoc *doc = parse(text);
	xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	int n = root ? (int)xmlChildElementCount(root) : 0;
	bool all = n > 0;

	for (int i = 0; i < n; i++) {
		for (int j = 0; j < n; j++) {
			AUTO_XML_STRING xmlChar *space_i = NULL, *space_j = NULL;
			AUTO_FREE char *after = NULL;
			xmlNode *a = xmlFirstElementChild(root);
			xmlNode *b = xmlFirstElementChild(root);
			unsigned at_i, at_j = 0;

			for (int k = 0; k < i; k++)
				a = xmlNextElementSibling(a);
			for (int k = 0; k < j; k++)
				b = xmlNextElementSibling(b);
			xml_cut(a, &at_i, &space_i);
			if (b != a)
				xml_cut(b, &at_j, &space_j);
			/* the last one taken is the first one put back */
			if (b != a)
				xml_paste(root, b, at_j, space_j);
			xml_paste(root, a, at_i, space_i);
			after = format(doc);
			if (all && !str_eq(after, text)) {
				all = false;
				diag("cut %d and %d: %s", i, j, after);
			}
		}
	}
	ok(all, "cut and put back, one and two at a time: %s", text);
}

static void test_cutting(void)
{
	static const char *const texts[] = {
		"<r><a/><b/><c/></r>",
		"<r>\n  <a/>\n  <b/>\n  <c/>\n</r>",
		"<r>\n  <!-- for a -->\n  <a/> <!-- of a -->\n  <b/><!-- tight --><c/> </r>",
		"<r><a/>\n\n\n\t<b/></r>",
		"<r>\n<a/></r>",
		"<r><?pi?><a/>  <?pi?>  <b/></r>",
	};
	AUTO_XML_DOC xmlDoc *doc = parse("<r>\n  <a/>\n  <b/>\n</r>");
	AUTO_XML_STRING xmlChar *space = NULL;
	xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL, *b;
	unsigned at;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		there_and_back(texts[i]);
	if (!root)
		return;
	b = xml_cut(xml_child(root, "b"), &at, &space);
	is_int(at, 1, "one element is in front of it");
	is_str((const char *)space, "\n  ", "and this space");
	is_doc(doc, "<r>\n  <a/>\n</r>", "gone with its space");
	xml_paste(root, b, 99, space);
	is_doc(doc, "<r>\n  <a/>\n  <b/>\n</r>", "a place behind the end is the end");
	xml_paste_after(xml_child(root, "a"), xmlNewDocNode(doc, NULL, XS("n"), NULL));
	is_doc(doc, "<r>\n  <a/>\n  <n/>\n  <b/>\n</r>", "behind a sibling, indented as it");
	xml_append(root, xmlNewDocNode(doc, NULL, XS("z"), NULL));
	is_doc(doc, "<r>\n  <a/>\n  <n/>\n  <b/>\n  <z/>\n</r>", "behind the last one");
	xml_delete(xml_child(root, "z"));
	xml_delete(xml_child(root, "n"));
	xml_delete(NULL);
	is_doc(doc, "<r>\n  <a/>\n  <b/>\n</r>", "deleted without a trace");
	xml_delete(xml_child(root, "a"));
	xml_delete(xml_child(root, "b"));
	is_doc(doc, "<r>\n</r>", "the last space stays");
	xml_append(root, xmlNewDocNode(doc, NULL, XS("a"), NULL));
	is_doc(doc, "<r>\n<a/></r>", "appended to one without elements");
}

int main(void)
{
	test_refused();
	test_bytes();
	test_looking();
	test_cutting();
	xmlCleanupParser();
	return done_testing();
}
