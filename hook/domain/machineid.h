/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machineid.h - the UUID that a guest sees of its machine */
#ifndef BUSFLIP_MACHINEID_H
#define BUSFLIP_MACHINEID_H

#include "hook/domain/xml.h"

#define MACHINE_ID 40

/*
 * machine_id() - copy the UUID that the SMBIOS tables of the machine have, as the definition
 * spells it; "" if it has none
 *
 * @root: <domain>. QEMU uses the last one that it is given: libvirt's -uuid, which is <hwuuid>
 * (since 11.7.0) or <uuid>; libvirt's -smbios, if <smbios mode='sysinfo'> selects <sysinfo>; and
 * last those of <qemu:commandline>.
 */
void machine_id(const xmlNode *root, char id[MACHINE_ID]);

#endif
