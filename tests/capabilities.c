// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capabilities.c - preloaded into libvirtd by a test: reports a host with SELinux
 *
 * libvirt asks libselinux, which trusts only a real selinuxfs. The text that is added to
 * the capabilities is the one of libvirt 10 on Fedora 40.
 */

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/libvirt.h>

static const char added[] =
	"<secmodel><model>selinux</model><doi>0</doi>"
	"<baselabel type='kvm'>system_u:system_r:svirt_t:s0</baselabel>"
	"<baselabel type='qemu'>system_u:system_r:svirt_tcg_t:s0</baselabel></secmodel>";

char *virConnectGetCapabilities(virConnectPtr conn)
{
	char *(*next)(virConnectPtr) = (char *(*)(virConnectPtr))
		(uintptr_t)dlsym(RTLD_NEXT, "virConnectGetCapabilities");
	char *text = next(conn), *at = text ? strstr(text, "<secmodel>") : NULL, *more = NULL;

	if (!at || asprintf(&more, "%.*s%s%s", (int)(at - text), text, added, at) < 0)
		return text;
	free(text);
	return more;
}
