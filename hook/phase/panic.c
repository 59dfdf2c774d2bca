// SPDX-License-Identifier: GPL-2.0-or-later
/* panic.c - a panic device for the trial */

#include "hook/phase/panic.h"

#include <string.h>

/* With on_crash restart or preserve, a bugcheck would not end the guest. Without a panic
 * device it stays at its blue screen, where the watcher detects it. */
static bool ends_at_crash(const struct domain *domain)
{
	char text[32];

	return !xml_text(xml_child(domain->root, "on_crash"), text, sizeof(text)) ||
	       strcmp(text, "destroy") == 0 || strcmp(text, "coredump-destroy") == 0;
}

void panic_add(struct domain *domain)
{
	const char *model = xml_attr_is(domain->root, "type", "kvm") ? "hyperv" : "isa";
	xmlNode *node;

	if (!domain->devices || xml_child(domain->devices, "panic") ||
	    !ends_at_crash(domain))
		return;
	node = xmlNewNode(NULL, XS("panic"));
	xml_set(node, "model", model);
	xml_append(domain->devices, node);
	str_fits(domain->state.panic, sizeof(domain->state.panic), model);
}

void panic_remove(struct domain *domain)
{
	const char *model = domain->state.panic;
	xmlNode *node = xml_child(domain->devices, "panic");

	while (node && !xml_attr_is(node, "model", model))
		node = xml_next(node, "panic");
	if (*model)
		xml_delete(node);
	domain->state.panic[0] = '\0';
}
