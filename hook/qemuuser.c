// SPDX-License-Identifier: GPL-2.0-or-later
/* qemuuser.c - as which user a domain's QEMU runs, and can that user read the bait? */

#include "hook/qemuuser.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DAC_LABEL 256
#define LIBVIRT_QEMU "/var/lib/libvirt/qemu"

static const xmlNode *dac_of(const xmlNode *parent, const char *name)
{
	const xmlNode *node = xml_child(parent, name);
	char model[16];

	for (; node; node = xml_next(node, name))
		if (xml_attr_is(node, "model", "dac") ||
		    (xml_text(xml_child(node, "model"), model, sizeof(model)) &&
		     strcmp(model, "dac") == 0))
			return node;
	return NULL;
}

/* Return 1 when the domain has one, 0 none, -1 none of this host. */
static int own_user(const struct domain *domain, struct access_user *user)
{
	const xmlNode *own = xml_child(dac_of(domain->root, "seclabel"), "label");
	char label[DAC_LABEL];

	if (!own)
		return 0;
	return xml_text(own, label, sizeof(label)) && access_user_parse(label, user) ? 1 : -1;
}

const struct access_user *qemu_user_unasked(const struct domain *domain,
					    struct access_user *user)
{
	int r = domain ? own_user(domain, user) : 0;
	struct stat st;

	if (r == 0 && stat(LIBVIRT_QEMU, &st) == 0) {
		*user = (struct access_user){ .uid = st.st_uid, .gid = st.st_gid };
		r = 1;
	}
	return r > 0 ? user : NULL;
}

bool qemu_user(struct virt *virt, const struct domain *domain, struct access_user *user)
{
	AUTO_FREE char *text = NULL;
	AUTO_XML_DOC xmlDoc *doc = NULL;
	const xmlNode *own;
	char label[DAC_LABEL];
	int r = own_user(domain, user);

	if (r)
		return r > 0;
	text = virt_capabilities(virt, NULL);
	doc = text ? xml_parse(text, strlen(text), NULL) : NULL;
	if (!doc)
		return false;
	own = dac_of(xml_child(xmlDocGetRootElement(doc), "host"), "secmodel");
	return xml_text(xml_child(own, "baselabel"), label, sizeof(label)) &&
	       access_user_parse(label, user);
}

int qemu_reads_bait(struct virt *virt, const struct domain *domain, const char *path,
		    struct error *err)
{
	struct access_user user;
	struct access_result result;
	const struct passwd *pw;
	char name[64], word[4400];

	if (!domain_bait(domain) || !qemu_user(virt, domain, &user))
		return 0;
	access_ask(&user, path, false, &result);
	if (result.answer != ACCESS_NO_FOLDER)
		return 0;
	pw = getpwuid(user.uid);
	if (!pw || !str_fits(name, sizeof(name), pw->pw_name))
		snprintf(name, sizeof(name), "%u", user.uid);
	return fail(err, EACCES, "QEMU runs as user %s, which can't read the bait disk %s: "
		    "setfacl -m u:%s:x %s, or let bait in /etc/busflip.conf name another place",
		    name, path, name, shell_word(result.where, word, sizeof(word)));
}
