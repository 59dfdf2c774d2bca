// SPDX-License-Identifier: GPL-2.0-or-later
/* files.c - what a hook reads from libvirt's own files */

#include "hook/libvirt/files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "hook/libvirt/sources.h"

#define DOMAIN_LOG "/var/log/libvirt/qemu/%s.log"
#define DOMAIN_STATUS "/run/libvirt/qemu/%s.xml"
#define DOMAIN_XML BUSFLIP_SYSCONFDIR "/libvirt/qemu/%s.xml"
#define STARTING_UP ": starting up libvirt version: "
#define SHUTTING_DOWN ": shutting down, reason="

/* Linux starts no program with more than 6 MiB of arguments (fs/exec.c). */
#define ARGS_LIMIT (8u << 20)

static bool host_path(char *path, size_t size, const char *fmt, const char *name)
{
	const char *where = strstr(fmt, "%s");

	return !strchr(name, '/') &&
	       str_printf(path, size, "%.*s%s%s", (int)(where - fmt), fmt, name,
			  where + 2);
}

static int read_file(const char *path, size_t limit, char **bytes, size_t *len,
		     struct error *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		fail_errno(err, "cannot open %s", path);
		return -1;
	}
	if (read_all(fd, limit, bytes, len, err) == 0)
		return 0;
	error_prefix(err, "%s", path);
	return -1;
}

/* ---- the domain's log ---------------------------------------------------- */

/*
 * Read the end of a text file, at most @size - 1 bytes.
 */
static size_t read_tail(const char *path, char *buf, size_t size)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	ssize_t n = -1;

	if (end >= 0)
		n = pread(fd, buf, size - 1,
			  end > (off_t)size - 1 ? end - (off_t)size + 1 : 0);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static const char *last_occurrence(const char *text, const char *what)
{
	const char *found = NULL;

	for (const char *p = text; (p = strstr(p, what)); p++)
		found = p;
	return found;
}

/*
 * A second source: libvirt loses the reason if the daemon is restarted, or the guest started
 * again, before anybody asks for it.
 */
void libvirt_logged_reason(const char *name, char *buf, size_t size)
{
	char path[4096], tail[16384];
	const char *down, *up;
	size_t len;

	buf[0] = '\0';
	if (!host_path(path, sizeof(path), DOMAIN_LOG, name) ||
	    !read_tail(path, tail, sizeof(tail)))
		return;
	down = last_occurrence(tail, SHUTTING_DOWN);
	up = last_occurrence(tail, STARTING_UP);
	if (!down || (up && up > down))
		return;
	down += strlen(SHUTTING_DOWN);
	len = strcspn(down, "\n");
	if (len < size) {
		memcpy(buf, down, len);
		buf[len] = '\0';
	}
}

bool libvirt_ended_start(const char *name)
{
	char path[4096], tail[16384];
	const char *up, *down;

	if (!host_path(path, sizeof(path), DOMAIN_LOG, name) ||
	    !read_tail(path, tail, sizeof(tail)))
		return false;
	up = last_occurrence(tail, STARTING_UP);
	down = last_occurrence(tail, SHUTTING_DOWN);
	/* Only lines of this start, not of an earlier one that got further. */
	return up && down && strstr(up, SHUTTING_DOWN) == down &&
	       strstr(up, ": terminating on signal ");
}

/* ---- the definition ------------------------------------------------------ */

bool libvirt_is_defined(const char *name)
{
	char path[4096];

	return host_path(path, sizeof(path), DOMAIN_XML, name) &&
	       access(path, F_OK) == 0;
}

int libvirt_definition(const char *name, struct domain *domain, struct error *err)
{
	AUTO_FREE char *xml = NULL;
	char path[4096];
	size_t len;

	if (!host_path(path, sizeof(path), DOMAIN_XML, name))
		return fail(err, EINVAL, "%s is not a domain name", name);
	if (read_file(path, XML_LIMIT, &xml, &len, err) < 0)
		return -1;
	return domain_parse_bare(xml, len, domain, err) < 0 ? error_prefix(err, "%s", path) : 0;
}

