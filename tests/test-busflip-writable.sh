#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A forged state element names a disk that the guest may only read, or shares with others:
# neither busflip's hook nor a command writes to it. This disk has a Windows on it that
# would otherwise be patched.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/lib-check.sh
. "$tests/lib-check.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
killer=$BUSFLIP_BUILD/tests/killer.so
[ -e "$killer" ] || skip_all "killer.so is not built"

busflip()
{
	command busflip "$@"
}

size=$((80 * 1048576))
make_windows "$work/c.ntfs" $size
windows_disk "$LAB/golden.img" mbr
printf '[busflip]\nvirtio_win = %s\n' "$work/vw" > /etc/busflip.conf

# state TARGET FORM BUS [PHASE] - as busflip writes it
state()
{
	echo "<busflip:state xmlns:busflip='$state_uri' phase='${4:-staged}' attempts='0'
		since='2026-01-01T00:00:00Z' reason='r' at='2026-01-01T00:00:00Z'>
		<busflip:disk target='$1' form='$2' bus='$3' origin='virtio'/></busflip:state>"
}

# second TARGET BUS DEVICE ELEMENT - the shared disk, beside the guest's own
second()
{
	echo "<disk type='file' device='$3'><driver name='qemu' type='raw'/>
		<source file='$LAB/golden.img'/><target dev='$1' bus='$2'/>$4</disk>"
}

# what it is, its target and bus, device, element, form that the state claims, its tag
# if that is not just one, what busflip says of it
cases=(
	'read-only|vdb virtio|disk|<readonly/>|staged||read-only'
	'read-only, on trial|vdb virtio|disk|<readonly/>|final||read-only'
	'a CD-ROM|sdb sata|cdrom|<readonly/>|staged||not a hard disk'
	'shared|sdb sata|disk|<shareable/>|staged||shared with other guests'
	'transient|sdb sata|disk|<transient/>|staged||transient'
	'on another bus|vdb virtio|disk||staged||where busflip has not put it'
	'not what it boots from|sdb sata|disk||staged||Windows boots from vda'
	'not what its tag names, which is no disk|sdb sata|disk||staged|disk="vdq"|tag names disk vdq'
	'the bait|vdb virtio|disk|<readonly/><serial>busflip-bait</serial>|staged||the bait|read-only'
)
plan $((5 * ${#cases[@]} + 7))

number=0
sum=$(sha256sum < "$LAB/golden.img")
for case in "${cases[@]}"; do
	IFS='|' read -r what place device element form tag says <<< "$case"
	read -r target bus <<< "$place"
	phase=staged
	[ "$form" = staged ] || phase=trial
	name=evil$((number += 1))
	define_domain $name tag="${tag:-yes}" devices="$(second "$target" "$bus" "$device" "$element")" \
		metadata="$(state "$target" "$form" virtio $phase)"
	ok "$what: the guest starts" virsh -q start $name
	wait_off $name
	like "$what: it is told that nothing is written" "$(grep "domain=$name " "$LAB/log")" "$says"
	for command in patch undo; do
		fails "$what: busflip $command" 1 busflip $command $name
	done
	is "$what: it is as it was" "$(sha256sum < "$LAB/golden.img")" "$sum"
	virsh -q undefine $name
done

# A patch of that very disk that was interrupted: the guest that owns it finishes it, and no
# other, which may only read it.
make_domain owner image="$LAB/golden.img" tag=no | virsh -q define /dev/stdin
define_domain reader devices="$(second vdb virtio disk '<readonly/>')"
cp --sparse=always "$LAB/golden.img" "$LAB/before.img"
for ((n = 1; n < 200; n++)); do
	! compgen -G "/var/lib/busflip/journal/*.journal" > /dev/null || break
	cp --sparse=always "$LAB/before.img" "$LAB/golden.img"
	LD_PRELOAD=$killer KILLER_AT=$n KILLER_WHO=all busflip patch --format raw "$LAB/golden.img"
done > /dev/null 2>&1
ok "a patch is interrupted" compgen -G "/var/lib/busflip/journal/*.journal"
sum=$(sha256sum < "$LAB/golden.img")
fails "who may only read it is not started" 1 virsh -q start reader
like "the start says why" "$output" 'its disk vdb is read-only, .*; it is half patched: first start the domain that owns'
is "it is as it was" "$(sha256sum < "$LAB/golden.img")" "$sum"
ok "busflip inspect of its owner" busflip inspect owner
is "finishes it" "$(compgen -G "/var/lib/busflip/journal/*.journal")" ""
ok "then it is started" virsh -q start reader
wait_off reader
