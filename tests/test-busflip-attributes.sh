#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The attributes that belong to a disk's bus are restored. Versions of libvirt differ in
# which attributes they accept on which bus, so the test asks the installed libvirt for
# each one. An attribute that it refuses cannot occur.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"

# FROM TAG ELEMENT, or FROM TAG @ATTRIBUTES of <target>, or FROM TAG %ATTRIBUTES of <driver>
cases=(
	"sata virtio <blockio discard_granularity='512'/>"
	"sata virtio <blockio discard_granularity='0'/>"
	"sata scsi <blockio discard_granularity='512'/>"
	"ide virtio <blockio discard_granularity='512'/>"
	"ide scsi <blockio discard_granularity='512'/>"
	"virtio virtio <blockio discard_granularity='4096'/>"
	"scsi scsi <blockio discard_granularity='4096'/>"
	"sata virtio <product>a disk of SATA</product>"
	"sata scsi <product>a model of 30 characters, SATA</product>"
	"scsi scsi <vendor>busflip</vendor><product>a product</product>"
	"ide virtio <wwn>5000c50015ea71aa</wwn>"
	"ide scsi <wwn>5000c50015ea71aa</wwn>"
	"scsi scsi @removable='on'"
	"scsi virtio @removable='on'"
	"scsi scsi @dpofua='on'"
	"sata virtio @rotation_rate='7200'"
	"ide scsi @rotation_rate='1'"
	"sata virtio %queue_size='128'"
	"virtio virtio %queues='2' queue_size='128' event_idx='on' packed='on'"
	"virtio scsi %queues='2' ioeventfd='off'"
	"virtio virtio <geometry cyls='16383' heads='255' secs='63'/>"
	"ide virtio <geometry cyls='16383' heads='16' secs='63' trans='lba'/>"
)
plan $((3 * ${#cases[@]}))

# disk_of NAME - the system disk as libvirt has it; in no order, and without the place of
# a port: that is libvirt's choice where the user has made none
disk_of()
{
	xpath "$1" "$system_disk" | sed '/<address type=/d' | sort
}

number=0
for case in "${cases[@]}"; do
	read -r from tag what <<< "$case"
	name=disk$((number += 1)) elements='' machine=q35 target='' driver=''
	case $what in
	@*) target=${what#@} ;;
	%*) driver=${what#%} ;;
	*) elements=$what ;;
	esac
	[ "$from" != ide ] || machine=pc
	make_domain $name machine=$machine bus="$from" tag="bus=\"$tag\"" driver="$driver" \
		disk="$elements" | sed "s|<target dev|<target $target dev|" > "$LAB/$name.xml"
	if ! virsh -q define "$LAB/$name.xml" > "$LAB/refused" 2>&1; then
		like "$case: this libvirt refuses it" "$(cat "$LAB/refused")" 'unsupported|invalid|only valid'
		pass "$case: so nobody can have it"
		pass "$case: nor lose it"
		continue
	fi
	before=$(disk_of $name)
	failed=''
	for step in stage promote rollback promote; do
		quietly busflip $step $name || failed+=" $step"
	done
	is "$case: staged, promoted, rolled back, promoted: the steps that failed" "$failed" ''
	fails "$case: put back" 0 busflip disable $name
	is "$case: the disk is what it was" "$(disk_of $name)" "$before"
done
