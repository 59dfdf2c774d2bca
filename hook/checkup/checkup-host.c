// SPDX-License-Identifier: GPL-2.0-or-later
/* checkup-host.c - QEMU's user and the security models of this host */

#include "hook/checkup/checkup-parts.h"
#include "hook/host/qemuuser.h"
#include "hook/libvirt/libvirtconf.h"
#include "hook/libvirt/virt.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The default is 1. */
static bool relabels(void)
{
	char value[16];

	return libvirtconf_get("qemu.conf", "dynamic_ownership", value, sizeof(value),
			       NULL) <= 0 || strcmp(value, "0") != 0;
}

/* In permissive mode SELinux forbids nothing. The label is that of domains of this type. */
static void take_selinux(struct patient *p, const xmlNode *secmodel)
{
	const xmlNode *base = xml_child(secmodel, "baselabel");
	char type[32];

	p->selinux = selinux_enforces(SELINUX_FS);
	if (!xml_attr(p->domain.root, "type", type, sizeof(type)))
		return;
	for (; base; base = xml_next(base, "baselabel"))
		if (xml_attr_is(base, "type", type))
			xml_text(base, p->label, sizeof(p->label));
}

static void take_model(struct patient *p, const xmlNode *secmodel)
{
	char model[32];

	if (!xml_text(xml_child(secmodel, "model"), model, sizeof(model)))
		return;
	p->apparmor |= strcmp(model, "apparmor") == 0;
	if (strcmp(model, "selinux") == 0)
		take_selinux(p, secmodel);
}

static void take_dac_label(struct patient *p, const xmlNode *node)
{
	if (xml_attr_is(node, "type", "none") || xml_attr_is(node, "relabel", "no"))
		p->relabels = false;
	if (!p->has_user)
		xml_text(xml_child(node, "label"), p->no_user, sizeof(p->no_user));
}

static void take_selinux_label(struct patient *p, const xmlNode *node)
{
	const xmlNode *label = xml_child(node, "label");

	if (xml_attr_is(node, "type", "none"))
		p->selinux = false;
	if (!label)
		label = xml_child(node, "baselabel");
	if (label && !xml_text(label, p->label, sizeof(p->label)))
		p->label[0] = '\0';
}

/* A <seclabel> of the domain overrides the host's. */
static void take_labels(struct patient *p)
{
	const xmlNode *node = xml_child(p->domain.root, "seclabel");

	for (; node; node = xml_next(node, "seclabel")) {
		if (xml_attr_is(node, "model", "dac"))
			take_dac_label(p, node);
		if (xml_attr_is(node, "model", "selinux"))
			take_selinux_label(p, node);
	}
}

void checkup_host(struct patient *p, struct virt *virt)
{
	AUTO_FREE char *text = virt_capabilities(virt, NULL);
	AUTO_XML_DOC xmlDoc *doc = text ? xml_parse(text, strlen(text), NULL) : NULL;
	const xmlNode *host = doc ? xml_child(xmlDocGetRootElement(doc), "host") : NULL;
	const xmlNode *model = xml_child(host, "secmodel");

	for (; model; model = xml_next(model, "secmodel"))
		take_model(p, model);
	p->has_user = qemu_user(virt, &p->domain, &p->user);
	p->relabels = relabels();
	take_labels(p);
}
