// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * drivers.c - the files of one driver in a virtio-win tree; the only user of libarchive
 *
 * The index has the files for all Windows versions and architectures, because the Windows is
 * not known yet when it is made. For a directory it holds an open descriptor for each file; for
 * an ISO (which can only be read sequentially) the bytes: some MB for one driver. A directory
 * is walked before the sandbox, in which nothing can be opened, and no link in it is followed.
 * An ISO is parsed in the sandbox; libarchive is loaded before it, and only for an ISO: with
 * its own dependencies it would cost each run 2 ms.
 */

#include "helper/drivers/drivers-internal.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define TREE_DEPTH 8
#define TREE_ENTRIES 100000u	/* an ISO has some 3000 */
#define ISO_BLOCK 65536
#define ISO_BYTES ((uint64_t)64 << 20)	/* of the files of one driver */

/* ---- which files --------------------------------------------------------- */

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && strcasecmp(name + n - m, suffix) == 0;
}

static bool wanted_name(const char *name)
{
	return has_suffix(name, ".sys") || has_suffix(name, ".inf") ||
	       has_suffix(name, ".cat");
}

/* The last four components of a path; false if it has fewer. */
static bool last_parts(char *path, const char *part[4])
{
	for (int i = 3; i >= 0; i--) {
		char *slash = strrchr(path, '/');

		part[i] = slash ? slash + 1 : path;
		if (slash)
			*slash = '\0';
		else if (i > 0)
			return false;
	}
	return true;
}

/* <driver>/<os>/<arch>/<file>, or by-os/<arch>/<os>/<file>, where the files of all drivers are
 * in one directory. */
static bool classify(const char *path, const char *driver,
		     struct driver_entry *e)
{
	const char *part[4], *os, *arch;
	char copy[FACT_TEXT];
	size_t n = strlen(driver);

	if (!str_fits(copy, sizeof(copy), path) || !last_parts(copy, part) ||
	    !wanted_name(part[3]))
		return false;
	if (strcasecmp(part[0], driver) == 0) {
		os = part[1];
		arch = part[2];
	} else if (strcasecmp(part[0], "by-os") == 0 &&
		   strncasecmp(part[3], driver, n) == 0 && part[3][n] == '.') {
		arch = part[1];
		os = part[2];
	} else {
		return false;
	}
	return str_fits(e->os, sizeof(e->os), os) &&
	       str_fits(e->arch, sizeof(e->arch), arch) &&
	       str_fits(e->name, sizeof(e->name), part[3]) &&
	       str_printf(e->directory, sizeof(e->directory), "%s/%s/%s",
			  part[0], part[1], part[2]);
}

static struct driver_entry *add_entry(struct drivers *set,
				      const struct driver_entry *e,
				      struct error *err)
{
	if (set->n == DRIVER_ENTRIES) {
		fail(err, REFUSE_NO_DRIVER, "%s: too many driver files", set->shown);
		return NULL;
	}
	set->entries[set->n] = *e;
	return &set->entries[set->n++];
}

/* ---- a directory --------------------------------------------------------- */

struct walk {
	struct drivers *set;
	size_t seen;
	char path[FACT_TEXT];
};

static int walk_folder(struct walk *w, int fd, size_t depth, struct error *err);

static int walk_file(struct walk *w, int folder, const char *name,
		     struct error *err)
{
	struct driver_entry e = { .fd = -1 };
	AUTO_FD int fd = -1;
	struct stat st;

