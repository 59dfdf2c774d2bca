// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xml.c - the libxml2 functions that rewriting domain XML needs
 *
 * White space is part of the document here: what staging removes from a disk must come back at
 * the same position, so that a user who compares the domain before and after finds no
 * difference. Positions count all nodes except text.
 */

#include "hook/domain/xml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/xmlsave.h>
#include <stdlib.h>
#include <string.h>

void cleanup_xml_string(xmlChar **text)
{
	if (*text)
		xmlFree(*text);
	*text = NULL;
}

void cleanup_xml_doc(xmlDoc **doc)
{
	xmlFreeDoc(*doc);
	*doc = NULL;
}

static void quiet(void *context, const char *fmt, ...)
{
	(void)context;
	(void)fmt;
}

void xml_prepare(void)
{
	xmlInitParser();
}

static xmlDoc *parse(const char *bytes, size_t len, int options, struct error *err)
{
	AUTO_XML_DOC xmlDoc *doc = NULL;
	const xmlError *why;
	xmlDoc *result;

	if (len > XML_LIMIT) {
		fail(err, EFBIG, "domain XML is larger than %u bytes", XML_LIMIT);
		return NULL;
	}
	xmlSetGenericErrorFunc(NULL, quiet);
	xmlResetLastError();
	doc = xmlReadMemory(bytes, (int)len, "domain.xml", NULL,
			    options | XML_PARSE_NONET | XML_PARSE_NOERROR |
			    XML_PARSE_NOWARNING);
	if (!doc || !xmlDocGetRootElement(doc)) {
		why = xmlGetLastError();
		fail(err, EINVAL, "malformed XML, line %d: %.200s",
		     why ? why->line : 0,
		     why && why->message ? why->message : "no element");
		for (char *p = err ? err->msg : NULL; p && *p; p++)
			if (*p == '\n')
				*p = p[1] ? ' ' : '\0';
		return NULL;
	}
	if (doc->intSubset) {
		fail(err, EINVAL, "the XML has a document type declaration");
		return NULL;
	}
	result = doc;
	doc = NULL;
	return result;
}

xmlDoc *xml_parse(const char *bytes, size_t len, struct error *err)
{
	return parse(bytes, len, 0, err);
}

xmlDoc *xml_parse_bare(const char *bytes, size_t len, struct error *err)
{
	return parse(bytes, len, XML_PARSE_NOBLANKS, err);
}

/* libxml2 does not escape namespace names, so some documents are not formatted as valid XML. */
static int check_format(char **bytes, size_t len, struct error *err)
{
	AUTO_XML_DOC xmlDoc *again = xml_parse(*bytes, len, err);

	if (again)
		return 0;
	free(*bytes);
	*bytes = NULL;
	return -1;
}

int xml_format(xmlDoc *doc, bool declaration, char **bytes, size_t *len,
	       struct error *err)
{
	xmlBuffer *buffer = xmlBufferCreate();
	xmlSaveCtxt *save = NULL;
	int rc = -1;

	if (buffer)
		save = xmlSaveToBuffer(buffer, "UTF-8",
				       declaration ? 0 : XML_SAVE_NO_DECL);
	if (!save || xmlSaveDoc(save, doc) < 0) {
		fail(err, ENOMEM, "out of memory for the domain XML");
		if (save)
			xmlSaveClose(save);
		goto out;
	}
	xmlSaveClose(save);
	*len = (size_t)xmlBufferLength(buffer);
	*bytes = malloc(*len + 1);
	if (!*bytes) {
		fail(err, ENOMEM, "out of memory");
		goto out;
	}
	memcpy(*bytes, xmlBufferContent(buffer), *len);
	(*bytes)[*len] = '\0';
	rc = check_format(bytes, *len, err);
out:
	xmlBufferFree(buffer);
	return rc;
}

static bool matches(const xmlNode *node, const char *name, const char *uri)
{
	const char *href = node->ns ? (const char *)node->ns->href : NULL;

	return node->type == XML_ELEMENT_NODE &&
	       str_eq((const char *)node->name, name) && str_eq(href, uri);
}

static xmlNode *first_match(xmlNode *node, const char *name, const char *uri)
{
	for (; node; node = node->next)
		if (matches(node, name, uri))
			return node;
	return NULL;
}

bool xml_is(const xmlNode *node, const char *name)
{
	return node && matches(node, name, NULL);
}

xmlNode *xml_child(const xmlNode *parent, const char *name)
{
	return parent ? first_match(parent->children, name, NULL) : NULL;
}

xmlNode *xml_next(const xmlNode *node, const char *name)
{
	return first_match(node->next, name, NULL);
}

