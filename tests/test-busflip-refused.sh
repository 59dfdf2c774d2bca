#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# busflip check reports what libvirt itself would refuse: networks and bridges that an
# imported definition names and this host does not have, with the cure; and the errors that
# libvirt finds when it turns the definition into a QEMU command line, in libvirt's words.
# It also reports what busflip would refuse: to stage a domain, or to continue with one
# that is staged.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/lib-check.sh
. "$tests/lib-check.sh"
requires ip -V
plan 101

# interface TYPE SOURCE [MORE]
interface()
{
	echo "<interface type='$1'><source $2/>${3:-}</interface>"
}

# domain NAME INTERFACES
domain()
{
	make_domain "$1" devices="$2" > "$LAB/$1.xml"
	quietly virsh -q define "$LAB/$1.xml"
}

# network NAME - one without addresses and DHCP, not active
network()
{
	networks=$((${networks:-0} + 1))
	echo "<network><name>$1</name><bridge name='lab$networks'/></network>" > "$LAB/network.xml"
	quietly virsh -q net-define "$LAB/network.xml"
}

# refused NAME WHY - libvirt does not start it
refused()
{
	fails "$1: libvirt does not start it" 1 virsh start "$1"
	like "$1: for that reason" "$output" "$2"
}

# starts NAME - it does now
starts()
{
	ok "$1: it starts" run_once "$1"
}

# --- networks

domain off "$(interface network "network='plain'")"
not_ok off network 'there is no network plain on this host' \
	'choose one of virsh net-list --all with virsh edit off, or define it with virsh net-define'
refused off "Network not found: no network with matching name 'plain'"
network plain
not_ok off network 'network plain is not active' \
	'virsh net-start plain && virsh net-autostart plain'
refused off "network 'plain' is not active"
cured off "$cure"
like "off: what is said of it then" "$(busflip check off)" \
	'network +ok +the networks and devices of its interfaces exist'
ok "off: also after the next boot of the host" test -e /etc/libvirt/qemu/networks/autostart/plain.xml
starts off

# Named as nobody should, and twice.
network "it's &lt;b>"
domain odd "$(interface network 'network="it&apos;s &lt;b>"')$(interface network 'network="it&apos;s &lt;b>"')"
not_ok odd network "network it's <b> is not active" "virsh net-start .* && virsh net-autostart .*"
cured odd "$cure"
starts odd

# --- bridges and devices of the host

domain bridge "$(interface bridge "bridge='br9'")"
not_ok bridge network 'there is no bridge br9 on this host' \
	'create it, or choose another one of ip link with virsh edit bridge'
refused bridge "br9.*No such device"
cured bridge "ip link add br9 type bridge && ip link set br9 up"
starts bridge
domain direct "$(interface direct "dev='eth9' mode='bridge'")"
not_ok direct network 'there is no network device eth9 on this host' 'create it, or .*'
refused direct "eth9"

# --- more than one, and none

domain both "$(interface network "network='plain'")$(interface bridge "bridge='br8'")"
not_ok both network 'there is no bridge br8 on this host' 'create it, .*'
unlike "both: it is not said that all are there" "$output" 'network +ok'
domain user "<interface type='user'/>"
unlike "one that is connected to none" "$(busflip check user)" 'network +(ok|not)'

# --- the rest of the definition

cpu="<cpu mode='host-passthrough'/>"
make_domain cpu head="$cpu" > "$LAB/cpu.xml"
quietly virsh -q define "$LAB/cpu.xml"
not_ok cpu command "unsupported configuration: CPU mode 'host-passthrough' .*" \
	'fix what libvirt reports, with virsh edit cpu or on this host'
refused cpu "unsupported configuration: CPU mode 'host-passthrough'"
virsh dumpxml --inactive cpu | sed '/<cpu /d' > "$LAB/cpu.xml"
quietly virsh -q define "$LAB/cpu.xml"
like "cpu: without it" "$(busflip check cpu)" 'command +ok +libvirt can make a QEMU command line for it'
starts cpu
make_domain two head="$cpu" devices="$(interface bridge "bridge='br8'")" > "$LAB/two.xml"
quietly virsh -q define "$LAB/two.xml"
not_ok two network 'there is no bridge br8 on this host' 'create it, .*'
unlike "libvirt is not asked while anything else is wrong" "$output" 'command +(ok|not)'

# --- options for QEMU that another device would get

# overridden NAME ALIAS [KEY=VALUE...] - the device ALIAS with sectors of 4096 bytes
overridden()
{
	make_domain "$1" tag=no "${@:3}" | sed "s|^<domain |&xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' |
		s|^</domain>|<qemu:override><qemu:device alias='$2'><qemu:frontend>\
		<qemu:property name='logical_block_size' type='unsigned' value='4096'/>\
		<qemu:property name='physical_block_size' type='unsigned' value='4096'/>\
		</qemu:frontend></qemu:device></qemu:override>&|" > "$LAB/$1.xml"
	quietly virsh -q define "$LAB/$1.xml"
}