	if (!classify(w->path, w->set->driver, &e))
		return 0;
	fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0 && errno == ELOOP) {
		w->set->has_links = true;
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_errno(err, "%s/%s", w->set->shown, w->path);
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 ||
	    (uint64_t)st.st_size > DRIVER_SIZE)
		return 0;
	e.size = (uint64_t)st.st_size;
	e.fd = fd;
	if (!add_entry(w->set, &e, err))
		return -1;
	(void)steal_fd(&fd);	/* now owned by the set */
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than TREE_DEPTH */
static int walk_entry(struct walk *w, int folder, const struct dirent *d,
		      size_t depth, struct error *err)
{
	AUTO_FD int fd = -1;

	if (++w->seen > TREE_ENTRIES)
		return fail(err, REFUSE_NO_DRIVER, "%s: too many files", w->set->shown);
	if (wanted_name(d->d_name))
		return walk_file(w, folder, d->d_name, err);
	if (d->d_type == DT_LNK)
		w->set->has_links = true;
	if (d->d_type != DT_DIR && d->d_type != DT_UNKNOWN)
		return 0;
	fd = openat(folder, d->d_name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? 0 : walk_folder(w, fd, depth + 1, err);
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than TREE_DEPTH */
static int walk_folder(struct walk *w, int fd, size_t depth, struct error *err)
{
	size_t used = strlen(w->path);
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *d;

	if (!dir) {
		cleanup_close(&copy);
		return fail_errno(err, "%s/%s", w->set->shown, w->path);
	}
	while (ret == 0 && depth < TREE_DEPTH && (d = readdir(dir))) {
		if (str_eq(d->d_name, ".") || str_eq(d->d_name, ".."))
			continue;
		if (str_printf(w->path + used, sizeof(w->path) - used, "%s%s",
			       used ? "/" : "", d->d_name))
			ret = walk_entry(w, fd, d, depth, err);
		w->path[used] = '\0';
	}
	closedir(dir);
	return ret;
}

/* ---- an ISO -------------------------------------------------------------- */

#define FUNCTIONS(F) \
	F(archive_entry_filetype) \
	F(archive_entry_pathname) \
	F(archive_entry_size) \
	F(archive_error_string) \
	F(archive_read_data) \
	F(archive_read_free) \
	F(archive_read_new) \
	F(archive_read_next_header) \
	F(archive_read_open_fd) \
	F(archive_read_support_format_iso9660)

/* The prototypes are libarchive's own, so calls are type-checked. */
#define POINTER(name) __typeof__(name) *name;
static struct {
	FUNCTIONS(POINTER)
} lib;

static int load_library(struct error *err)
{
	static iconv_t names;
	void *handle = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL), *symbol;

	if (!handle)
		return fail(err, ELIBACC, "cannot load libarchive (is it installed?): %s",
			    dlerror());
#define RESOLVE(name) \
	symbol = dlsym(handle, #name); \
	if (!symbol) \
		return fail(err, ELIBACC, "libarchive is too old: no " #name); \
	memcpy(&lib.name, &symbol, sizeof(symbol));
	FUNCTIONS(RESOLVE)
	/* Joliet names are converted by a module that glibc could not load in the sandbox. It
	 * stays loaded as long as this is open. Without it names are treated as ASCII, which
	 * is enough for names of drivers. */
	if (!names)
		names = iconv_open(nl_langinfo(CODESET), "UTF-16BE");
	return 0;
}

static int iso_failed(const struct drivers *set, struct archive *a,
		      struct error *err)
{
	const char *why = lib.archive_error_string(a);

	return fail(err, REFUSE_NO_DRIVER, "%s: %s", set->shown,
		    why ? why : "no readable ISO image");
}

static int iso_file(struct drivers *set, struct archive *a,
		    struct archive_entry *entry, struct error *err)
{
	struct driver_entry e = { .fd = -1 }, *added;
	const char *path = lib.archive_entry_pathname(entry);
	int64_t size = lib.archive_entry_size(entry);
	la_ssize_t n, used = 0;

	if (!path || lib.archive_entry_filetype(entry) != AE_IFREG || size <= 0 ||
	    (uint64_t)size > DRIVER_SIZE || !classify(path, set->driver, &e))
		return 0;
	e.size = (uint64_t)size;
	set->bytes += e.size;
	if (set->bytes > ISO_BYTES)
		return fail(err, REFUSE_NO_DRIVER, "%s: driver files too large",
			    set->shown);
	added = add_entry(set, &e, err);
	if (!added)
		return -1;
	added->data = malloc((size_t)size);
	if (!added->data)
		return fail(err, ENOMEM, "out of memory");
	while (used < size) {
		n = lib.archive_read_data(a, added->data + used,
				      (size_t)(size - used));
		if (n <= 0)
			return n < 0 ? iso_failed(set, a, err)
				: fail(err, REFUSE_NO_DRIVER, "%s: %s is cut off",
				       set->shown, path);
		used += n;
	}
	return 0;
}

static int read_iso(struct drivers *set, struct error *err)
{
	struct archive_entry *entry;
	struct archive *a;
	size_t seen = 0;
	int r, ret = 0;

	a = lib.archive_read_new();
	if (!a)
		return fail(err, ENOMEM, "out of memory");
	if (lseek(set->iso, 0, SEEK_SET) < 0 ||
	    lib.archive_read_support_format_iso9660(a) != ARCHIVE_OK ||
	    lib.archive_read_open_fd(a, set->iso, ISO_BLOCK) != ARCHIVE_OK)
		ret = iso_failed(set, a, err);
	while (ret == 0 && seen++ < TREE_ENTRIES) {
		r = lib.archive_read_next_header(a, &entry);
		if (r == ARCHIVE_EOF)
			break;
		ret = r < ARCHIVE_WARN ? iso_failed(set, a, err)
				       : iso_file(set, a, entry, err);
	}
	lib.archive_read_free(a);
	return ret;
}

/* ---- the set ------------------------------------------------------------- */

int drivers_open(int fd, bool iso, const char *shown, enum target_bus kind,
		 struct drivers **out, struct error *err)
{
	struct drivers *set = calloc(1, sizeof(*set));
	struct walk walk = { .set = set };
	int r;

	if (!set) {
		close(fd);
		return fail(err, ENOMEM, "out of memory");
	}
	set->driver = virtio_service_name(kind);
	str_fits(set->shown, sizeof(set->shown), shown);
	set->iso = iso ? fd : -1;
	if (iso) {
		r = lib.archive_read_new ? 0 : load_library(err);
	} else {
		r = walk_folder(&walk, fd, 0, err);
		/* A descriptor of a folder would give access to files outside of the sandbox. */
		close(fd);
	}
	if (r < 0) {
		drivers_free(set);
		return -1;
	}
	*out = set;
	return 0;
}

int drivers_index(struct drivers *set, struct error *err)
{
	int r = set->iso < 0 ? 0 : read_iso(set, err);

	cleanup_close(&set->iso);
	return r;
}

void drivers_free(struct drivers *set)
{
	for (size_t i = 0; set && i < set->n; i++) {
		free(set->entries[i].data);
		if (set->entries[i].fd >= 0)
			close(set->entries[i].fd);
	}
	if (set)
		cleanup_close(&set->iso);
	free(set);
}

int drivers_read(const struct drivers *set, size_t index, uint8_t **data,
		 size_t *len, struct error *err)
{
	const struct driver_entry *e = &set->entries[index];
	AUTO_FREE uint8_t *copy = malloc((size_t)e->size);
	size_t used = 0;
	ssize_t n;

	if (!copy)
		return fail(err, ENOMEM, "out of memory");
	if (e->data)
		memcpy(copy, e->data, (size_t)e->size);
	while (!e->data && used < e->size) {
		n = pread(e->fd, copy + used, (size_t)e->size - used,
			  (off_t)used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(err, EIO, "%s/%s/%s: cannot read",
				    set->shown, e->directory, e->name);
		used += (size_t)n;
	}
	*data = steal(&copy);
	*len = (size_t)e->size;
	return 0;
}