static bool is_same_source(const xmlNode *a, const xmlNode *b)
{
	/* The attributes that name a location, for all types of disks. */
	static const char *const names[] = {
		"file", "dev", "dir", "protocol", "name", "pool", "volume",
	};
	char in_a[4096], in_b[4096];

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		xml_attr(a, names[i], in_a, sizeof(in_a));
		xml_attr(b, names[i], in_b, sizeof(in_b));
		if (strcmp(in_a, in_b) != 0)
			return false;
	}
	return true;
}

/* Compare images, not targets: a command may have moved the disk to another bus. */
static bool has_image(const struct domain *domain, const xmlNode *source)
{
	const xmlNode *disk = xml_child(domain->devices, "disk");

	while (disk && !(xml_child(disk, "source") &&
			 is_same_source(xml_child(disk, "source"), source)))
		disk = xml_next(disk, "disk");
	return disk;
}

bool libvirt_names_other_images(const struct domain *live, const xmlNode *disk)
{
	AUTO_DOMAIN struct domain defined = { 0 };
	const xmlNode *all = xml_child(live->devices, "disk"), *source;

	if (libvirt_definition(live->name, &defined, NULL) < 0)
		return false;
	for (; all; all = xml_next(all, "disk")) {
		source = xml_child(all, "source");
		if (source && disk_is_hard_disk(all) && !disk_is_bait(all) &&
		    (!disk || disk == all) && !has_image(&defined, source))
			return true;
	}
	return false;
}

/*
 * Search inside the <domain> only: before it a snapshot lists the overlays that its last revert
 * has made, which the next one removes. A managed save begins with the XML.
 */
static bool names_file(const char *bytes, size_t len, const char *wanted)
{
	const char *domain = memmem(bytes, len, "<domain ", 8);
	size_t left = domain ? len - (size_t)(domain - bytes) : 0;

	return domain && memmem(domain, left, wanted, strlen(wanted));
}

/* Read the first XML_LIMIT bytes: a managed save has the guest's memory after its XML. */
static int read_head(int fd, char **bytes, size_t *len)
{
	ssize_t n = 0;

	*len = 0;
	*bytes = malloc(XML_LIMIT);
	while (*bytes && *len < XML_LIMIT &&
	       (n = read(fd, *bytes + *len, XML_LIMIT - *len)) > 0)
		*len += (size_t)n;
	return *bytes && n >= 0 ? 0 : -1;
}

static bool file_names_file(const char *path, const char *wanted)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	AUTO_FREE char *bytes = NULL;
	size_t used = 0;

	if (fd < 0 && errno == ENOENT)
		return false;
	return fd < 0 || read_head(fd, &bytes, &used) < 0 || names_file(bytes, used, wanted);
}

/* @path NULL: some files can't be read. */
static int names_wanted(const char *path, void *wanted)
{
	return !path || file_names_file(path, wanted);
}

bool libvirt_names_file(const char *path)
{
	char quoted[4096];

	return !str_printf(quoted, sizeof(quoted), "'%s'", path) ||
	       sources_each_file(names_wanted, quoted);
}

/* @root: of a definition, or of a status file, which contains one. */
static bool is_writer(xmlNode *root, const char *image)
{
	const xmlNode *domain = xml_child(root, "domain") ? xml_child(root, "domain") : root;
	const xmlNode *disk = xml_child(xml_child(domain, "devices"), "disk");

	while (disk && (!xml_attr_is(xml_child(disk, "source"), "file", image) ||
			xml_child(disk, "readonly") || xml_attr_is(disk, "device", "cdrom")))
		disk = xml_next(disk, "disk");
	return disk;
}

static bool file_has_writer(const char *path, const char *image)
{
	AUTO_FREE char *bytes = NULL;
	AUTO_XML_DOC xmlDoc *doc = NULL;
	struct error err;
	size_t len;

	if (read_file(path, XML_LIMIT, &bytes, &len, &err) < 0)
		return err.code != ENOENT;
	/* As in XML, except for characters that it would escape. */
	if (!memmem(bytes, len, image, strcspn(image, "<>&'\"")))
		return false;
	doc = xml_parse_bare(bytes, len, NULL);
	return !doc || is_writer(xmlDocGetRootElement(doc), image);
}

