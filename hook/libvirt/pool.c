// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pool.c - find the path of a storage pool's volume without calling libvirt
 *
 * An active pool has its state in one folder, a persistent one its definition in another. If it
 * is both, the state counts: changes by virsh pool-define take effect at its next start, as
 * virsh vol-path shows (9.0.0). Anybody who may define domains chooses both names, so a name
 * that could lead out of those folders is invalid.
 */

#include "hook/libvirt/pool.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/text.h"

#define STATES "/run/libvirt/storage"
#define DEFINITIONS BUSFLIP_SYSCONFDIR "/libvirt/storage"
/* A dozen lines, and one for each device and host of its source. */
#define FILE_LIMIT (1u << 20)
/* Together with ".xml" it is a file name: NAME_MAX. */
#define NAME_SIZE 252

/*
 * Types of pools whose volumes have the path TARGET/NAME: virStorageBackendRefreshLocal() in
 * src/storage/storage_util.c, virStorageBackendLogicalMakeVol() in
 * src/storage/storage_backend_logical.c. The folder of a "dir" pool exists even if the pool is
 * not active; with the other types something else may be in its place then.
 */
static const struct kind {
	const char *type;
	bool always;
} kinds[] = {
	{ "dir", true }, { "fs", false }, { "netfs", false }, { "logical", false },
};

static const struct kind *find_kind(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].type, type) == 0)
			return &kinds[i];
	return NULL;
}

/* libvirt allows no control character in the names of pools and volumes. */
static bool get_name(const xmlNode *source, const char *attr, char *name, size_t size)
{
	if (!xml_attr(source, attr, name, size) || !name[0] ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (const char *p = name; *p; p++)
		if (*p == '/' || iscntrl((unsigned char)*p))
			return false;
	return true;
}

/* ---- what libvirt's file says ------------------------------------------------ */

/* Unchanged: a blank at the end of a path is significant. */
static bool get_text(const xmlNode *node, char *buf, size_t size)
{
	AUTO_XML_STRING xmlChar *text = node ? xmlNodeGetContent(node) : NULL;

	buf[0] = '\0';
	return text && str_fits(buf, size, (const char *)text);
}

int pool_parse(const char *bytes, size_t len, const char *name, struct pool *pool,
	       struct error *err)
{
	AUTO_XML_DOC xmlDoc *doc = xml_parse_bare(bytes, len, err);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	char found[NAME_SIZE];

	memset(pool, 0, sizeof(*pool));
	if (!root) {
		if (err)
			err->code = EBADMSG;
		return -1;
	}
	if (xml_is(root, "poolstate"))
		root = xml_child(root, "pool");
	if (!xml_is(root, "pool") || !get_text(xml_child(root, "name"), found, sizeof(found)) ||
	    strcmp(found, name) != 0 || !xml_attr(root, "type", pool->type, sizeof(pool->type)))
		return fail(err, EBADMSG, "not the definition of a storage pool %s", name);
	get_text(xml_child(xml_child(root, "target"), "path"), pool->path, sizeof(pool->path));
	if (find_kind(pool->type) && pool->path[0] != '/')
		return fail(err, EBADMSG, "its target has no absolute path");
	return 0;
}

/* @path: of the file, for messages. */
static int open_file(const char *folder, const char *name, char *path, size_t size)
{
	if (!str_printf(path, size, "%s/%s.xml", folder, name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

static int read_pool(const char *name, struct pool *pool, bool *active, struct error *err)
{
	char path[512];
	AUTO_FD int fd = open_file(STATES, name, path, sizeof(path));
	AUTO_FREE char *text = NULL;
	size_t len;

	*active = fd >= 0;
	if (fd < 0 && errno == ENOENT)
		fd = open_file(DEFINITIONS, name, path, sizeof(path));
	if (fd < 0 && errno == ENOENT)
		return fail(err, ENOENT, "there is no storage pool %s (see virsh pool-list "
			    "--all)", name);
	if (fd < 0)
		return fail_errno(err, "cannot open %s", path);
	if (read_all(fd, FILE_LIMIT, &text, &len, err) < 0 ||
	    pool_parse(text, len, name, pool, err) < 0)
		return error_prefix(err, "%s", path);
	return 0;
}

/* ---- what a disk names --------------------------------------------------------- */

int pool_volume(const xmlNode *source, char *path, size_t size, struct error *err)
{
	char name[NAME_SIZE], volume[256], word[4 * NAME_SIZE];
	const struct kind *kind;
	struct pool pool;
	bool active;

	if (!get_name(source, "pool", name, sizeof(name)) ||
	    !get_name(source, "volume", volume, sizeof(volume)))
		return fail(err, ENOENT, "its <source> names a storage pool and a volume, one of "
			    "them with an invalid name");
	if (read_pool(name, &pool, &active, err) < 0)
		return -1;
	kind = find_kind(pool.type);
	if (!kind)
		return fail(err, ENOTSUP, "its storage pool %s is of type %s: only volumes of the "
			    "types dir, fs, netfs and logical are supported", name,
			    pool.type);
	if (!active && !kind->always)
		return fail(err, EAGAIN, "its storage pool %s is not active (virsh pool-start %s)",
			    name, shell_word(name, word, sizeof(word)));
	if (!str_printf(path, size, "%s/%s", pool.path, volume))
		return fail(err, ENAMETOOLONG, "%s/%s: name too long", pool.path, volume);
	return 0;
}

bool pool_is_active(const xmlNode *source)
{
	char name[NAME_SIZE], path[512];

	return get_name(source, "pool", name, sizeof(name)) &&
	       str_printf(path, sizeof(path), STATES "/%s.xml", name) &&
	       faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
