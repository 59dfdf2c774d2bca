/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backing.h - the files that an image needs, so that qemu-nbd may open only those
 *
 * Only image headers are read. QEMU on the host wrote them and the guest can't reach them; an
 * image given as raw is never examined. The result is what QEMU and libvirt would open when the
 * guest starts, by their rule that a backing file counts only if its format is recorded.
 * Nothing except files and block devices is even opened.
 *
 * Images may come from elsewhere, and busflip runs as root. A name in an image must not give it
 * more than libvirt would:
 *
 * backing files	are read, wherever they are: libvirt gives the whole chain to QEMU's
 *			user (virSecurityDACSetImageLabelRelative() in
 *			src/security/security_dac.c of 9.0.0), so anybody who can have a
 *			domain started can read them anyway.
 * data files, extents	are given to nobody by libvirt (before 10.10, and extents to this
 *			day): QEMU can open them only if its user may do so without libvirt.
 *			They must belong to the image, even if they are only read, and also
 *			those of a backing file; otherwise the image is refused. They are:
 *			- a file in the image's folder,
 *			- with a name that begins with the image's, without its suffix,
 *			  and then a sign: win-flat.vmdk, win-s001.vmdk, win.raw of win.vmdk,
 *			- of the image's owner and not writable by more users, like a disk
 *			  that was made as root, or a file that QEMU's user may write
 *			  (read, below the image),
 *			- not another image's or domain's as well (claims.h).
 *			What remains possible: somebody who can have an image called win
 *			created in the folder, with the owner of a file win-* that belongs
 *			to no domain and to no other image in the folder.
 *
 * Names inside other formats (qed, qcow, parents of sparse vmdk and of vhdx) are not followed.
 * The jail of qemu-nbd lets none of those files be opened.
 */
#ifndef BUSFLIP_BACKING_H
#define BUSFLIP_BACKING_H

#include "hook/host/access.h"

#define BACKING_LIMIT 64

struct backing {
	size_t count;			/* without the image itself */
	char *paths[BACKING_LIMIT];	/* canonical, owned */
	char *names[BACKING_LIMIT];	/* as the image names it, in its folder; owned */
	char formats[BACKING_LIMIT][64];	/* of backing files; "" for others */
	bool writable[BACKING_LIMIT];	/* data files and extents of the image */
	const struct access_user *qemu;	/* as given to backing_find() */
	bool read_only_kind;		/* the format can't be written, ... */
	const char *why;		/* ... for this reason */
};

/* Instead of a deadline: skip claims_check(), to finish a journal. It passed when the patch
 * began, and the journal is compared with the disk before anything is written. What others have
 * defined since then must not keep the guest from starting. */
#define BACKING_OF_JOURNAL 0

/*
 * backing_find() - @path is canonical, @format as QEMU names it; @qemu: the user that QEMU
 * runs as, or NULL if unknown. In any case backing_free() frees @out.
 *
 * @deadline: monotonic_ms(), for claims_check() of each image of the chain that has data files
 * or extents.
 */
int backing_find(const char *path, const char *format, const struct access_user *qemu,
		 int64_t deadline, struct backing *out, struct error *err);
void backing_free(struct backing *backing);

#endif