bool libvirt_writes_file(const char *path, char *name, size_t size)
{
	static const char *const patterns[] = {
		BUSFLIP_SYSCONFDIR "/libvirt/qemu/*.xml", "/run/libvirt/qemu/*.xml",
	};
	bool found = false;

	for (unsigned i = 0; i < ARRAY_SIZE(patterns) && !found; i++) {
		glob_t files;
		int r = glob(patterns[i], GLOB_NOSORT, NULL, &files);

		found = r != 0 && r != GLOB_NOMATCH;
		str_fits(name, size, "?");
		for (size_t k = 0; r == 0 && k < files.gl_pathc && !found; k++) {
			const char *file = strrchr(files.gl_pathv[k], '/') + 1;

			found = file_has_writer(files.gl_pathv[k], path);
			str_printf(name, size, "%.*s", (int)strlen(file) - 4, file);
		}
		if (r == 0)
			globfree(&files);
	}
	return found;
}

bool libvirt_has_block_job(const char *name)
{
	AUTO_FREE char *status = NULL;
	AUTO_XML_DOC xmlDoc *doc = NULL;
	char path[4096];
	size_t len;

	if (!host_path(path, sizeof(path), DOMAIN_STATUS, name) ||
	    read_file(path, XML_LIMIT, &status, &len, NULL) < 0)
		return false;
	doc = xml_parse_bare(status, len, NULL);
	return doc && xml_attr_is(xml_child(xmlDocGetRootElement(doc), "blockjobs"),
				  "active", "yes");
}

/* ---- how it was started -------------------------------------------------- */

static bool has_argument(const char *args, size_t len, const char *wanted)
{
	size_t n = strlen(wanted) + 1;

	for (size_t at = 0; at < len; at += strnlen(args + at, len - at) + 1)
		if (len - at >= n && memcmp(args + at, wanted, n) == 0)
			return true;
	return false;
}

int libvirt_start_of_status(const char *status, size_t len, struct start *start, int *pid,
			    struct error *err)
{
	AUTO_XML_DOC xmlDoc *doc = xml_parse_bare(status, len, err);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;

	*start = (struct start){ .kind = START_CONTINUES, .id = -1 };
	*pid = -1;
	if (!root)
		return -1;
	*pid = (int)xml_attr_number(root, "pid");
	start->id = (int)xml_attr_number(xml_child(root, "domain"), "id");
	if (!xml_is(root, "domstatus") || *pid <= 0 || start->id < 0)
		return fail(err, EINVAL, "this is not the status of a running domain");
	if (xml_attr_is(root, "state", "running") && xml_attr_is(root, "reason", "booted"))
		start->kind = START_BOOTS;
	else if (xml_attr_is(root, "state", "paused") && xml_attr_is(root, "reason", "user") &&
		 xml_attr_is(xml_child(root, "job"), "async", "start"))
		start->kind = START_BOOTS_PAUSED;
	return 0;
}

int libvirt_start(const char *name, struct start *start, struct error *err)
{
	AUTO_FREE char *status = NULL, *args = NULL;
	char path[4096];
	size_t len;
	int pid;

	*start = (struct start){ .kind = START_CONTINUES, .id = -1 };
	if (!host_path(path, sizeof(path), DOMAIN_STATUS, name))
		return fail(err, EINVAL, "%s is not a domain name", name);
	if (read_file(path, XML_LIMIT, &status, &len, err) < 0)
		return -1;
	if (libvirt_start_of_status(status, len, start, &pid, err) < 0)
		return error_prefix(err, "%s", path);
	/* QEMU can't end unnoticed while libvirt waits for the hook: the number is still its. */
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	if (read_file(path, ARGS_LIMIT, &args, &len, err) < 0) {
		start->kind = START_CONTINUES;
		return -1;
	}
	if (has_argument(args, len, "-incoming") || has_argument(args, len, "-loadvm"))
		start->kind = START_CONTINUES;
	return 0;
}
