#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# System disks that are a volume of a storage pool: looked into, patched and moved like
# any other, by command and by hook, where libvirt says that the volume is.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/guest/windows/lib-windows.sh
. "${BASH_SOURCE[0]%/*}/guest/windows/lib-windows.sh"
windows_required "$@"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
plan 28

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
memory=256 volume_domain win default win.qcow2 format=qcow2 boot="$(windows_boot bios)"
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
like "transient: check" "$(busflip check hand)" "system-disk +ok +vda: $image, raw
"
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
like "takes back what was for the way" "$output" 'what was changed in Windows for the way only is put back'
same_as_original hand "and its definition is what it was"
