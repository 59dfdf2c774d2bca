#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The model as a guest of libvirt: it reports the machine correctly, and libvirt sees what
# it does.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"
# shellcheck source=tests/guest/windows/lib-windows.sh
. "${BASH_SOURCE[0]%/*}/lib-windows.sh"
windows_required "$@"
plan 30

at="<address type='pci' domain='0' bus='0' slot='5' function='0'/>"
reason()
{
	virsh -q domstate --reason "$1"
}

# --- 10: no bait, then VirtIO: the control ---
windows_disk trap windows=10 driver=bootable others=20
windows_domain trap machine=pc bus=sata
begin=${EPOCHREALTIME/[^0-9]/}
ok "10 on SATA: a session" windows_session trap
diag "start to off: $(((${EPOCHREALTIME/[^0-9]/} - begin) / 1000)) ms"
is "shut down" "$(reason trap)" "shut off (shutdown)"
ok "the controller is QEMU's AHCI" said trap 'match device=.* by=ddb service=storahci'
ok "StartOverride is planted" said trap 'planted service=viostor'
is "LastConfig is the domain's UUID" "$(windows_peek trap get HardwareConfig LastConfig)" \
	"{$(uuid_of trap)}"
windows_domain trap machine=pc bus=virtio disk="$at" words='bugcheck=hang'
before=$(sha256sum < "$LAB/trap.img")
ok "then on VirtIO: 0x7B" windows_starts trap '^nt: stop code=0x7B.*overridden'
sleep 1
is "it stands still" "$(state_of trap)" running
is "and has written nothing" "$(writes_of trap vda)" 0
virsh -q destroy trap
is "not a byte" "$(sha256sum < "$LAB/trap.img")" "$before"

# --- with a bait ---
windows_disk baited windows=10 driver=bootable
windows_domain baited machine=pc bus=sata devices="$(windows_bait 5)"
ok "with a bait: a session" windows_session baited
ok "it is configured" said baited 'configured device=0000:00:05.0 service=viostor'
ok "its disk is seen" said baited 'Disk&Ven_Red_Hat&Prod_VirtIO'
windows_domain baited machine=pc bus=virtio disk="$at"
ok "then on VirtIO: up" windows_starts baited
ok "by the bait's instance" said baited 'device=0000:00:05.0 by=enum service=viostor'
count=$(writes_of baited vda)
ok "it keeps writing" wait_for "[ \$(writes_of baited vda) -gt $((count + 3)) ]" "$windows_patience"
virsh -q shutdown baited
ok "and goes off" wait_for "is_off baited" "$windows_patience"
is "shut down" "$(reason baited)" "shut off (shutdown)"
ok "ShutdownTime is after LastUse" test \
	"$(windows_peek baited get 'CS\Control\Windows' ShutdownTime)" -gt \
	"$(windows_peek baited get "HardwareConfig\\{$(uuid_of baited)}" LastUse)"

# --- a new UUID ---
virsh -q undefine trap
windows_domain trap machine=pc bus=virtio disk="$at" uuid=0a0b0c0d-1111-4222-8333-444455556666
ok "the control's disk under a new UUID: up" windows_session trap
ok "for it has a new Id" said trap 'hwconfig uuid=.0a0b0c0d-1111-.* id=2 known=no'

# --- q35, modern, behind a root port; virtio-scsi ---
windows_disk port windows=2025 firmware=uefi driver=bootable format=qcow2
windows_domain port format=qcow2
ok "q35, GPT, qcow2, disk behind a root port: up" windows_session port
ok "as the modern device" said port 'vendor=1af4 device-id=1042 service=viostor'
windows_disk scsi windows=2019 bus=scsi driver=bootable
windows_domain scsi bus=scsi
ok "virtio-scsi: up" windows_session scsi
ok "by vioscsi" said scsi 'service=vioscsi started=yes'

# --- 7 ---
windows_disk seven windows=7 origin=lsi
windows_domain seven machine=pc bus=sata words='bugcheck=panic'
ok "7 from LSI on SATA: 0x7B" windows_starts seven '^nt: stop code=0x7B.*service=msahci'
ok "a panic device tells" wait_for "is_off seven" "$windows_patience"
is "crashed" "$(reason seven)" "shut off (crashed)"
windows_domain seven machine=pc bus=ide
ok "on IDE: up" windows_session seven

# --- as it was imported ---
windows_disk vmware windows=10 origin=pvscsi
windows_domain vmware machine=pc bus=pvscsi
ok "pvscsi: up" windows_session vmware
ok "by pvscsi" said vmware 'service=pvscsi started=yes'
