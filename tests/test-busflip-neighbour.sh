#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An image whose header names another guest's disk as its data file, where that disk has
# the owner and the name of a data file of this image: the disk is neither read nor written
# while any domain names it, under whatever name. Also data files that do belong to the
# image, including those that only QEMU's user can access.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/lib-check.sh
. "$tests/lib-check.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
plan 87

busflip()
{
	command busflip "$@"
}

size=$((80 * 1048576))
make_windows "$work/c.ntfs" $size
windows_disk "$work/old.img" mbr
printf '[busflip]\nvirtio_win = %s\n' "$work/vw" > /etc/busflip.conf
folder=$LAB/images
mkdir "$folder"
ln -s "$folder" "$LAB/link"

# put FILE OWNER - the disk of another guest, or an image's own data
put()
{
	cp --sparse=always "$work/old.img" "$1"
	chmod 600 "$1"
	chown "$2" "$1"
}

# sum FILE
sum()
{
	sha256sum < "$1"
}

# refused NAME FORMAT IMAGE DATA SAYS - by the start of its domain, which libvirt may refuse
# for QEMU, and by commands
refused()
{
	local before says="$3: keeps its data in $4, which $5"

	before=$(sum "$4")
	: > "$LAB/log"
	virsh -q start evil > "$LAB/out" 2>&1 && wait_off evil
	like "$1: its start says why" "$(grep 'domain=evil ' "$LAB/log")" "$says"
	is "$1: it is as it was" "$(sum "$4")" "$before"
	for command in inspect patch; do
		fails "$1: $command by path" 12 busflip $command --format "$2" "$3"
		like "$1: says why" "$output" "^busflip: $says"
		fails "$1: $command of its domain" 12 busflip $command evil
		like "$1: says why" "$output" "busflip: domain evil: $says"
		unlike "$1: nothing of it is printed" "$output" "build 19045"
	done
	is "$1: it still is as it was" "$(sum "$4")" "$before"
	fails "$1: check of its domain" 1 busflip check evil
	like "$1: says why" "$output" \
		"backing +not ok +$says.* cure: with the guest off, run qemu-img .*windows +not ok +$says"
}

# evil FORMAT IMAGE - a staged domain with that disk
evil()
{
	busflip disable --force evil > "$LAB/out" 2>&1
	virsh -q undefine evil > "$LAB/out" 2>&1
	staged_domain evil image="$2" format="$1"
}

# It runs as QEMU's user, so that it may be anybody's.
data=$folder/win-server.img
put "$data" libvirt-qemu
make_domain server tag=no image="$data" | virsh -q define /dev/stdin
for kind in qcow2 monolithicFlat twoGbMaxExtentFlat; do
	format=${kind/[mt]*/vmdk}
	put "$data" libvirt-qemu
	data_of $kind "$folder/win.$format" "$data"
	evil "$format" "$folder/win.$format"
	refused $kind "$format" "$folder/win.$format" "$data" \
		'is a disk of domain server: .*convert'
done
ok "who owns it is patched" busflip patch server

# Nobody's but root's, and no domain's.
put "$folder/win-root.img" root
data_of qcow2 "$folder/win.qcow2" "$folder/win-root.img"
chown 64999 "$folder/win.qcow2"
evil qcow2 "$folder/win.qcow2"
refused "root's" qcow2 "$folder/win.qcow2" "$folder/win-root.img" \
	"neither QEMU's user nor all users who may write the image may write: .*chown --reference"

# Other names of the same file.
image=$folder/win.qcow2
rm "$folder/win.vmdk"
data_of qcow2 "$image" "$data"
evil qcow2 "$image"
# named_as NAME SOURCE [SED] - by that <source> alone; the disk changed further by SED
named_as()
{
	virsh -q undefine server
	make_domain server tag=no image="$data" | sed "s|<source file='$data'/>|$2|; ${3:-}" |
		quietly virsh -q define /dev/stdin
	put "$data" libvirt-qemu
	fails "$1: patch" 12 busflip patch --format qcow2 "$image"
	like "$1: says why" "$output" "is a disk of domain server"
}
named_as "through a link" "<source file='$LAB/link/win-server.img'/>"
quietly virsh -q pool-define-as pool dir --target "$LAB/link"
quietly virsh -q pool-start pool
volume="s|<disk type='file' device='disk'>|<disk type='volume' device='disk'>|"
named_as "volume of a pool" "<source pool='pool' volume='win-server.img'/>" "$volume"
quietly virsh -q pool-destroy pool
named_as "volume of a pool that is not active" \
	"<source pool='pool' volume='win-server.img'/>" "$volume"
