/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hiber.c - fast startup: a kernel that hibernates instead of shutting down
 *
 * The image, in C:\hiberfil.sys: "HIBR" at 0, the name of the boot controller at 64, the
 * length of the registry at 512 and the registry from 4096 on. A resumed kernel has its
 * registry in memory, and that is the registry that it writes.
 */

#include "nt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HIBERFIL "hiberfil.sys"
#define IMAGE_DEVICE 64u
#define IMAGE_LENGTH 512u
#define IMAGE_REGISTRY 4096u

bool hiber_wanted(struct nt *nt)
{
	hkey fast = hive_find(nt->sys, nt->set, "Control\\Session Manager\\Power");
	hkey power = hive_find(nt->sys, nt->set, "Control\\Power");

	return nt->win.modern && nt->win.client && nt->machine.s4 &&
	       hive_u32(nt->sys, fast, "HiberbootEnabled", 0) &&
	       hive_u32(nt->sys, power, "HibernateEnabled", 0);
}

static void controller_name(struct nt *nt, char out[2 * PCI_ID_SIZE])
{
	struct pci_ids ids;
	char tail[PCI_ID_SIZE];

	pci_ids(&nt->pci.f[nt->controller], &ids);
	pci_instance(&nt->pci, (size_t)nt->controller, tail);
	snprintf(out, 2 * PCI_ID_SIZE, "%s\\%s", ids.hardware[0], tail);
}

void hiber_write(struct nt *nt)
{
	struct bytes hive = hive_save(nt->sys);
	size_t len = IMAGE_REGISTRY + hive.len;
	uint8_t *image = xcalloc(len, 1);
	char name[2 * PCI_ID_SIZE];

	controller_name(nt, name);
	memcpy(image, "HIBR", 4);
	memcpy(image + IMAGE_DEVICE, name, strlen(name));
	put64(image + IMAGE_LENGTH, hive.len);
	memcpy(image + IMAGE_REGISTRY, hive.data, hive.len);
	volume_write(nt->vol, HIBERFIL, image, len);
	free(image);
	bytes_free(&hive);
}

void hiber_woken(struct nt *nt)
{
	uint8_t page[IMAGE_REGISTRY] = "WAKE";

	volume_write(nt->vol, HIBERFIL, page, sizeof(page));
}

bool hiber_resume(struct nt *nt, bool *crash)
{
	struct bytes image = volume_read(nt->vol, HIBERFIL);
	char name[2 * PCI_ID_SIZE], head[8] = "";
	bool resume = false;

	*crash = false;
	if (image.len >= 4)
		memcpy(head, image.data, 4);
	fact("hiberfil %s", !image.len ? "none" : *head ? head : "zero");
	if (image.len > IMAGE_REGISTRY && same(head, "hibr")) {
		struct bytes hive = { image.data + IMAGE_REGISTRY,
				      (size_t)get64(image.data + IMAGE_LENGTH) };

		controller_name(nt, name);
		if (strncmp((char *)image.data + IMAGE_DEVICE, name, sizeof(name)) != 0 ||
		    hive.len > image.len - IMAGE_REGISTRY) {
			*crash = true;
		} else {
			hive_close(nt->sys);
			nt->sys = hive_open(&hive);
			if (!nt->sys)
				die("hiber: the image holds no registry");
			resume = true;
		}
	} else if (same(head, "RSTR") || same(head, "hibr")) {
		*crash = true;
	}
	bytes_free(&image);
	return resume;
}
