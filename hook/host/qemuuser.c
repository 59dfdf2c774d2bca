// SPDX-License-Identifier: GPL-2.0-or-later
/* qemuuser.c - the user that a domain's QEMU runs as, and its access to the bait */

#include "hook/host/qemuuser.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hook/libvirt/libvirtconf.h"
#include "hook/libvirt/virt.h"

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

/* Return 1 if the domain has one, 0 if not, -1 if it does not exist on this host. */
static int own_user(const struct domain *domain, struct access_user *user)
{
	const xmlNode *own = xml_child(dac_of(domain->root, "seclabel"), "label");
	char label[DAC_LABEL];

	if (!own)
		return 0;
	return xml_text(own, label, sizeof(label)) && access_user_parse(label, user) ? 1 : -1;
}

/* libvirt gives that folder to its user when it starts (qemuStateInitialize() in
 * src/qemu/qemu_driver.c, 9.0.0). */
static bool owner_of_folder(struct access_user *user)
{
	struct stat st;

	if (stat(LIBVIRT_QEMU, &st) < 0)
		return false;
	*user = (struct access_user){ .uid = st.st_uid, .gid = st.st_gid };
	return true;
}

bool qemu_user(struct virt *virt, const struct domain *domain, struct access_user *user)
{
	AUTO_FREE char *text = NULL;
	AUTO_XML_DOC xmlDoc *doc = NULL;
	const xmlNode *own;
	char label[DAC_LABEL];
	int r = domain ? own_user(domain, user) : 0;

	if (r)
		return r > 0;
	if (!virt)
		return owner_of_folder(user);
	text = virt_capabilities(virt, NULL);
	doc = text ? xml_parse(text, strlen(text), NULL) : NULL;
	if (!doc)
		return false;
	own = dac_of(xml_child(xmlDocGetRootElement(doc), "host"), "secmodel");
	return xml_text(xml_child(own, "baselabel"), label, sizeof(label)) &&
	       access_user_parse(label, user);
}

/* What libvirt shows of a running domain says it; by hand it may be left out of a label that
 * is static. */
static bool forbids_relabel(const xmlNode *label)
{
	if (!label)
		return false;
	return xml_attr_is(label, "relabel", "no") || xml_attr_is(label, "type", "none") ||
	       (xml_attr_is(label, "type", "static") && !xml_attr_is(label, "relabel", "yes"));
}

bool qemu_is_given(const struct domain *domain, const xmlNode *disk)
{
	char value[16];

	/* One that can't be read is libvirt's to complain of. */
	if (libvirtconf_get("qemu.conf", "dynamic_ownership", value, sizeof(value), NULL) == 1 &&
	    strtol(value, NULL, 0) == 0)
		return false;
	return !forbids_relabel(dac_of(domain->root, "seclabel")) &&
	       !forbids_relabel(dac_of(xml_child(disk, "source"), "seclabel"));
}
