// SPDX-License-Identifier: GPL-2.0-or-later
/* bait.c - the device that makes Windows set up its VirtIO driver while it runs on SATA */

#include "hook/phase/bait.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hook/domain/domain.h"
#include "hook/domain/schema.h"
#include "hook/domain/slots.h"

/*
 * libvirt gives a disk's image to the user that QEMU runs as, and does not take a read-only one
 * back. All domains share this image, so any guest that has broken out of its QEMU could then
 * write what all others see. An ACL lets QEMU read it (baitimage.h), so it needs no new owner.
 * A domain with relabel='no' for the dac model does not change the owner, and libvirt refuses
 * an override there (virSecurityDeviceLabelDefValidate() in src/conf/domain_validate.c).
 */
static bool owner_is_changed(const struct domain *domain)
{
	const xmlNode *label = xml_child(domain->root, "seclabel");

	for (; label; label = xml_next(label, "seclabel"))
		if (xml_attr_is(label, "model", "dac") &&
		    !xml_attr_is(label, "relabel", "yes"))
			return false;
	return true;
}

static void add_source(const struct domain *domain, xmlNode *bait, const char *path,
		       bool keep_owner)
{
	xmlNode *source = xmlNewChild(bait, NULL, XS("source"), NULL);

	xml_set(source, "file", path);
	/* If the image is missing, the domain starts without the bait. */
	xml_set(source, "startupPolicy", "optional");
	if (keep_owner && owner_is_changed(domain)) {
		xmlNode *label = xmlNewChild(source, NULL, XS("seclabel"), NULL);

		xml_set(label, "model", "dac");
		xml_set(label, "relabel", "no");
	}
}

static void add_disk(struct domain *domain, xmlNode *disk, const char *path,
		     bool keep_owner, const char *name, const xmlNode *address, const char *model)
{
	xmlNode *bait = xmlNewDocNode(domain->doc, NULL, XS("disk"), NULL);
	xmlNode *node;

	xml_set(bait, "type", "file");
	xml_set(bait, "device", "disk");
	if (model[0])
		xml_set(bait, "model", model);
	node = xmlNewChild(bait, NULL, XS("driver"), NULL);
	xml_set(node, "name", "qemu");
	xml_set(node, "type", "raw");
	add_source(domain, bait, path, keep_owner);
	node = xmlNewChild(bait, NULL, XS("target"), NULL);
	xml_set(node, "dev", name);
	xml_set(node, "bus", "virtio");
	xmlNewChild(bait, NULL, XS("readonly"), NULL);
	xmlNewTextChild(bait, NULL, XS("serial"), XS(BAIT_SERIAL));
	if (address)
		xmlAddChild(bait, xmlDocCopyNode((xmlNode *)(uintptr_t)address,
						 domain->doc, 1));
	xml_paste_after(disk, bait);
}

static void add_controller(struct domain *domain, const xmlNode *address)
{
	struct state *state = &domain->state;
	xmlNode *controller;

	state->scsi = controller_virtio_scsi(domain);
	if (state->scsi >= 0)
		return;
	/* Avoid the index of the controller that the disk itself is on, even if no such
	 * controller is listed. */
	state->scsi = state->scsi_added =
		controller_free_index(domain, "scsi", state->scsi_avoid + 1);
	controller = controller_add(domain, "scsi", state->scsi, "virtio-scsi");
	if (address)
		xmlAddChild(controller,
			    xmlDocCopyNode((xmlNode *)(uintptr_t)address,
					   domain->doc, 1));
}

void bait_add(struct domain *domain, xmlNode *disk, const char *path,
	      bool keep_owner, const char *name, const xmlNode *address, const char *model)
{
	if (domain->state.bus == BUS_SCSI)
		add_controller(domain, address);
	else
		add_disk(domain, disk, path, keep_owner, name, address, model);
}

xmlNode *bait_remove(struct domain *domain)
{
	xmlNode *bait, *address, *copy = NULL;

	while ((bait = domain_bait(domain))) {
		address = xml_child(bait, "address");
		/* A disk that only looks like the bait may contain any address: validate it. */
		if (address && !copy && schema_element(address))
			copy = xmlDocCopyNode(address, domain->doc, 1);
		xml_delete(bait);
	}
	return copy;
}

/* ---- overlays that libvirt has left ---------------------------------------- */
