/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xmltest.h - domain XML for tests: create it, run an operation on it, compare it */
#ifndef BUSFLIP_TESTS_XMLTEST_H
#define BUSFLIP_TESTS_XMLTEST_H

#include <errno.h>
#include <libxml/c14n.h>
#include <libxml/xpathInternals.h>

#include "hook/phase/rewrite.h"
#include "tests/tap.h"

#define BAIT_IMAGE "/var/lib/busflip/bait.img"

/* Pieces of domain XML that most cases need. */
#define TAG "<busflip:domain xmlns:busflip='urn:busflip:domain:1'/>"
#define TAG_VIRTIO "<busflip:domain xmlns:busflip='urn:busflip:domain:1' bus='virtio'/>"
#define TAG_SCSI "<busflip:domain xmlns:busflip='urn:busflip:domain:1' bus='scsi'/>"
#define PCI(slot) "<address type='pci' domain='0x0000' bus='0x00' slot='" slot \
	"' function='0x0'/>"
#define DRIVE(controller, unit) "<address type='drive' controller='" controller \
	"' bus='0' target='0' unit='" unit "'/>"
#define DISK(target, inside) \
	"<disk type='file' device='disk'>\n      <driver name='qemu' type='qcow2'/>\n" \
	"      <source file='/vm/win.img'/>\n      <target " target "/>\n      " inside \
	"\n    </disk>"
#define VIRTIO_DISK DISK("dev='vda' bus='virtio'", PCI("0x07"))
#define SATA_DISK DISK("dev='sda' bus='sata'", DRIVE("0", "0"))

/* A domain in pieces; what is not given is as in a plain q35 one. */
struct parts {
	const char *disk;	/* system disk */
	const char *tag, *machine, *os, *devices, *metadata, *root;
};

static inline const char *part(const char *given, const char *otherwise)
{
	return given ? given : otherwise;
}

/* domain_xml() - as libvirt prints it. The caller frees. */
static inline char *domain_xml(const struct parts *p)
{
	char *text = NULL;
	int n = asprintf(&text,
		"<domain type='kvm'>\n"
		"  <name>win</name>\n"
		"  <uuid>12345678-9abc-def0-1234-56789abcdef0</uuid>\n"
		"  <metadata>\n"
		"    %s\n"
		"%s"
		"  </metadata>\n"
		"  <memory unit='KiB'>4194304</memory>\n"
		"  <os>\n"
		"    <type arch='x86_64' machine='%s'>hvm</type>\n"
		"    %s\n"
		"  </os>\n"
		"  <devices>\n"
		"    <emulator>/usr/bin/qemu-system-x86_64</emulator>\n"
		"    %s\n"
		"    <controller type='pci' index='0' model='pcie-root'/>\n"
		"%s"
		"  </devices>\n"
		"%s"
		"</domain>",
		part(p->tag, TAG), part(p->metadata, ""),
		part(p->machine, "pc-q35-7.2"), part(p->os, "<boot dev='hd'/>"),
		part(p->disk, VIRTIO_DISK), part(p->devices, ""), part(p->root, ""));

	return n < 0 ? NULL : text;
}

enum op { OP_STAGE, OP_PROMOTE, OP_ROLLBACK, OP_RESTORE };

static const char *const op_names[] __attribute__((unused)) = {
	"stage", "promote", "rollback", "restore",
};

/* rewrite() - bytes in, bytes out, as step_apply() does it. NULL and @err when
 * it is refused. The caller frees. */
static inline char *rewrite(enum op op, const char *xml, struct error *err)
{
	static const struct rewrite_options options = {
		.bus = TARGET_VIRTIO, .bait = BAIT_IMAGE, .keep_owner = true,
	};
	AUTO_DOMAIN struct domain domain = { 0 };
	char *out = NULL;
	size_t len;
	int rc;

	memset(err, 0, sizeof(*err));
	rc = xml ? domain_parse(xml, strlen(xml), &domain, err) :
	     fail(err, EIO, "no XML");
	if (rc == 0 && op == OP_STAGE)
		rc = rewrite_stage(&domain, &options, err);
	else if (rc == 0 && op == OP_PROMOTE)
		rc = rewrite_promote(&domain, err);
	else if (rc == 0 && op == OP_ROLLBACK)
		rc = rewrite_rollback(&domain, &options, err);
	else if (rc == 0)
		rc = rewrite_restore(&domain, err);
	if (rc < 0)
		return NULL;
	if (op == OP_RESTORE) {
		domain_drop_state(&domain);
	} else {
		domain.state.phase = op == OP_PROMOTE ? PHASE_TRIAL : PHASE_STAGED;
		domain_put_state(&domain);
	}
	return domain_format(&domain, &out, &len, err) < 0 ? NULL : out;
}

