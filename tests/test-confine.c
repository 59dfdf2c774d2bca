// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-confine.c - what AppArmor and SELinux would allow QEMU to access
 *
 * For AppArmor, libvirt's own virt-aa-helper answers, which does not need AppArmor to run.
 * SELinux does not run here either: its booleans are files, and this test makes them.
 */

#include "hook/checkup/confine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

#define UUID "11111111-2222-3333-4444-555555555555"

static char folder[] = "/tmp/busflip-confine.XXXXXX";

static const char *domain(const char *disk)
{
	static char xml[2048];

	snprintf(xml, sizeof(xml), "<domain type='qemu'><name>x</name><uuid>" UUID "</uuid>"
		 "<memory>65536</memory><os><type arch='x86_64'>hvm</type></os><devices>"
		 "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
		 "<source file='%s'/><target dev='vda'/></disk></devices></domain>", disk);
	return xml;
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	ok(file && fputs(text, file) >= 0 && fclose(file) == 0, "file %s", name);
}

static void test_apparmor(void)
{
	struct error err = { 0 };
	char path[256];
	int r = confine_apparmor(UUID, domain("/etc/hostname"), &err);

	if (r < 0 && err.code == ENOENT) {
		skip_one(err.msg);
		return;
	}
	is_int(r, 0, "a file that no guest may have");
	is_str(err.msg, "/etc/hostname: skipped restricted file: invalid VM definition",
	       "is named");
	snprintf(path, sizeof(path), "%s/disk.img", folder);
	write_file(path, "x");
	is_int(confine_apparmor(UUID, domain(path), &err), 1, "an ordinary image");
	is_int(confine_apparmor(UUID, "no XML", &err), 0, "no XML at all");
	is_int(confine_apparmor("../../x", domain(path), &err), 0, "a UUID that is none");
	is_int(access("/etc/apparmor.d/libvirt/libvirt-" UUID, F_OK), -1, "nothing is left");
}

static void test_booleans(void)
{
	char path[256];

	is_str(confine_boolean(0x6969), "virt_use_nfs", "NFS");
	is_str(confine_boolean((long)0xfe534d42), "virt_use_samba", "SMB");
	is_str(confine_boolean((int)0xff534d42), "virt_use_samba", "CIFS, as a 32 bit kernel");
	is_str(confine_boolean(0x65735546), "virt_use_fusefs", "FUSE");
	ok(!confine_boolean(0xef53), "ext4 has labels");
	ok(!confine_boolean(0x58465342), "and XFS");
	snprintf(path, sizeof(path), "%s/virt_use_nfs", folder);
	write_file(path, "0 0");
	is_int(confine_boolean_is_on(folder, "virt_use_nfs"), 0, "a boolean that is off");
	write_file(path, "1 1");
	is_int(confine_boolean_is_on(folder, "virt_use_nfs"), 1, "and on");
	is_int(confine_boolean_is_on(folder, "none"), -1, "and not there");
}

int main(void)
{
	char command[4200];

	if (!mkdtemp(folder))
		return 1;
	test_apparmor();
	test_booleans();
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	is_int(system(command), 0, "gone again");
	return done_testing();
}