qemu-img create -q -f qcow2 -b "$data" -F raw "$folder/top.qcow2"
below="<backingStore type='file'><format type='raw'/><source file='$data'/><backingStore/>"
named_as "below its overlay" "<source file='$folder/top.qcow2'/>$below</backingStore>" \
	"s|type='raw' />|type='qcow2'/>|"
virsh -q undefine server
put "$data" libvirt-qemu
make_domain server tag=no image="$data" | virsh -q define /dev/stdin
quietly virsh -q snapshot-create-as server before --disk-only \
	--diskspec "vda,file=$folder/now.qcow2"
unlike "below a snapshot: the definition does not name it" \
	"$(virsh dumpxml --inactive server)" "$data"
fails "below a snapshot: patch" 12 busflip patch --format qcow2 "$image"
like "below a snapshot: says why" "$output" "is a disk of domain server"
virsh -q snapshot-delete server before --metadata
virsh -q undefine server

# Of a session alone.
put "$data" libvirt-qemu
boot_sectors "$data" stay
make_domain server tag=no image="$data" guest=stay > "$LAB/server.xml"
virsh -q create "$LAB/server.xml"
fails "a session alone: inspect" 12 busflip inspect --live --format qcow2 "$image"
like "a session alone: says why" "$output" "is a disk of domain server"
virsh -q destroy server
ok "when it is over: inspect" busflip inspect --format qcow2 "$image"

# What libvirt itself can't read names what it names, and nothing else.
mkdir -p /etc/libvirt/qemu
printf '<domain type="qemu"><devices><source file="%s"/>' "$data" > /etc/libvirt/qemu/broken.xml
fails "a definition that is damaged: patch" 12 busflip patch --format qcow2 "$image"
like "says why" "$output" "is a disk of domain"
printf '<domain type="qemu"><devices>' > /etc/libvirt/qemu/broken.xml
ok "one that does not name it: inspect" busflip inspect --format qcow2 "$image"
rm /etc/libvirt/qemu/broken.xml

# Its own, which its own domain may name as well.
for kind in qcow2 monolithicFlat; do
	format=${kind/m*/vmdk}
	put "$folder/own-data.img" libvirt-qemu
	data_of $kind "$folder/own.$format" "$folder/own-data.img"
	chown 64999 "$folder/own.$format"
	staged_domain "own-$format" image="$folder/own.$format" format="$format"
	before=$(sum "$folder/own-data.img")
	: > "$LAB/log"
	virsh -q start "own-$format" > "$LAB/out" 2>&1 && wait_off "own-$format"
	like "$kind, its own: the start patches it" "$(cat "$LAB/log")" \
		"domain=own-$format .*made ready for SATA and VirtIO"
	unlike "$kind, its own: it was written" "$(sum "$folder/own-data.img")" "$before"
	make_domain both image="$folder/own.$format" format="$format" devices="<disk type='file'>
		<source file='$folder/own-data.img'/><target dev='vdb'/></disk>" |
		virsh -q define /dev/stdin
	ok "$kind, its own: also while a domain names both" \
		busflip inspect --format "$format" "$folder/own.$format"
	virsh -q undefine both
	virsh -q undefine "own-$format"
	rm "$folder/own.$format"
done

# Of the user that one domain's QEMU runs as.
put "$folder/mine-data.img" 64999
data_of qcow2 "$folder/mine.qcow2" "$folder/mine-data.img"
fails "another user's: patch by path" 12 busflip patch --format qcow2 "$folder/mine.qcow2"
like "another user's: says so" "$output" "neither QEMU's user nor all .*chown --reference"
chmod 711 "$LAB" "$folder"
# libvirt does not give it to him.
chown 64999 "$folder/mine.qcow2"
define_domain mine tag=no image="$folder/mine.qcow2" format=qcow2 \
	head="<seclabel type='static' model='dac' relabel='no'><label>+64999:+64999</label></seclabel>"
ok "that of its domain: patch" busflip patch mine
