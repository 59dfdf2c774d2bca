// SPDX-License-Identifier: GPL-2.0-or-later
/* test-machineid.c - the machine's UUID, from each place that may specify it */

#include "hook/domain/domain.h"
#include "tests/tap.h"

#include <string.h>

/* What the guest sees as the UUID of its machine, A to D by where it is from. */
static void test_sources(void)
{
#define ID(letter) letter letter letter letter letter letter letter letter "-1234-5678-9abc-" \
	letter letter letter letter letter letter letter letter letter letter letter letter
#define SYSINFO(type) "<sysinfo type='" type "'><system><entry name='serial'>s</entry>" \
	"<entry name='uuid'> " ID("c") " </entry></system></sysinfo>"
#define SMBIOS "<os><smbios mode='sysinfo'/></os>"
#define ARG(value) "<q:arg value='" value "'/>"
#define QEMU(args) "<q:commandline>" args "</q:commandline>"
	static const struct {
		const char *what, *xml, *id;
	} cases[] = {
		{ "its own", "", ID("a") },
		{ "<hwuuid>", "<hwuuid> " ID("b") " </hwuuid>", ID("b") },
		{ "a <hwuuid> that is none", "<hwuuid>b</hwuuid>", ID("a") },
		{ "<sysinfo>", SMBIOS SYSINFO("smbios"), ID("c") },
		{ "<sysinfo> and <hwuuid>", "<hwuuid>" ID("b") "</hwuuid>" SMBIOS
		  SYSINFO("smbios"), ID("c") },
		{ "<sysinfo> that is not used", SYSINFO("smbios"), ID("a") },
		{ "<sysinfo> of another kind", SMBIOS SYSINFO("fwcfg"), ID("a") },
		{ "and one more", SMBIOS "<sysinfo type='fwcfg'/>" SYSINFO("smbios"), ID("c") },
		{ "-uuid", QEMU(ARG("-uuid") ARG(ID("d"))), ID("d") },
		{ "-smbios", SMBIOS SYSINFO("smbios") QEMU(ARG("-smbios")
		  ARG("type=1,manufacturer=A,, B,uuid=" ID("d") ",serial=1")), ID("d") },
		{ "--smbios", QEMU(ARG("--smbios") ARG("uuid=" ID("d") ",type=1")), ID("d") },
		{ "-smbios of the board", QEMU(ARG("-smbios") ARG("type=2,uuid=" ID("d"))),
		  ID("a") },
		{ "-smbios, and no uuid", QEMU(ARG("-smbios")
		  ARG("type=1,serial=x,,uuid=" ID("d"))), ID("a") },
		{ "-smbios as a value", QEMU(ARG("-name") ARG("type=1,uuid=" ID("d"))), ID("a") },
		{ "the last of two", QEMU(ARG("-uuid") ARG(ID("d")) ARG("-smbios")
		  ARG("type=1,uuid=" ID("e"))), ID("e") },
		{ "-smbios without a value", QEMU(ARG("-smbios")), ID("a") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_DOMAIN struct domain domain;
		char text[1024];

		snprintf(text, sizeof(text), "<domain xmlns:q='" QEMU_URI "'><name>w</name>"
			 "<uuid>" ID("a") "</uuid>%s</domain>", cases[i].xml);
		is_int(domain_parse(text, strlen(text), &domain, NULL), 0, "%s: parsed",
		       cases[i].what);
		is_str(domain.uuid, ID("a"), "libvirt's UUID");
		is_str(domain.machine, cases[i].id, "that which the guest sees");
	}
}

int main(void)
{
	test_sources();
	return done_testing();
}