/* Without its state elements and the space that came with them. */
static inline void drop_states(xmlNode *metadata)
{
	xmlNode *node = metadata ? metadata->children : NULL, *next;

	for (; node; node = next) {
		next = node->next;
		if (node->type != XML_ELEMENT_NODE || !node->ns ||
		    strcmp((const char *)node->ns->href, STATE_URI) != 0)
			continue;
		if (node->prev && xmlIsBlankNode(node->prev)) {
			xmlNode *space = node->prev;

			xmlUnlinkNode(space);
			xmlFreeNode(space);
		}
		xmlUnlinkNode(node);
		xmlFreeNode(node);
	}
}

/* canonical() - canonical XML with comments, busflip's state aside; NULL when
 * @xml is none. The caller frees. */
static inline char *canonical(const char *xml)
{
	struct error err;
	AUTO_XML_DOC xmlDoc *doc = xml ? xml_parse(xml, strlen(xml), &err) : NULL;
	xmlChar *text = NULL;
	char *copy;

	if (!doc)
		return NULL;
	drop_states(xml_child(xmlDocGetRootElement(doc), "metadata"));
	if (xmlC14NDocDumpMemory(doc, NULL, XML_C14N_1_0, NULL, 1, &text) < 0)
		return NULL;
	copy = strdup((const char *)text);
	xmlFree(text);
	return copy;
}

/* same_xml() - assertion: @seen and @wanted are the same canonical XML. */
static inline bool __attribute__((format(printf, 3, 4)))
same_xml(const char *seen, const char *wanted, const char *fmt, ...)
{
	AUTO_FREE char *a = canonical(seen), *b = canonical(wanted);
	bool good = a && b && strcmp(a, b) == 0;
	size_t at = 0;
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, fmt, ap);
	va_end(ap);
	if (good)
		return true;
	while (a && b && a[at] && a[at] == b[at])
		at++;
	at = at > 60 ? at - 60 : 0;
	diag("seen:\n%.400s\nwanted:\n%.400s", a ? a + at : "(none)",
	     b ? b + at : "(none)");
	return false;
}

/* xpath() - the expression's value as a string, in a static buffer; namespace
 * prefixes b (tag) and s (state). "" when @xml is none. */
static inline const char *xpath(const char *xml, const char *expression)
{
	static char value[4096];
	struct error err;
	AUTO_XML_DOC xmlDoc *doc = xml ? xml_parse(xml, strlen(xml), &err) : NULL;
	xmlXPathContext *context = doc ? xmlXPathNewContext(doc) : NULL;
	xmlXPathObject *object = NULL;
	xmlChar *text = NULL;

	value[0] = '\0';
	if (context) {
		xmlXPathRegisterNs(context, XS("b"), XS(TAG_URI));
		xmlXPathRegisterNs(context, XS("s"), XS(STATE_URI));
		object = xmlXPathEvalExpression(XS(expression), context);
	}
	if (object)
		text = xmlXPathCastToString(object);
	if (text)
		str_fits(value, sizeof(value), (const char *)text);
	xmlFree(text);
	xmlXPathFreeObject(object);
	xmlXPathFreeContext(context);
	return value;
}

/* In a staged domain these two are next to each other. */
#define SYSTEM "//devices/disk[source/@file='/vm/win.img']"
#define BAIT "//devices/disk[serial='busflip-bait']"

/* replaced() - @text with the first @from made @to; NULL when there is none.
 * The caller frees. */
static inline char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = text ? strstr(text, from) : NULL;
	char *out = NULL;

	if (!at) {
		diag("nothing to replace: %s", from);
		return NULL;
	}
	return asprintf(&out, "%.*s%s%s", (int)(at - text), text, to,
			at + strlen(from)) < 0 ? NULL : out;
}

#endif