xmlNode *xml_child_ns(const xmlNode *parent, const char *name, const char *uri)
{
	return parent ? first_match(parent->children, name, uri) : NULL;
}

xmlNode *xml_next_ns(const xmlNode *node, const char *name, const char *uri)
{
	return first_match(node->next, name, uri);
}

bool xml_attr(const xmlNode *node, const char *name, char *buf, size_t size)
{
	AUTO_XML_STRING xmlChar *value = NULL;

	buf[0] = '\0';
	if (!node)
		return false;
	value = xmlGetNoNsProp(node, XS(name));
	return value && str_fits(buf, size, (const char *)value);
}

bool xml_attr_is(const xmlNode *node, const char *name, const char *value)
{
	AUTO_XML_STRING xmlChar *found = NULL;

	if (node)
		found = xmlGetNoNsProp(node, XS(name));
	return found && str_eq((const char *)found, value);
}

long xml_attr_number(const xmlNode *node, const char *name)
{
	char text[16];
	char *end;
	long n;

	if (!xml_attr(node, name, text, sizeof(text)) || text[0] < '0' ||
	    text[0] > '9')
		return -1;
	errno = 0;
	n = strtol(text, &end, 10);
	return errno || *end || n > INT32_MAX ? -1 : n;
}

void xml_set(xmlNode *node, const char *name, const char *value)
{
	xmlSetProp(node, XS(name), XS(value));
}

void xml_unset(xmlNode *node, const char *name)
{
	xmlUnsetProp(node, XS(name));
}

bool xml_text(const xmlNode *node, char *buf, size_t size)
{
	AUTO_XML_STRING xmlChar *text = NULL;
	char *p, *end;

	buf[0] = '\0';
	if (!node)
		return false;
	text = xmlNodeGetContent(node);
	if (!text)
		return false;
	p = (char *)text;
	p += strspn(p, " \t\r\n");
	end = p + strlen(p);
	while (end > p && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	return str_fits(buf, size, p);
}

static bool is_text(const xmlNode *node)
{
	return node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE;
}

static bool is_space(const xmlNode *node)
{
	return node && node->type == XML_TEXT_NODE && xmlIsBlankNode(node);
}

xmlNode *xml_cut(xmlNode *node, unsigned *at, xmlChar **space)
{
	xmlNode *before = node->prev;

	*at = 0;
	*space = NULL;
	for (const xmlNode *n = before; n; n = n->prev)
		if (!is_text(n))
			(*at)++;
	xmlUnlinkNode(node);
	if (is_space(before)) {
		*space = xmlNodeGetContent(before);
		xmlUnlinkNode(before);
		xmlFreeNode(before);
	}
	return node;
}

/* The last node that stays before position @at: a text node only if it does not belong to the
 * following node. NULL: the very beginning. */
static xmlNode *anchor(xmlNode *parent, unsigned at)
{
	xmlNode *last = NULL;

	for (xmlNode *n = parent->children; n && at; n = n->next) {
		if (is_text(n))
			continue;
		last = n;
		at--;
	}
	return last;
}

static void link_first(xmlNode *parent, xmlNode *node)
{
	if (parent->children)
		xmlAddPrevSibling(parent->children, node);
	else
		xmlAddChild(parent, node);
}

/* xmlAddNextSibling() and similar calls merge neighbouring text nodes and free the one that
 * was passed. So the element is inserted first, and the white space then goes between two
 * elements or before the first one. */
void xml_paste(xmlNode *parent, xmlNode *node, unsigned at, const xmlChar *space)
{
	xmlNode *after = anchor(parent, at);

	if (after)
		xmlAddNextSibling(after, node);
	else
		link_first(parent, node);
	if (space && *space)
		xmlAddPrevSibling(node, xmlNewText(space));
}

void xml_paste_after(xmlNode *sibling, xmlNode *node)
{
	AUTO_XML_STRING xmlChar *space = NULL;

	if (is_space(sibling->prev))
		space = xmlNodeGetContent(sibling->prev);
	xmlAddNextSibling(sibling, node);
	if (space)
		xmlAddPrevSibling(node, xmlNewText(space));
}

void xml_append(xmlNode *parent, xmlNode *node)
{
	xmlNode *last = xmlLastElementChild(parent);

	if (last)
		xml_paste_after(last, node);
	else
		xmlAddChild(parent, node);
}

void xml_delete(xmlNode *node)
{
	AUTO_XML_STRING xmlChar *space = NULL;
	unsigned at;

	if (node)
		xmlFreeNode(xml_cut(node, &at, &space));
}
