#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The main task, on each machine type and from each bus that a system disk may be on: SATA
# with the bait, a trial on VirtIO, done. At the end the definition is the user's own,
# except for the bus if the disk came from another one.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"

# Name, what the guest boots from first, what in the end, then its definition.
# The data disk beside it is on VirtIO.
lives=(
	'q35:ahci:virtio-blk:'
	'pc:ahci:virtio-blk:machine=pc'
	'q35-scsi:ahci:virtio-scsi:bus=scsi'
	'pc-scsi:ahci:virtio-scsi:machine=pc bus=scsi'
	'q35-to-scsi:ahci:virtio-scsi:tag=bus="scsi"'
	'pc-to-scsi:ahci:virtio-scsi:machine=pc tag=bus="scsi"'
	'q35-sata:ahci:virtio-blk:bus=sata'
	'pc-ide:ide:virtio-blk:machine=pc bus=ide'
)
plan $((${#lives[@]} * 13 + 11))

# final_bus KIND
final_bus()
{
	[ "$1" = virtio-scsi ] && echo scsi || echo virtio
}

# begin NAME SATA FINAL DEFINITION
begin()
{
	local words

	read -ra words <<< "$4"
	define_domain "$1" "${words[@]}" devices="$(data_disk "$1-data" vdb virtio)"
}

# How a disk with that serial number, or without one, is written.
element()
{
	xpath "$1" "$2" | python3 -c 'import sys, xml.etree.ElementTree as E
print(E.canonicalize(sys.stdin.read(), strip_text=True))'
}

data='//disk[target/@dev="vdb"]'

# first_session NAME SATA FINAL
first_session()
{
	local bus=sata baits=1

	[ "$2" = ide ] && bus=ide
	[ "$3" = virtio-scsi ] && baits=0
	is "$1: is on SATA" "$(where "$1")" "staged/$bus"
	is "$1: with the bait, a disk or a controller" "$(baits_of "$1")" $baits
	ok "$1: starts and goes off" run_once "$1"
	is "$1: the guest booted from it" "$(boot_kind "$1")" "$2"
	bait_place[$1]=$(places_of "$1" "$3")
	like "$1: the guest saw the bait" "${bait_place[$1]}" '^[0-9a-f]'
}

# second_session NAME SATA FINAL
second_session()
{
	local bus

	bus=$(final_bus "$3")
	is "$1: is on trial" "$(where "$1")" "trial/$bus"
	is "$1: without the bait" "$(baits_of "$1")" 0
	ok "$1: starts and goes off again" run_once "$1"
	is "$1: the guest booted from $3" "$(boot_kind "$1")" "$3"
	is "$1: where the bait was" "$(places_of "$1" "$3")" "${bait_place[$1]}"
	is "$1: is done" "$(where "$1")" "done/$bus"
}

# At the end the definition is the user's again. A disk that came from another
# bus is the same in all but what names its bus.
same_definition()
{
	case $1 in
	*-sata | pc-ide | *-to-scsi)
		is "$1: the source is the user's" \
			"$(xpath "$1" "string($system_disk/source/@file)")" "$LAB/$1.img"
		;;
	*)
		same_as_original "$1" "$1: the definition is the user's"
		;;
	esac
}

declare -A bait_place=() data_before=()
for life in "${lives[@]}"; do
	IFS=: read -ra life <<< "$life"
	begin "${life[@]:0:3}" "${life[3]:-}"
	data_before[${life[0]}]=$(element "${life[0]}" "$data")
done
define_domain bystander tag=no
ok "stage --all, as the systemd unit runs it" busflip stage --all
for session in first_session second_session; do
	for life in "${lives[@]}"; do
		IFS=: read -ra life <<< "$life"
		$session "${life[@]:0:3}"
	done
done
for life in "${lives[@]}"; do
	name=${life%%:*}
	same_definition "$name"
	is "$name: so is the data disk" "$(element "$name" "$data")" "${data_before[$name]}"
done
same_as_original bystander "a domain without the tag is not touched"

# Everything that only VirtIO accepts and this libvirt knows.
define_domain rich head="<iothreads>2</iothreads>" \
	driver="iothread='2' queues='2' queue_size='256' event_idx='on' ioeventfd='on'
		packed='on' page_per_vq='on' cache='none' io='native' discard='unmap'" \
	disk="<serial>W-1234</serial><boot order='3'/><alias name='ua-system'/>
		<address type='pci' domain='0x0000' bus='0x00' slot='0x1d' function='0x0'/>" \
	boot=''
quietly busflip stage rich
is "rich: staged" "$(where rich)" staged/sata
is "rich: the bait has its place" \
	"$(xpath rich "string($bait_disk/address/@slot)")" 0x1d
is "rich: keeps what every bus accepts" \
	"$(xpath rich "concat($system_disk/driver/@cache, $system_disk/driver/@discard,
		$system_disk/serial, $system_disk/boot/@order)")" "noneunmapW-12343"
run_once rich
is "rich: the guest booted from SATA" "$(boot_kind rich)" ahci
run_once rich
is "rich: the guest booted from VirtIO" "$(boot_kind rich)" virtio-blk
is "rich: at its place" "$(places_of rich virtio-blk)" 00:1d.0
same_as_original rich "rich: the definition is the user's"

# What comes after that is nobody's business.
virsh dumpxml --inactive q35 > "$LAB/tmp/before"
run_once q35
is "a third session boots from VirtIO" "$(boot_kind q35)" virtio-blk
is "and changes nothing" "$(virsh dumpxml --inactive q35 | diff "$LAB/tmp/before" -)" ""
