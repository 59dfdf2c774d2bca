// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup-access.c - a file that QEMU needs: does it exist, and may QEMU's user use it? */

#include "helper/shared/text.h"
#include "hook/checkup/checkup-parts.h"

#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>

const char *checkup_user(const struct patient *p, char *buf, size_t size)
{
	const struct passwd *pw = getpwuid(p->user.uid);

	if (!pw || !str_fits(buf, size, pw->pw_name))
		str_printf(buf, size, "%u", (unsigned)p->user.uid);
	return buf;
}

bool checkup_is_left_alone(const xmlNode *parent, const char *model)
{
	const xmlNode *label = xml_child(parent, "seclabel");

	for (; label; label = xml_next(label, "seclabel"))
		if ((xml_attr_is(label, "model", model) || !xmlHasProp(label, XS("model"))) &&
		    (xml_attr_is(label, "relabel", "no") || xml_attr_is(label, "type", "none")))
			return true;
	return false;
}

bool checkup_is_there(struct patient *p, const struct need *need)
{
	struct checkup_item *item;
	struct stat st;

	if (stat(need->path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
		return true;
	item = checkup_add(p, need->item, VERDICT_NO, "%s%s does not exist", need->of, need->path);
	checkup_cure(item, "put it back, or correct its name with virsh edit %s", p->name_word);
	return false;
}

static void no_folder(struct patient *p, const struct need *need, const char *folder)
{
	char word[4400], user[64];
	struct checkup_item *item;

	checkup_user(p, user, sizeof(user));
	item = checkup_add(p, need->item, VERDICT_NO, "%s%s: QEMU runs as user %s, which can't "
			   "enter %s", need->of, need->path, user, folder);
	checkup_cure(item, "setfacl -m u:%s:x %s, or move the image to "
		     "/var/lib/libvirt/images", user, shell_word(folder, word, sizeof(word)));
}

static void no_file(struct patient *p, const struct need *need, bool fixed)
{
	char word[4400], user[64];
	struct checkup_item *item;

	checkup_user(p, user, sizeof(user));
	item = checkup_add(p, need->item, VERDICT_NO, "%s%s: QEMU runs as user %s, which can't %s "
			   "it, and libvirt %s change its owner", need->of, need->path, user,
			   need->write ? "read and write" : "read", fixed ? "can't" : "does not");
	if (fixed)
		checkup_cure(item, "copy it to /var/lib/libvirt/images and set the new path with "
			     "virsh edit %s", p->name_word);
	else
		checkup_cure(item, "setfacl -m u:%s:%s %s", user, need->write ? "rw" : "r",
			     shell_word(need->path, word, sizeof(word)));
}

static void no_change(struct patient *p, const struct need *need, enum access_answer why)
{
	char word[4400];
	struct checkup_item *item;

	shell_word(need->path, word, sizeof(word));
	if (why == ACCESS_READ_ONLY) {
		item = checkup_add(p, need->item, VERDICT_NO, "%s%s is on a file system that is "
				   "mounted read-only", need->of, need->path);
		checkup_cure(item, "mount -o remount,rw on that file system, or move the image");
	} else {
		item = checkup_add(p, need->item, VERDICT_NO, "%s%s is %s: nobody can write to it",
				   need->of, need->path, why == ACCESS_IMMUTABLE ?
				   "immutable" : "append-only");
		checkup_cure(item, "chattr -%c %s", why == ACCESS_IMMUTABLE ? 'i' : 'a', word);
	}
}

int checkup_ask(struct patient *p, const struct need *need)
{
	bool relabeled = p->relabels && !checkup_is_left_alone(need->source, "dac");
	struct access_result result;
	struct checkup_item *item;
	char user[64];

	access_ask(&p->user, need->path, need->write, &result);
	switch (result.answer) {
	case ACCESS_OK:
		return 1;
	case ACCESS_NO_FILE:
		if (relabeled && !result.fixed)
			return 1;
		no_file(p, need, result.fixed);
		return 0;
	case ACCESS_NO_FOLDER:
		no_folder(p, need, result.where);
		return 0;
	case ACCESS_MISSING:
		item = checkup_add(p, need->item, VERDICT_NO, "%s%s does not exist for user %s",
				   need->of, need->path, checkup_user(p, user, sizeof(user)));
		checkup_cure(item, "put it back, or correct its name with virsh edit %s",
			     p->name_word);
		return 0;
	case ACCESS_READ_ONLY:
	case ACCESS_IMMUTABLE:
	case ACCESS_APPEND_ONLY:
		no_change(p, need, result.answer);
		return 0;
	case ACCESS_UNKNOWN:
		break;
	}
	checkup_add(p, need->item, VERDICT_UNKNOWN, "%s%s: %s", need->of, need->path, result.where);
	return -1;
}

int checkup_ask_chain(struct patient *p, const char *item, const struct backing *backing,
		      int (*ask)(struct patient *p, const struct need *need))
{
	struct need need = {
		.item = item, .of = "", .path = p->image.path,
		.write = !xml_child(p->disk, "readonly"),
		.source = xml_child(p->disk, "source"),
	};
	const bool write = need.write;
	int all = ask(p, &need);

	for (size_t i = 0; i < backing->count; i++) {
		int one;

		need.path = backing->paths[i];
		need.write = write && backing->writable[i];
		one = ask(p, &need);
		if (all != 0 && one < 1)
			all = one;
	}
	return all;
}
