// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup-files.c - the files that QEMU needs: whether they exist, are valid and accessible */

#include "hook/checkup/checkup-parts.h"

#include <errno.h>
#include <string.h>

#include "helper/shared/text.h"
#include "hook/checkup/magic.h"
#include "hook/host/cure.h"

/* ---- is it what the definition says? ---------------------------------------- */

/* A LUKS header is no format of a raw disk: libvirt calls a disk raw that QEMU decrypts
 * (<encryption>, docs/formatstorageencryption.rst), and a guest may encrypt its own disk. */
static bool fits(const char *said, const char *seen)
{
	return strcmp(said, seen) == 0 ||
	       (strcmp(said, "raw") == 0 && strcmp(seen, "luks") == 0);
}

bool checkup_format(struct patient *p, const struct need *need, const xmlNode *disk,
		    const char *said, const char *seen)
{
	char target[TARGET_SIZE] = "TARGET", word[4 * TARGET_SIZE];
	bool raw = strcmp(said, "raw") == 0;
	struct checkup_item *item;

	if (fits(said, seen))
		return true;
	disk_target(disk, target, sizeof(target));
	shell_word(target, word, sizeof(word));
	if (raw) {
		item = checkup_add(p, need->item, VERDICT_NO, "%sthe definition says raw, but %s "
				   "begins as %s does", need->of, need->path, seen);
		checkup_cure(item, "if the guest has never run with raw: virt-xml %s --edit "
			     "target=%s --disk driver.type=%s; never do so for a disk that a guest "
			     "has used as raw: the guest may have written that header",
			     p->name_word, word, seen);
	} else {
		item = checkup_add(p, need->item, VERDICT_NO, "%sthe definition says %s, but %s "
				   "is %s", need->of, said, need->path, seen);
		checkup_cure(item, "virt-xml %s --edit target=%s --disk driver.type=%s",
			     p->name_word, word, seen);
	}
	return false;
}

static void check_format(struct patient *p)
{
	const struct need need = { .item = "format", .of = "", .path = p->image.path };
	const char *said = p->image.format, *seen;
	struct error err = { 0 };

	seen = magic_format(p->image.path, &err);
	if (!seen && checkup_denied(p, "format", &err))
		return;
	if (!seen)
		checkup_wrong(p, "format", &err, "correct the <source> of disk %s with virsh "
			      "edit %s", p->target_word, p->name_word);
	else if (checkup_format(p, &need, p->disk, said, seen))
		checkup_add(p, "format", VERDICT_YES, "%s", said);
	else
		p->wrong_format = true;
}

static void no_chain(struct patient *p, const struct error *err)
{
	const char *cure = cure_at_import(err->code);
	struct checkup_item *item;

	if (checkup_denied(p, "backing", err))
		return;
	item = checkup_add(p, "backing", VERDICT_NO, "%s", err->msg);
	if (cure)
		checkup_cure(item, "%s", cure);
	else
		checkup_cure(item, "qemu-img info --backing-chain %s; qemu-img rebase -u corrects "
			     "a wrong name", p->path_word);
}

static void check_chain(struct patient *p, struct backing *backing)
{
	const struct need need = { .item = "backing", .of = "", .path = p->image.path };
	struct error err = { 0 };
	enum chain chain = checkup_chain(p, &need, p->disk, p->image.format, backing, &err);

	p->own_chain = chain > CHAIN_UNREADABLE;
	if (chain == CHAIN_UNREADABLE)
		no_chain(p, &err);
	else if (chain == CHAIN_ENDED)
		checkup_add(p, "backing", VERDICT_YES, "none, by the definition (<backingStore/>)");
	else if (chain == CHAIN_OTHER)
		checkup_add(p, "backing", VERDICT_UNKNOWN, "the definition names other files "
			    "(<backingStore>) than %s does", p->image.path);
	else if (chain == CHAIN_OF_IMAGE && backing->count)
		checkup_add(p, "backing", VERDICT_YES, "%zu more files", backing->count);
}

static void check_access(struct patient *p, const struct backing *backing)
{
	struct checkup_item *item;
	char user[64];

	if (p->no_user[0]) {
		item = checkup_add(p, "access", VERDICT_NO, "QEMU would run as %s, by its "
				   "<seclabel>: not a user and a group of this host",
				   p->no_user);
		checkup_cure(item, "correct that <label> with virsh edit %s, or remove the "
			     "<seclabel> of model dac", p->name_word);
		return;
	}
	if (!p->has_user) {
		checkup_add(p, "access", VERDICT_UNKNOWN,
			    "libvirt does not say as which user it runs QEMU");
		return;
	}
	if (checkup_ask_chain(p, "access", backing, checkup_ask) == 1)
		checkup_add(p, "access", VERDICT_YES, "user %s, as which QEMU runs, may use %s",
			    checkup_user(p, user, sizeof(user)),
			    backing->count ? "the image and its backing files" : "the image");
}

void checkup_files(struct patient *p)
{
	struct backing backing = { 0 };

	if (p->has_image) {
		check_format(p);
		check_chain(p, &backing);
		check_access(p, &backing);
		checkup_confinement(p, &backing);
	}
	backing_free(&backing);
}