# has_sectors NAME DEVICE - QEMU has made that device so
has_sectors()
{
	tr '\0' '\n' < "/proc/$(cat "/run/libvirt/qemu/$1.pid")/cmdline" |
		grep -q "^{\"driver\":\"$2\".*\"logical_block_size\":4096"
}

correct='correct that with virsh edit .*; otherwise it starts as it is and .*'
overridden blk virtio-disk0 guest=stay
quietly virsh -q start blk
ok "blk: that name is its disk's" has_sectors blk virtio-blk-pci
quietly virsh -q destroy blk
not_ok blk definition 'a <qemu:override> refers to its system disk' "$correct"
fails "blk: enable" 1 busflip enable blk
like "blk: says why" "$output" 'a <qemu:override> refers to its system disk'
overridden scsi scsi0-0-0-0 bus=scsi guest=stay
quietly virsh -q start scsi
ok "scsi: that name is its disk's" has_sectors scsi scsi-hd
quietly virsh -q destroy scsi
not_ok scsi definition 'a <qemu:override> refers to its system disk' "$correct"
overridden sata sata0-0-0
not_ok sata definition \
	'a <qemu:override> would refer to its system disk when that is on sata' "$correct"
overridden bait virtio-disk25 bus=sata
not_ok bait definition 'a <qemu:override> would refer to the bait' "$correct"
overridden cd sata0-0-1 devices="<disk type='file' device='cdrom'>
	<target dev='sdb' bus='sata'/></disk>"
like "cd: one for another device" "$(busflip check cd)" 'definition +ok +its disk can be put on SATA'

# --- no PCI slot is left on a pc

# full NAME [ATTRIBUTES] - with a virtio-scsi controller on each slot that is free
full()
{
	local slot controllers=''

	for ((slot = 2; slot < 32; slot++)); do
		[ $slot = 7 ] || controllers+="<controller type='scsi' index='$slot' model='virtio-scsi'>
			<address type='pci' bus='0' slot='$slot' function='0'/></controller>"
	done
	define_domain "$1" machine=pc tag=no "${@:2}" devices="$controllers"
}

full full disk="<address type='pci' bus='0' slot='7' function='0'/>"
no_room='all slots of its PCI bus are in use and the SATA controller needs one: remove a device .*'
not_ok full definition "$no_room\(virsh edit full\)" "$correct"
fails "full: enable" 1 busflip enable full
like "full: enable says the same" "$output" "^busflip: domain full: $no_room"
virsh dumpxml --inactive full | sed '/scsi. index=.31/,/.controller>/d' > "$LAB/full.xml"
quietly virsh -q define "$LAB/full.xml"
fails "full: with one device less, enable" 0 busflip enable full
ok "full: it runs" run_once full
is "full: and goes on" "$(where full)" trial/virtio

# --- the way on of one that is staged

# moved NAME FROM TO - its disk FROM has another name now, and another image
moved()
{
	virsh dumpxml --inactive "$1" |
		sed "s/dev='$2'/dev='$3'/; s,<source file='$LAB/$1.img,<source file='$LAB/$1-copy.img," \
			> "$LAB/$1.xml"
	quietly virsh -q define "$LAB/$1.xml"
}

staged_domain lost
cp "$LAB/lost.img" "$LAB/lost-copy.img"
moved lost sda sdf
not_ok lost system-disk 'its system disk sda is no longer in the domain: .*' \
	'virsh edit lost: rename that disk to sda; or busflip disable --force lost && busflip enable lost --disk TARGET, .*'
unlike "lost: and no more is said of its definition" "$output" 'definition +(ok|not)'
moved lost sdf sda
ok "lost: by that name nothing is wrong" busflip check lost
moved lost sda sdf
cure=${cure#*; or } cure=${cure%%, with*}
cured lost "${cure/TARGET/sdf}"
ok "lost: it runs" run_once lost
is "lost: and goes on" "$(where lost)" trial/virtio
is "lost: with one disk" "$(xpath lost 'count(//disk)')" 1

staged_domain second
data_disk more vda virtio > "$LAB/more.xml"
quietly virsh -q detach-disk second vdz --config
quietly virsh -q attach-device second "$LAB/more.xml" --config
not_ok second definition "it is staged already, and can't continue: with its system disk on virtio \
another disk would become the boot disk; .*" \
	'correct that with virsh edit second; otherwise its disk stays where it is'
ok "second: it runs" run_once second
is "second: and does not go on" "$(where second)" staged/sata
like "second: for that reason" "$(cat "$LAB/log")" 'domain=second .*stays as it is: with its system disk on virtio another disk'
virsh dumpxml --inactive second | sed "/<boot dev='hd'/d; s|<target dev='sda'|<boot order='1'/>&|" > "$LAB/second.xml"
quietly virsh -q define "$LAB/second.xml"
not_ok second definition 'it is staged already, and its bait was removed from it' 'busflip stage second'
cured second "$cure"
like "second: corrected" "$(busflip check second)" 'definition +ok +it is staged already'
ok "second: it runs" run_once second
is "second: and goes on" "$(where second)" trial/virtio

# --- those who enable it are told

fails "both: enable" 0 busflip enable both
like "both: and what it says" "$output" 'there is no bridge br8 on this host'
