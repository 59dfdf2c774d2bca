/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drivers.h - choose the right VirtIO storage driver from a virtio-win tree
 *
 * drivers.c is the only user of libarchive. The path of virtio-win is in /etc/busflip.conf,
 * owned by root; an ISO is parsed in the sandbox all the same. It is read into memory, a
 * directory as open descriptors, in both cases only the files of the one driver that is needed.
 * The choice is pure and made in the sandbox, when the Windows is known.
 *
 *	drivers_open(fd, iso, shown, TARGET_VIRTIO, &set, err)	before the sandbox
 *	drivers_index(set, err)				in it
 *	drivers_pick(set, win, &pick, err)		REFUSE_NO_DRIVER: why
 *	pick.keep: an equal or newer driver is installed, keep it
 *	else for each pick.files: drivers_read(), then volume_create():
 *	  the .sys to <root>/System32/drivers, and .inf, .cat, .sys to
 *	  <root>/Drivers/VirtIO (EDITS_PACKAGE_DIR)
 *	drivers_free(set)
 *
 * Which directory is for which Windows: driverpick.c.
 */
#ifndef BUSFLIP_DRIVERS_H
#define BUSFLIP_DRIVERS_H

#include "helper/windows/pe.h"
#include "helper/windows/windows.h"

#define DRIVER_FILES 16		/* of one package */
#define DRIVER_SIZE ((size_t)8 << 20)	/* of one file; real ones: 300 KB */

struct drivers;

struct driver_file {
	char name[64];		/* as named in the guest, lower case */
	size_t index;		/* for drivers_read() */
	uint64_t size;
};

struct driver_pick {
	bool keep;		/* nothing to copy */
	char directory[FACT_TEXT];	/* within virtio-win */
	char warning[FACT_TEXT];	/* "", or that it is made for an older Windows */
	struct pe pe;		/* of the .sys */
	struct driver_file sys;
	struct driver_file files[DRIVER_FILES];	/* .inf .cat .sys and more */
	size_t n_files;
};

/*
 * drivers_open() - open everything needed from outside for one driver
 *
 * @fd: a directory, or if @iso an ISO image; owned by the set afterwards, even after a failure.
 * A directory is walked, and links in it are not followed; nothing of an ISO is read yet. Both
 * layouts of virtio-win are supported: <driver>/<os>/<arch> and by-os/<arch>/<os>, in any case.
 * @shown is the path for messages. drivers_free() frees *@out. REFUSE_NO_DRIVER: more files
 * than one driver may have.
 */
int drivers_open(int fd, bool iso, const char *shown, enum target_bus kind,
		 struct drivers **out, struct error *err);

/* drivers_index() - find the files; call it once. An empty result is not an error yet.
 * REFUSE_NO_DRIVER: damaged, or more files than one driver may have. */
int drivers_index(struct drivers *set, struct error *err);
void drivers_free(struct drivers *set);

/*
 * drivers_pick() - the package for @win
 *
 * @set may be NULL: virtio_win is not configured; then only an installed driver will do.
 * REFUSE_NO_DRIVER names driver, Windows and path.
 */
int drivers_pick(const struct drivers *set, const struct windows *win,
		 enum target_bus kind, struct driver_pick *pick,
		 struct error *err);

/* drivers_read() - read one file; the caller frees *@data. */
int drivers_read(const struct drivers *set, size_t index, uint8_t **data,
		 size_t *len, struct error *err);

/* drivers_os_directories() - directory names that fit @win, best first, ended by NULL; *@exact
 * of them are for exactly this Windows. At most DRIVER_OS_NAMES. If nothing fits, the first is
 * NULL. */
#define DRIVER_OS_NAMES 16
void drivers_os_directories(const struct windows *win,
			    const char *names[DRIVER_OS_NAMES], size_t *exact);

#endif
