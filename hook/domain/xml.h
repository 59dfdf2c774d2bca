/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xml.h - the little of libxml2 that rewriting domain XML needs
 *
 * Domain XML is written by whoever may define domains, so parsing is capped,
 * never goes to the network and refuses document type declarations: no entity
 * can expand and no XML_PARSE_HUGE lifts libxml2's own limits.
 */
#ifndef BUSFLIP_XML_H
#define BUSFLIP_XML_H

#include <libxml/tree.h>

#include "helper/shared/base.h"

/* libvirt itself sends at most 4 MiB of a string (REMOTE_STRING_MAX in
 * src/remote/remote_protocol.x of libvirt 9.0.0); twice that is plenty. */
#define XML_LIMIT (8u << 20)

/* libxml2's strings are unsigned; its own BAD_CAST drops const as well. */
#define XS(text) ((const xmlChar *)(text))

void cleanup_xml_string(xmlChar **text);
void cleanup_xml_doc(xmlDoc **doc);
#define AUTO_XML_STRING __attribute__((cleanup(cleanup_xml_string)))
#define AUTO_XML_DOC __attribute__((cleanup(cleanup_xml_doc)))

/* xml_prepare() - before there are threads that parse. */
void xml_prepare(void);

/* xml_parse() - bytes to a document, white space kept as it is. NULL and @err
 * on anything malformed, too large, or with a DOCTYPE. Caller frees. */
xmlDoc *xml_parse(const char *bytes, size_t len, struct error *err);

/* xml_parse_bare() - without the white space between elements: to be looked at only, which
 * takes a fifth less. */
xmlDoc *xml_parse_bare(const char *bytes, size_t len, struct error *err);

/* xml_format() - the document as bytes (NUL behind them), with an XML
 * declaration only when @declaration. *bytes is the caller's to free(). */
int xml_format(xmlDoc *doc, bool declaration, char **bytes, size_t *len,
	       struct error *err);

/* First child element of @parent (may be NULL) that is called @name and is in
 * no namespace; xml_next() gives the next one after @node. */
xmlNode *xml_child(const xmlNode *parent, const char *name);
xmlNode *xml_next(const xmlNode *node, const char *name);
bool xml_is(const xmlNode *node, const char *name);

/* The same in namespace @uri. */
xmlNode *xml_child_ns(const xmlNode *parent, const char *name, const char *uri);
xmlNode *xml_next_ns(const xmlNode *node, const char *name, const char *uri);

/* xml_attr() - attribute @name of @node (may be NULL) into @buf. False, and an
 * empty string, when there is none or it does not fit. */
bool xml_attr(const xmlNode *node, const char *name, char *buf, size_t size);

/* xml_attr_is() - true when the attribute is there and equals @value. */
bool xml_attr_is(const xmlNode *node, const char *name, const char *value);

/* xml_attr_number() - a decimal attribute; -1 when absent or not a number from
 * 0 to 2^31-1. */
long xml_attr_number(const xmlNode *node, const char *name);

/* xml_set() - set an attribute, xml_unset() - remove it if it is there. */
void xml_set(xmlNode *node, const char *name, const char *value);
void xml_unset(xmlNode *node, const char *name);

/* xml_text() - text content of @node into @buf, white space at both ends
 * removed. False when @node is NULL or the text does not fit. */
bool xml_text(const xmlNode *node, char *buf, size_t size);

/*
 * xml_cut() - take @node out of its parent together with the white space
 * before it, so that xml_paste() can put both back exactly.
 * @at: set to the node's place among its parent's children, text not counted
 * @space: set to the white space, or NULL; caller frees (libxml2's string)
 * Return: the node, now the caller's to free.
 */
xmlNode *xml_cut(xmlNode *node, unsigned *at, xmlChar **space);

/* xml_paste() - put @node (ownership goes to @parent) and the white space
 * before it at place @at, or at the end when there are fewer children. */
void xml_paste(xmlNode *parent, xmlNode *node, unsigned at, const xmlChar *space);

/* xml_paste_after() - put @node behind @sibling, indented as @sibling is. */
void xml_paste_after(xmlNode *sibling, xmlNode *node);

/* xml_append() - put @node behind the last element of @parent, indented as
 * that one is, so that xml_delete() takes back exactly what this added. */
void xml_append(xmlNode *parent, xmlNode *node);

/* xml_delete() - xml_cut() and free. NULL is allowed. */
void xml_delete(xmlNode *node);

#endif
