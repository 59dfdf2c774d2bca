#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# System disks that are volumes of a storage pool: inspected, patched and moved like any
# other disk, by commands and by the hook, at the location that libvirt reports. Disks that
# cannot be inspected, in other pools or on the network, are reported at once.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/lib-check.sh
. "${BASH_SOURCE[0]%/*}/lib-check.sh"
# shellcheck source=tests/guest/windows/lib-windows.sh
. "${BASH_SOURCE[0]%/*}/guest/windows/lib-windows.sh"
windows_required "$@"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
plan 122

busflip()
{
	command busflip "$@"
}

config()
{
	printf '[busflip]\nvirtio_win = %s\n' "$work/vw" > /etc/busflip.conf
	printf '%s\n' "$@" >> /etc/busflip.conf
}

# volume_domain NAME POOL VOLUME [KEY=VALUE...] - without a tag; as define_domain, with
# that for its disk
volume_domain()
{
	local name=$1 source="<source pool='$2' volume='$3'/>"

	shift 3
	source=${source//&/\\&}
	virsh -q undefine "$name" > "$LAB/tmp/undefine" 2>&1
	make_domain "$name" tag=no image="$LAB/$name.img" "$@" | sed -e "
		s|<disk type='file' device='disk'>|<disk type='volume' device='disk'>|
		s|<source file='$LAB/$name.img'/>|$source|
		s|<memory unit='MiB'>32<|<memory unit='MiB'>${memory:-32}<|" > "$LAB/$name.xml"
	quietly virsh -q define "$LAB/$name.xml"
	virsh dumpxml --inactive "$name" > "$LAB/$name.original"
}

# item NAME ITEM - what check says of it, with its cure
item()
{
	busflip check "$1" | sed -n "/^$2 / { p; n; /^ *cure/p }"
}

hive=Windows/System32/config/SYSTEM
size=$((80 * 1048576)) offset=1048576

# hive_of FILE
hive_of()
{
	get_volume "$1" raw $offset $size "$work/now.ntfs"
	sum_file "$work/now.ntfs" $hive
}

# windows_file FILE [GUEST] - with a boot sector that powers off at once, or another one
windows_file()
{
	[ -e "$work/base.img" ] || {
		make_windows "$work/c.ntfs" $size
		"$tests/mkdisk.sh" -f raw -t mbr "$work/base.img" "$work/c.ntfs"
	}
	cp --sparse=always "$work/base.img" "$1"
	boot_sectors "$1" "${2:-off}"
}

# --- the whole way, with a guest that behaves as Windows does

make_parts
config 'trial_timeout = 25'
mkdir "$LAB/pool"
quietly virsh -q pool-define-as default dir --target "$LAB/pool"
quietly virsh -q pool-start default
windows_disk win driver=service fast=on autoreboot=1
qemu-img convert -O qcow2 "$LAB/win.img" "$LAB/pool/win.qcow2" && rm "$LAB/win.img"
quietly virsh -q pool-refresh default
path=$(virsh -q vol-path win.qcow2 --pool default)
memory=256 volume_domain win default win.qcow2 format=qcow2 boot="$(windows_boot)"
fails "check" 0 busflip check win
like "the disk is where libvirt says that it is" "$output" "system-disk +ok +vda: $path, qcow2"
is "each of them was looked at" "$(awk '$2 == "ok" { printf "%s ", $1 }' <<< "$output")" \
	'hook system-disk definition format access other-files boot-disk firmware windows driver command '
fails "enable" 0 busflip enable win
is "warns of nothing" "$(wc -l <<< "$output")" 1
like "status" "$(busflip status win)" 'Next: start it; .* its next start is on VirtIO'
ok "a session on SATA" windows_session win
wait_for "settled win" 30
like "the hook has made Windows ready before" "$(grep 'made ready for SATA and VirtIO' "$LAB/log")" \
	"domain=win .*disk $path"
is "on trial" "$(where win)" trial/virtio
is "the definition still names pool and volume" \
	"$(xpath win "concat($system_disk/@type, ' ', $system_disk/source/@pool, ' ', $system_disk/source/@volume)")" \
	'volume default win.qcow2'
ok "a session on VirtIO" windows_session win
wait_for "settled win" 30
is "done" "$(where win)" "done/virtio"
ok "all is well with it" busflip check win

# --- by command, in a transient pool; and back

mkdir "$LAB/quick"
windows_file "$LAB/quick/by hand.img"
quietly virsh -q pool-create-as quick dir --target "$LAB/quick"
image=$(virsh -q vol-path 'by hand.img' --pool quick)
before=$(hive_of "$image")
volume_domain hand quick 'by hand.img'
like "transient: check" "$(item hand system-disk)" "^system-disk +ok +vda: $image, raw\$"
ok "enable" busflip enable hand
fails "inspect" 0 busflip inspect hand
like "what Windows" "$output" 'Windows 10'
ok "patch" busflip patch hand
unlike "has changed it" "$(hive_of "$image")" "$before"
ok "undo" busflip undo hand
is "has put it back" "$(hive_of "$image")" "$before"
ok "starts and goes off" run_once hand
unlike "the hook has made it ready, too" "$(hive_of "$image")" "$before"
is "it stays on SATA" "$(where hand)" staged/sata
like "since the disk shows that Windows did not run" "$(xpath hand 'string(//*[local-name()="state"]/@reason)')" \
	'booted \(never\)'
fails "disable" 0 busflip disable hand
like "takes back what was for the way" "$output" 'the temporary changes in Windows were undone'
same_as_original hand "and its definition is what it was"

# --- defined anew while it is active: what counts is what it was started with

mkdir "$LAB/other"
cp --sparse=always "$LAB/pool/win.qcow2" "$LAB/other/"
virsh pool-dumpxml --inactive default | sed "s,$LAB/pool,$LAB/other," > "$LAB/pool.xml"
quietly virsh -q pool-define "$LAB/pool.xml"
is "libvirt still has it in the old place" "$(virsh -q vol-path win.qcow2 --pool default)" "$path"
like "so has busflip" "$(item win system-disk)" "vda: $path,"
quietly virsh -q pool-destroy default
quietly virsh -q pool-start default
path=$(virsh -q vol-path win.qcow2 --pool default)
is "started anew it has another" "$path" "$LAB/other/win.qcow2"
like "and so for busflip" "$(item win system-disk)" "vda: $path,"

# --- a pool that is not active, or none at all

quietly virsh -q pool-destroy default
not_ok win system-disk 'vda: its storage pool default is not active' \
	'virsh pool-start default && virsh pool-autostart default'
fails "libvirt does not start it" 1 virsh start win
like "for that reason" "$output" 'is not active'
ok "it can be looked into" busflip inspect win
cured win "{ $cure; } > /dev/null"
cp --sparse=always "$LAB/other/win.qcow2" "$LAB/other/new.qcow2"
volume_domain new default new.qcow2 format=qcow2
not_ok new command '.*no storage vol with matching name .*' 'fix what libvirt reports, .*'
ok "the cure works" virsh -q pool-refresh default
ok "nothing is wrong then" busflip check new
windows_file "$LAB/other/runs.img" stay
quietly virsh -q pool-refresh default
volume_domain runs default runs.img
quietly busflip enable runs
virsh -q start runs && wait_boot runs 1
quietly virsh -q pool-destroy default
ok "its pool is stopped while it runs: it shuts down" virsh -q shutdown runs
wait_off runs
like "and its disk is read all the same" "$(xpath runs 'string(//*[local-name()="state"]/@reason)')" \
	'booted \(never\)'
quietly virsh -q pool-destroy quick
not_ok hand system-disk 'vda: there is no storage pool quick .*' \
	'correct the <source> of disk vda with virsh edit hand, or define that pool .*'
fails "nor is it looked into" 1 busflip inspect hand
like "it says why" "$output" 'domain hand: there is no storage pool quick \(see virsh pool-list --all\)'

# A file system that is mounted already by another name is as good for libvirt; one that is
# not may have anything in that place.
mkdir "$LAB/nfs" "$LAB/fs"
quietly virsh -q pool-define-as nfs netfs --source-host server --source-path /images --target "$LAB/nfs"
quietly virsh -q pool-define-as fs fs --source-dev /dev/images --target "$LAB/fs"
for pool in nfs fs; do
	windows_file "$LAB/$pool/win.img"
	volume_domain on-$pool $pool win.img
	fails "$pool: not mounted: inspect" 1 busflip inspect on-$pool
	like "$pool: it says why" "$output" "its storage pool $pool is not active \\(virsh pool-start $pool\\)"
	like "$pool: so does check" "$(item on-$pool system-disk)" \
		"not ok +vda: its storage pool $pool is not active
 *cure: virsh pool-start $pool && "
done
mount -t tmpfs server:/images "$LAB/nfs" && windows_file "$LAB/nfs/win.img"
mount -t tmpfs /dev/images "$LAB/fs" && windows_file "$LAB/fs/win.img"
for pool in nfs fs; do
	ok "$pool: mounted" virsh -q pool-start $pool
	image=$(virsh -q vol-path win.img --pool $pool)
	like "$pool: the disk is where libvirt says" "$(item on-$pool system-disk)" "ok +vda: $image, raw"
	ok "$pool: nothing is wrong" busflip check on-$pool
done

# --- names that are none, and what is in libvirt's folder that libvirt did not put there

sed "s,$LAB/other,$LAB/fs," /etc/libvirt/storage/default.xml > /etc/libvirt/decoy.xml
cp /etc/libvirt/decoy.xml /run/libvirt/decoy.xml
for name in '../decoy' '../../etc/passwd' '..' '.' 'a&#127;b'; do
	volume_domain forged "$name" win.img
	fails "a pool called $name" 1 busflip inspect forged
	like "is invalid" "$output" "with an invalid name"
done
for name in '../fs/win.img' '..' 'a&#127;b'; do
	volume_domain forged fs "$name"
	fails "a volume called $name" 1 busflip inspect forged
	like "is invalid" "$output" "with an invalid name"
done
not_ok forged system-disk "vda: its <source> names .*" 'correct the <source> of disk vda .*'
fails "libvirt does not start it" 1 virsh start forged
volume_domain forged 'a&#10;b' win.img
fails "a newline, which libvirt's XML makes a blank of" 1 busflip inspect forged
like "is no pool that there is" "$output" 'domain forged: there is no storage pool a b '
sed 's,>default<,>linked<,' /etc/libvirt/decoy.xml > "$LAB/linked.xml"
ln -s "$LAB/linked.xml" /etc/libvirt/storage/linked.xml
volume_domain linked linked win.img
fails "a link to elsewhere" 1 busflip inspect linked
like "is not followed" "$output" 'cannot open /etc/libvirt/storage/linked.xml: Too many levels of symbolic links'
head -c 2000000 /dev/zero > /etc/libvirt/storage/large.xml
volume_domain large large win.img
fails "a file that is no definition" 1 busflip inspect large
like "is not read as a whole" "$output" '/etc/libvirt/storage/large.xml: .*more than'
echo '<pool' > /etc/libvirt/storage/large.xml
like "one that is damaged: check does not know" "$(item large system-disk)" \
	'not known vda: /etc/libvirt/storage/large.xml: malformed XML'

# --- a pool of that name on another host

printf '#!/bin/sh\nexec virt-ssh-helper qemu:///system\n' > "$LAB/elsewhere"
chmod +x "$LAB/elsewhere"
like "another host: where the disk is is not known" \
	"$(busflip --connect "qemu+ext://elsewhere/system?command=$LAB/elsewhere" check win)" \
	'system-disk +not known vda: its storage pool is on another host'

# --- disks that can't be looked into: they would never leave SATA

quietly virsh -q pool-define-as san iscsi --source-host san --source-dev iqn.2020-01.org.example:win \
	--target /dev/disk/by-path
volume_domain remote san unit:0:0:1
make_domain ceph tag=no image="$LAB/none.img" | sed -e "s,<disk type='file',<disk type='network',
	s,<source file='$LAB/none.img'/>,<source protocol='rbd' name='pool/win'><host name='mon'/></source>," > "$LAB/ceph.xml"
quietly virsh -q define "$LAB/ceph.xml"
hand="install the VirtIO drivers inside Windows and set evidence = shutdown in /etc/busflip.conf"
not_ok remote system-disk \
	'vda: its storage pool san is of type iscsi: .*; with evidence = require it stays on SATA' \
	"virsh edit remote: <disk type='block'> .*, with the path that virsh vol-path --pool san unit:0:0:1 prints; if .*, $hand"
not_ok ceph system-disk 'vda: its system disk is of type "network": .*; with evidence = require it stays on SATA' "$hand"
for name in remote ceph; do
	fails "$name: enable" 0 busflip enable $name
	like "$name: warns of it" "$output" "-> staged .*
busflip: domain $name: busflip check reports:
system-disk +not ok .*stays on SATA
 *cure: "
	output=$(busflip status $name)
	like "$name: status" "$output" \
		"Next: start it; it stays on SATA, since its disk can.t be read: its (storage pool|system disk) .*; busflip check $name says what to do"
	unlike "$name: promises nothing" "$output" 'Next: .*VirtIO'
	output=$(busflip inspect $name 2>/dev/null)
	like "$name: inspect" "$output" 'Next: start it; it stays on SATA, since '
done
config 'evidence = shutdown'
for name in remote ceph; do
	like "$name: evidence = shutdown: it is not known" "$(item $name system-disk)" 'not known sda: its '
	like "$name: status" "$(busflip status $name)" 'its next start is on VirtIO\.$'
done
ok "ceph: check" busflip check ceph
not_ok remote command ".*storage pool 'san' .* is not active" 'fix what libvirt reports, .*'
config
quietly busflip promote ceph
like "on trial: it is on VirtIO" "$(item ceph system-disk)" 'not known'
quietly busflip disable ceph

# A second one is nothing to busflip.
volume_domain data fs win.img devices="<disk type='network' device='disk'>
	<source protocol='rbd' name='pool/data'><host name='mon'/></source>
	<target dev='vdb' bus='virtio'/></disk>"
fails "a data disk on the network: check" 0 busflip check data
unlike "nothing is said of it" "$output" 'vdb'
volume_domain data fs win.img devices="<disk type='volume' device='cdrom'>
	<source pool='fs' volume='gone.iso'/><target dev='sdb' bus='sata'/></disk>"
not_ok data other-files "disk sdb: $LAB/fs/gone.iso does not exist" 'virsh change-media data sdb --eject --config, .*'
