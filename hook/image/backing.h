/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backing.h - which files an image needs, so that qemu-nbd may open just those
 *
 * Only image headers are read, which QEMU on the host wrote; the guest can't
 * reach them, and an image that is given as raw is never looked into. Follows
 * what QEMU and libvirt would open when the guest starts, under their rule that
 * a backing file counts only with its format written down. Nothing but files and
 * block devices is even opened.
 *
 * Images come from elsewhere, too, and busflip is root. A name in one of them must
 * give it no more than libvirt would:
 *
 * backing files	are read, wherever they are: libvirt gives the whole chain to QEMU's
 *			user (virSecurityDACSetImageLabelRelative() in
 *			src/security/security_dac.c of 9.0.0), so who can have a domain
 *			started reads them all the same.
 * data files, extents	libvirt gives to nobody (before 10.10, and extents to this day): QEMU
 *			can open them only where its user may by itself. They are the
 *			image's own, also when they are only read, and also those of a
 *			backing file, or the image is refused:
 *			- a file in the image's folder,
 *			- with a name that begins with the image's, without its suffix,
 *			  and then a sign: win-flat.vmdk, win-s001.vmdk, win.raw of win.vmdk,
 *			- of the image's owner and not less open to writers, as a disk that
 *			  was made as root is, or what QEMU's user may write (read,
 *			  below the image),
 *			- what no other image or domain has (claims.h).
 *			What is left: somebody who can have an image called win made in the
 *			folder and with the owner of a file win-*, which no domain has, nor
 *			another image beside it.
 *
 * Names that other formats have in them (qed, qcow, parents of sparse vmdk and of vhdx) are
 * not looked for. The jail of qemu-nbd lets none of those files be opened.
 */
#ifndef BUSFLIP_BACKING_H
#define BUSFLIP_BACKING_H

#include "hook/host/access.h"

#define BACKING_LIMIT 64

struct backing {
	size_t count;			/* without the image itself */
	char *paths[BACKING_LIMIT];	/* canonical, owned */
	char *names[BACKING_LIMIT];	/* as the image has it, in its folder; owned */
	char formats[BACKING_LIMIT][64];	/* of backing files; others: "" */
	bool writable[BACKING_LIMIT];	/* data files and extents of the image */
	const struct access_user *qemu;	/* as backing_find() was given it */
	bool read_only_kind;		/* the format can't be written, ... */
	const char *why;		/* ... because */
};

/* Instead of a deadline: skip claims_check(), to finish a journal. It passed when the patch
 * began, and the journal is compared with the disk before anything is written. What others have
 * defined since then must not keep the guest from starting. */
#define BACKING_OF_JOURNAL 0

/*
 * backing_find() - @path is canonical, @format as QEMU names it; @qemu: the user that QEMU
 * runs as, or NULL where that is not known. @out is freed by backing_free() in any case.
 *
 * @deadline: monotonic_ms(), for claims_check() of each image of the chain that has data files
 * or extents.
 */
int backing_find(const char *path, const char *format, const struct access_user *qemu,
		 int64_t deadline, struct backing *out, struct error *err);
void backing_free(struct backing *backing);

#endif
