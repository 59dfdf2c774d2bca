// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * checkup-network.c - what the interfaces of a domain are connected to
 *
 * Imported definitions name networks and bridges of the host that they were made for. libvirt
 * refuses to start a domain whose network is not active, or whose bridge or device does not
 * exist (qemuProcessPrepareDomainNetwork(), src/qemu/qemu_process.c).
 */

#include "helper/shared/text.h"
#include "hook/checkup/checkup-parts.h"

#include <errno.h>
#include <net/if.h>

/* The longest name of a network. */
#define NAME_SIZE 256

struct networks {
	size_t fine;
	bool all_known;
};

static void ask_network(struct patient *p, struct virt *virt, const char *name,
			struct networks *networks)
{
	char word[4 * NAME_SIZE];
	struct error err = { 0 };
	struct checkup_item *item;
	int active = virt_network_is_active(virt, name, &err);

	if (active == 1) {
		networks->fine++;
		return;
	}
	networks->all_known = false;
	shell_word(name, word, sizeof(word));
	if (active == 0) {
		item = checkup_add(p, "network", VERDICT_NO, "network %s is not active", name);
		checkup_cure(item, "virsh net-start %s && virsh net-autostart %s", word, word);
	} else if (err.code == ENOENT) {
		item = checkup_add(p, "network", VERDICT_NO, "there is no network %s on this "
				   "host", name);
		checkup_cure(item, "choose one of virsh net-list --all with virsh edit %s, or "
			     "define it with virsh net-define", p->name_word);
	} else {
		checkup_add(p, "network", VERDICT_UNKNOWN, "%s", err.msg);
	}
}

/* A bridge, or the device below a macvtap interface. */
static void ask_device(struct patient *p, const char *what, const char *name,
		       struct networks *networks)
{
	struct checkup_item *item;

	if (if_nametoindex(name)) {
		networks->fine++;
		return;
	}
	networks->all_known = false;
	item = checkup_add(p, "network", VERDICT_NO, "there is no %s %s on this host", what, name);
	checkup_cure(item, "create it, or choose another one of ip link with virsh edit %s",
		     p->name_word);
}

static const struct kind {
	const char *type, *attr;
	const char *what;	/* a device of the host; NULL: libvirt's own */
} kinds[] = {
	{ "network", "network", NULL },
	{ "bridge", "bridge", "bridge" },
	{ "direct", "dev", "network device" },
};

/* What an interface is connected to, with its name; NULL: nothing that could be missing. */
static const struct kind *connected_to(const xmlNode *interface, char *name, size_t size)
{
	const xmlNode *source = xml_child(interface, "source");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (xml_attr_is(interface, "type", kinds[i].type))
			return xml_attr(source, kinds[i].attr, name, size) ? &kinds[i] : NULL;
	return NULL;
}

/* Report each name once, however many interfaces are connected to it. */
static bool was_asked(const xmlNode *first, const xmlNode *interface, const char *attr,
		      const char *name)
{
	for (; first != interface; first = xml_next(first, "interface"))
		if (xml_attr_is(xml_child(first, "source"), attr, name))
			return true;
	return false;
}

void checkup_networks(struct patient *p, struct virt *virt, bool local)
{
	const xmlNode *first = xml_child(p->domain.devices, "interface");
	struct networks networks = { .all_known = true };

	for (const xmlNode *node = first; node; node = xml_next(node, "interface")) {
		char name[NAME_SIZE];
		const struct kind *kind = connected_to(node, name, sizeof(name));

		if (!kind || was_asked(first, node, kind->attr, name))
			continue;
		if (!kind->what)
			ask_network(p, virt, name, &networks);
		else if (local)
			ask_device(p, kind->what, name, &networks);
		else
			networks.all_known = false;
	}
	if (networks.fine && networks.all_known)
		checkup_add(p, "network", VERDICT_YES, "the networks and devices of its interfaces "
			    "exist");
}
