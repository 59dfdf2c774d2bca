// SPDX-License-Identifier: GPL-2.0-or-later
/* sources.c - the files that libvirt's definitions of all domains name for their disks */

#include "hook/libvirt/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/libvirt/pool.h"

/* A managed save has the guest's memory behind its XML and a NUL. */
#define PIECE (256u << 10)
/* libvirt accepts 4 MiB of XML from a client (REMOTE_STRING_MAX); escaping makes at most six
 * characters of one, and a snapshot contains two definitions. */
#define TEXT_LIMIT (64u << 20)
/* A path has at most 4096 bytes, an entity up to six characters for each. */
#define TAG_LIMIT 32768u

int sources_each_file(int (*each)(const char *path, void *context), void *context)
{
	static const char *const patterns[] = {
		BUSFLIP_SYSCONFDIR "/libvirt/qemu/*.xml",
		"/run/libvirt/qemu/*.xml",
		"/var/lib/libvirt/qemu/snapshot/*/*.xml",
		"/var/lib/libvirt/qemu/save/*.save",
	};
	int given = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(patterns) && !given; i++) {
		glob_t found;
		int r = glob(patterns[i], GLOB_NOSORT, NULL, &found);

		given = r != 0 && r != GLOB_NOMATCH ? each(NULL, context) : 0;
		for (size_t k = 0; r == 0 && k < found.gl_pathc && !given; k++)
			given = each(found.gl_pathv[k], context);
		if (r == 0)
			globfree(&found);
	}
	return given;
}

/* ---- the text of one file ---------------------------------------------------- */

/* The length of the tag at @tag, with both its brackets; 0: it has no end. */
static size_t tag_length(const char *tag, size_t left)
{
	const char *open = NULL;

	for (size_t i = 0; i < left && i < TAG_LIMIT; i++) {
		if (open) {
			if (tag[i] == *open)
				open = NULL;
		} else if (tag[i] == '"' || tag[i] == '\'') {
			open = tag + i;
		} else if (tag[i] == '>') {
			return i + 1;
		}
	}
	return 0;
}

/* Make an element without children from the tag at @tag. */
static xmlDoc *parse_tag(const char *tag, size_t left)
{
	char element[TAG_LIMIT + 2];
	size_t n = tag_length(tag, left);

	if (!n)
		return NULL;
	memcpy(element, tag, n);
	if (element[n - 2] != '/') {
		element[n - 1] = '/';
		element[n++] = '>';
	}
	return xml_parse_bare(element, n, NULL);
}

static bool is_tag(const char *tag, size_t left, const char *name)
{
	size_t n = strlen(name);

	return left > n + 1 && memcmp(tag + 1, name, n) == 0 &&
	       (strchr(" \t\r\n/>", tag[n + 1]) && tag[n + 1]);
}

static int visit_source(const xmlNode *node, const char *format,
			const struct sources_visitor *visitor)
{
	char path[4096], volume[4096];
	struct source source = { .path = path, .volume = volume, .format = format };
	bool named = xml_attr(node, "file", path, sizeof(path)) ||
		     xml_attr(node, "dev", path, sizeof(path));

	if (!named && !xml_attr(node, "volume", volume, sizeof(volume)))
		return 0;
	if (!named && pool_volume(node, path, sizeof(path), NULL) < 0)
		source.path = NULL;
	return visitor->source(&source, visitor->context);
}

/* @format: of the disk or backing file that the tag is in; libvirt writes it before <source>. */
static int visit_tag(const char *tag, size_t left, char format[64],
		     const struct sources_visitor *visitor)
{
	AUTO_XML_DOC xmlDoc *doc = NULL;
	const xmlNode *root;

	/* A quick test, for large definitions. */
	if (left < 2 || !strchr("bdfms", tag[1]))
		return 0;
	if (is_tag(tag, left, "disk") || is_tag(tag, left, "backingStore") ||
	    is_tag(tag, left, "mirror"))
		format[0] = '\0';
	if (!is_tag(tag, left, "driver") && !is_tag(tag, left, "format") &&
	    !is_tag(tag, left, "source"))
		return 0;
	doc = parse_tag(tag, left);
	root = doc ? xmlDocGetRootElement(doc) : NULL;
	if (!root)
		return 0;
	if (xml_is(root, "source"))
		return visit_source(root, format, visitor);
	xml_attr(root, "type", format, 64);
	return 0;
}

/* The name of a snapshot comes before its domain. */
static void find_name(const char *text, size_t len, char *name, size_t size)
{
	const char *domain = memmem(text, len, "<domain ", 8);
	const char *begin = domain ? memmem(domain, len - (size_t)(domain - text), "<name>", 6)
				   : NULL;
	const char *end = begin ? memmem(begin, len - (size_t)(begin - text), "</name>", 7) : NULL;
	AUTO_XML_DOC xmlDoc *doc = end ? xml_parse_bare(begin, (size_t)(end - begin) + 7, NULL)
				       : NULL;

	if (!doc || !xml_text(xmlDocGetRootElement(doc), name, size))
		str_fits(name, size, "?");
}

int sources_visit_text(const char *text, size_t len, const struct sources_visitor *visitor)
{
	const char *end = text + len;
	char format[64] = "", name[256];
	int r = 0;

	for (const char *tag = text; r == 0 && tag &&
	     (tag = memchr(tag, '<', (size_t)(end - tag))); tag++)
		r = visit_tag(tag, (size_t)(end - tag), format, visitor);
	if (r != 0)
		return r;
	find_name(text, len, name, sizeof(name));
	return visitor->end(name, visitor->context);
}

/* ---- all of them --------------------------------------------------------------- */

/* Read up to the first NUL after the start of a domain. A file without a domain in its first
 * piece is not libvirt's: it counts as empty. */
static int read_text(int fd, char **text, size_t *len)
{
	size_t begin = 0;

	for (*len = 0; *len < TEXT_LIMIT;) {
		char *more = realloc(*text, *len + PIECE), *nul;
		const char *domain;
		ssize_t n;

		if (!more)
			return -1;
		*text = more;
		n = read(fd, more + *len, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		*len += (size_t)n;
		domain = begin ? more + begin : memmem(more, *len, "<domain", 7);
		if (!domain && *len >= PIECE)
			*len = 0;
		if (!domain && !*len)
			return 0;
		if (!domain)
			continue;
		nul = memchr(domain, '\0', *len - (size_t)(domain - more));
		begin = *len;
		if (nul) {
			*len = (size_t)(nul - more);
			return 0;
		}
	}
	return 0;
}

struct visit {
	const struct sources_visitor *visitor;
	struct error *err;
};

static int visit_file(const char *path, void *context)
{
	AUTO_FD int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
	AUTO_FREE char *text = NULL;
	const struct visit *v = context;
	size_t len = 0;

	if (path && fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || read_text(fd, &text, &len) < 0)
		return fail_errno(v->err, "cannot read %s", path ? path : "libvirt's folders");
	return len ? sources_visit_text(text, len, v->visitor) : 0;
}

int sources_visit(const struct sources_visitor *visitor, struct error *err)
{
	struct visit v = { .visitor = visitor, .err = err };

	return sources_each_file(visit_file, &v);
}
