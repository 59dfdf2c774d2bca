// SPDX-License-Identifier: GPL-2.0-or-later
/* machineid.c - the UUID that a guest sees of its machine */

#include "hook/domain/machineid.h"

#include <string.h>

#include "helper/shared/uuid.h"
#include "hook/domain/domain.h"

/* Of no use is what is no UUID. */
static void take(const char *text, char id[MACHINE_ID])
{
	uint8_t bytes[16];

	if (uuid_bytes(text, bytes))
		str_fits(id, MACHINE_ID, text);
}

static void from_element(const xmlNode *root, const char *name, char id[MACHINE_ID])
{
	char text[MACHINE_ID];

	if (xml_text(xml_child(root, name), text, sizeof(text)))
		take(text, id);
}

static void from_sysinfo(const xmlNode *root, char id[MACHINE_ID])
{
	const xmlNode *smbios = xml_child(xml_child(root, "os"), "smbios");
	const xmlNode *info = xml_child(root, "sysinfo"), *entry;
	char text[MACHINE_ID];

	if (!xml_attr_is(smbios, "mode", "sysinfo"))
		return;
	while (info && !xml_attr_is(info, "type", "smbios"))
		info = xml_next(info, "sysinfo");
	entry = xml_child(xml_child(info, "system"), "entry");
	for (; entry; entry = xml_next(entry, "entry"))
		if (xml_attr_is(entry, "name", "uuid") && xml_text(entry, text, sizeof(text)))
			take(text, id);
}

/* QEMU's option syntax: name=value,..., where a comma in a value is doubled. */
static void from_smbios(const char *option, char id[MACHINE_ID])
{
	char value[256], uuid[MACHINE_ID] = "";
	bool system = false;
	size_t n;

	while (*option) {
		for (n = 0; *option && (*option != ',' || option[1] == ','); option++) {
			option += *option == ',';
			if (n < sizeof(value) - 1)
				value[n++] = *option;
		}
		value[n] = '\0';
		option += *option == ',';
		system |= strcmp(value, "type=1") == 0;
		if (strncmp(value, "uuid=", 5) == 0)
			take(value + 5, uuid);
	}
	if (system && *uuid)
		str_fits(id, MACHINE_ID, uuid);
}

static void from_commandline(const xmlNode *root, char id[MACHINE_ID])
{
	const xmlNode *list = xml_child_ns(root, "commandline", QEMU_URI);
	const xmlNode *arg = xml_child_ns(list, "arg", QEMU_URI);
	char option[16] = "", value[4096];

	for (; arg; arg = xml_next_ns(arg, "arg", QEMU_URI)) {
		if (!xml_attr(arg, "value", value, sizeof(value))) {
			option[0] = '\0';
			continue;
		}
		if (strcmp(option, "-uuid") == 0)
			take(value, id);
		else if (strcmp(option, "-smbios") == 0)
			from_smbios(value, id);
		/* QEMU accepts two dashes as well. */
		str_cut(option, sizeof(option), value[0] == '-' && value[1] == '-' ? value + 1 :
						value);
	}
}

void machine_id(const xmlNode *root, char id[MACHINE_ID])
{
	id[0] = '\0';
	from_element(root, "uuid", id);
	from_element(root, "hwuuid", id);
	from_sysinfo(root, id);
	from_commandline(root, id);
}
