#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the other tests rely on: each guest boots from each bus, sees the controller that it
# is on, and ends as it should according to libvirt.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
lab_required
plan 25

# boots NAME KIND [KEY=VALUE...]
boots()
{
	local name=$1 kind=$2

	shift 2
	define_domain "$name" tag=no "$@"
	ok "$name starts" virsh start "$name"
	ok "$name goes off" wait_for "is_off $name" 15
	is "$name booted from $kind" "$(boot_kind "$name")" "$kind"
}

boots q35-virtio virtio-blk
boots q35-sata ahci bus=sata
boots q35-scsi virtio-scsi bus=scsi
boots pc-virtio virtio-blk machine=pc
boots pc-sata ahci machine=pc bus=sata
boots pc-ide ide machine=pc bus=ide
is "off ends as a shutdown" "$(virsh -q domstate --reason pc-ide)" "shut off (shutdown)"

define_domain stay tag=no guest=stay
virsh -q start stay
wait_boot stay 1
is "stay stays" "$(state_of stay)" running
virsh -q shutdown stay
ok "stay answers the power button" wait_for "is_off stay" 15
is "and ends as a shutdown" "$(virsh -q domstate --reason stay)" "shut off (shutdown)"

define_domain crash tag=no guest=crash
virsh -q start crash
wait_for "is_off crash" 15
is "crash ends as crashed" "$(virsh -q domstate --reason crash)" "shut off (crashed)"

define_domain reset tag=no guest=reset
virsh -q start reset
ok "reset boots again and again" wait_boot reset 3
virsh -q destroy reset
is "and ends as destroyed" "$(virsh -q domstate --reason reset)" "shut off (destroyed)"
