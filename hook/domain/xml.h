/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xml.h - the libxml2 functions that rewriting domain XML needs
 *
 * Anybody who may define domains can write domain XML, so parsing is limited in size, never
 * accesses the network and refuses document type declarations: no entity can expand, and
 * libxml2's own limits stay in force (no XML_PARSE_HUGE).
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

/* xml_prepare() - call it before there are threads that parse. */
void xml_prepare(void);

/* xml_parse() - bytes to a document, white space unchanged. NULL and @err if malformed, too
 * large, or with a DOCTYPE. The caller frees it. */
xmlDoc *xml_parse(const char *bytes, size_t len, struct error *err);

/* xml_parse_bare() - without the white space between elements: for reading only, a fifth
 * faster. */
xmlDoc *xml_parse_bare(const char *bytes, size_t len, struct error *err);

/* xml_format() - the document as bytes (followed by a NUL), with an XML declaration only if
 * @declaration. The caller frees *bytes. */
int xml_format(xmlDoc *doc, bool declaration, char **bytes, size_t *len,
	       struct error *err);

/* First child element of @parent (may be NULL) with the name @name and without a namespace;
 * xml_next() returns the next one after @node. */
xmlNode *xml_child(const xmlNode *parent, const char *name);
xmlNode *xml_next(const xmlNode *node, const char *name);
bool xml_is(const xmlNode *node, const char *name);

/* The same in namespace @uri. */
xmlNode *xml_child_ns(const xmlNode *parent, const char *name, const char *uri);
xmlNode *xml_next_ns(const xmlNode *node, const char *name, const char *uri);

/* xml_attr() - copy attribute @name of @node (may be NULL) into @buf. False, and an empty
 * string, if there is none or it does not fit. */
bool xml_attr(const xmlNode *node, const char *name, char *buf, size_t size);

/* xml_attr_is() - true if the attribute exists and equals @value. */
bool xml_attr_is(const xmlNode *node, const char *name, const char *value);

/* xml_attr_number() - a decimal attribute; -1 if absent or not a number from 0 to 2^31-1. */
long xml_attr_number(const xmlNode *node, const char *name);

/* xml_set() - set an attribute, xml_unset() - remove it if it exists. */
void xml_set(xmlNode *node, const char *name, const char *value);
void xml_unset(xmlNode *node, const char *name);

/* xml_text() - copy the text content of @node into @buf, without white space at both ends.
 * False if @node is NULL or the text does not fit. */
bool xml_text(const xmlNode *node, char *buf, size_t size);

/*
 * xml_cut() - remove @node from its parent together with the white space before it, so that
 * xml_paste() can restore both exactly.
 * @at: set to the node's position among its parent's children, without text
 * @space: set to the white space, or NULL; the caller frees it (libxml2's string)
 * Return: the node, now owned by the caller.
 */
xmlNode *xml_cut(xmlNode *node, unsigned *at, xmlChar **space);

/* xml_paste() - insert @node (now owned by @parent) and the white space before it at position
 * @at, or at the end if there are fewer children. */
void xml_paste(xmlNode *parent, xmlNode *node, unsigned at, const xmlChar *space);

/* xml_paste_after() - insert @node after @sibling, with the same indentation. */
void xml_paste_after(xmlNode *sibling, xmlNode *node);

/* xml_append() - insert @node after the last element of @parent, with the same indentation, so
 * that xml_delete() removes exactly what this added. */
void xml_append(xmlNode *parent, xmlNode *node);

/* xml_delete() - xml_cut() and free. NULL is allowed. */
void xml_delete(xmlNode *node);

#endif
