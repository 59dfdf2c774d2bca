#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every reason to refuse a disk: each has its own exit code and a message, and not a byte
# is written. Also conditions that look like such a reason but are not.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required

hive=Windows/System32/config/SYSTEM
size=64M
output=
make_windows "$work/good.ntfs" $size

# volume [MKVOL-OPERATION...] - the good Windows, changed; into $work/c.ntfs
volume()
{
	cp --sparse=always "$work/good.ntfs" "$work/c.ntfs"
	[ $# = 0 ] || "$mkvol" "$work/c.ntfs" "$@" || bail_out "mkvol $*"
}

# disk [MKDISK-OPTION...] - $work/c.ntfs on a raw disk
disk()
{
	"$tests/mkdisk.sh" -f raw "$@" "$work/disk.raw" "$work/c.ntfs" || bail_out mkdisk
}

# refused NAME STATUS WORDS [COMMAND [OPTION...]] - by busflip patch, or by
# COMMAND; $work/disk.raw stays as it is
refused()
{
	local name=$1 status=$2 words=$3 image=${image:-$work/disk.raw}

	shift 3
	[ $# != 0 ] || set -- patch --format raw --virtio-win "$work/vw"
	cp --sparse=always "$image" "$work/before"
	fails "$name: exit status $status" "$status" busflip "$@" "$image"
	like "$name: says so" "$output" "$words"
	ok "$name: nothing is written" cmp "$image" "$work/before"
}

# accepted NAME
accepted()
{
	ok "$1" busflip patch --format raw --virtio-win "$work/vw" "$work/disk.raw"
}

requires qemu-system-x86_64 --version
plan 183

# --- the volume ---
volume volume-flags 0x0001 && disk
refused "dirty flag" 21 "marked dirty"
volume volume-flags 0x4000 && disk
refused "chkdsk was interrupted" 21 "marked dirty"
volume log 1 0 0 && disk
refused "journal not clean" 20 "journal is not clean"
volume log 1 0xFFFF 0 && disk
accepted "journal without a client is clean"
volume log 1 0 2 && disk
accepted "journal with its clean flag is clean"
volume log 2 0 0 && disk
refused "journal of version 2.0" 19 "not fully shut down"
volume log 2 0xFFFF 2 && disk
refused "journal of version 2.0, clean" 19 "not fully shut down"
volume log 0 0 0 && disk
refused "journal of zeros" 20 "no valid start page: let Windows run chkdsk"
volume log -1 0xFFFF 0 && disk
refused "journal that only libntfs-3g finds wrong" 20 "journal is not in order: start Windows"

page=$(printf '%4092s' '')
for magic in HIBR hibr; do
	volume text hiberfil.sys "$magic$page" && disk
	refused "hiberfil.sys $magic" 18 "hibernated or was shut down with fast startup"
done
volume text hiberfil.sys "RSTR$page" && disk
refused "hiberfil.sys RSTR" 18 "interrupted while it resumed"
volume text hiberfil.sys "link$page" && disk
refused "hiberfil.sys of an unknown kind" 18 "unknown kind"
volume text hiberfil.sys HIBR && disk
refused "hiberfil.sys too short" 18 ""
volume text hiberfil.sys "WAKE$page" && disk
accepted "hiberfil.sys WAKE: resumed long ago"
head -c 8192 /dev/zero > "$work/zero"
volume put hiberfil.sys "$work/zero" && disk
accepted "hiberfil.sys of zeros"

volume && printf -- '-FVE-FS-' | dd of="$work/c.ntfs" bs=1 seek=3 conv=notrunc status=none && disk
refused "BitLocker" 15 "BitLocker"
refused "BitLocker, inspect" 15 "BitLocker" inspect --format raw
refused "BitLocker, chosen" 15 "BitLocker" patch --format raw --partition 3
volume
# The $MFT begins where the boot sector says.
mft=$(python3 -c 'import struct,sys; b=open(sys.argv[1],"rb").read(512)
print(struct.unpack_from("<Q",b,48)[0]*struct.unpack_from("<H",b,11)[0]*b[13])' "$work/c.ntfs")
dd if=/dev/urandom of="$work/c.ntfs" bs=1024 seek=$((mft / 1024)) count=4 conv=notrunc status=none
disk
refused "damaged MFT" 22 "partition 3: .*; boot Windows .*on SATA.*chkdsk /f$"

volume fill && disk
refused "no space in the volume" 23 "no space in the volume .*; free space on the volume"

# --- the hive's file ---
volume rm $hive compress $hive "$work/SYSTEM" && disk
refused "compressed SYSTEM" 24 "$hive is compressed.*; in Windows: compact /u$"
volume flag $hive encrypted && disk
refused "encrypted SYSTEM" 25 "$hive: encrypted; in Windows: cipher /d$"
volume flag $hive reparse && disk
refused "SYSTEM is a reparse point" 26 "$hive is a reparse point .*; in Windows, put an ordinary file"
volume link $hive Windows/other && disk
refused "SYSTEM has two names" 26 "$hive has 2 names .*; in Windows, put an ordinary file"

# change_system PYTHON - its SYSTEM hive, as "b", after that; the volume is made anew
change_system()
{
	python3 - "$work/SYSTEM" "$work/changed" <<-END
	import sys
	b = bytearray(open(sys.argv[1], 'rb').read())
	$1
	open(sys.argv[2], 'wb').write(b)
	END
	volume rm $hive put $hive "$work/changed" && disk
}

change_system 'b[4] ^= 1'
refused "SYSTEM not written out, no logs" 27 \
	"$hive: .*no log fits it; boot Windows once on SATA and shut it down inside Windows"
change_system 'b[4096] = 0'
refused "SYSTEM is damaged" 28 "$hive: hivex cannot open the hive: .*; boot Windows once on SATA"
change_system 'b = b[:6000]'
refused "SYSTEM is cut off" 28 "$hive: cut off.*; boot Windows once on SATA"
software_hive "$work/old" 6002
volume rm "${hive%SYSTEM}SOFTWARE" put "${hive%SYSTEM}SOFTWARE" "$work/old" && disk
refused "Vista" 30 "Windows build 6002 is older than Windows 7; leave its disk on SATA or IDE"

# --- the disk ---
volume && disk -t mbr -T 42
refused "dynamic disk, MBR" 16 \
	"dynamic disk.*; leave its disk on SATA or IDE, or copy Windows to a basic disk: .* deletes all volumes$"
disk -T AF9B60A0-1431-4F62-BC68-3311714A69AD
refused "dynamic disk, GPT" 16 "dynamic disk"
disk -T E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D
refused "Storage Spaces" 17 \
	"Storage Spaces.*; leave its disk on SATA or IDE, or copy Windows to a basic disk$"
disk
printf garbage | dd of="$work/disk.raw" bs=1 seek=$((512 + 16)) conv=notrunc status=none
accepted "damaged primary GPT header: the backup counts"
disk
printf garbage | dd of="$work/disk.raw" bs=1 seek=$((512 + 16)) conv=notrunc status=none
printf garbage | dd of="$work/disk.raw" bs=1 conv=notrunc status=none \
	seek=$(($(stat -c %s "$work/disk.raw") - 512 + 16))
refused "both GPT headers damaged" 39 "neither of its headers.*; check that .*qemu-img info"
rm "$work/disk.raw" && truncate -s 4M "$work/disk.raw"
refused "empty disk" 39 "no partition table; check that .*qemu-img info"
make_volume "$work/c.ntfs" $size mkdir Users && disk
refused "no Windows" 13 \
	"no Windows found: the disk has 3 partitions \(GPT\); if Windows is on another disk, name that disk$"
volume && disk -t none
fails "without a partition table" 0 busflip inspect --format raw "$work/disk.raw"
like "it says so" "${output%%$'\n'*}" "^Windows on the whole disk, which has no partition table$"
disk -t mbr
fails "with one partition" 0 busflip inspect --format raw "$work/disk.raw"
like "it says so" "${output%%$'\n'*}" "^Windows on partition 1 \(MBR, 1 partition\)$"
make_volume "$work/c.ntfs" $size mkdir Users && disk -t none
refused "no Windows on a whole disk" 13 "no Windows found: the whole disk is one NTFS volume; if .*"
rm "$work/disk.raw" && truncate -s 4M "$work/disk.raw"
printf 'LUKS\xba\xbe' | dd of="$work/disk.raw" conv=notrunc status=none
refused "LUKS" 13 \
	"no Windows found: the disk as a whole has LUKS encryption, and no partition table; if .*"
printf 'start=2048, type=8e\n' | sfdisk -q "$work/disk.raw"
printf 'LVM2 001' | dd of="$work/disk.raw" bs=1 seek=$((1048576 + 512 + 24)) conv=notrunc status=none
refused "LVM on a partition" 13 \
	"no Windows found: the disk has 1 partition \(MBR\); partition 1: LVM; if .*"
volume && "$tests/mkdisk.sh" -f raw "$work/disk.raw" "$work/c.ntfs" "$work/c.ntfs"
refused "two Windows on two partitions" 14 \
	"Windows on partition 3, Windows on partition 4.*--partition"
ok "one of them chosen" busflip patch --format raw --virtio-win "$work/vw" \
	--partition 4 "$work/disk.raw"
fails "the other one is as it was" 0 busflip inspect --format raw --partition 3 "$work/disk.raw"
like "with no driver" "$output" "viostor +absent"
refused "a partition that isn't there" 13 "no partition 9" patch --format raw --partition 9
volume mkdir Old/System32/config put Old/System32/config/SYSTEM "$work/SYSTEM" && disk
refused "two Windows on one partition" 14 "Old on partition 3"
volume mkdir "\$Setup/System32/config" put "\$Setup/System32/config/SYSTEM" "$work/SYSTEM" && disk
accepted "a folder of Windows' setup is no Windows"
volume && printf -- '-FVE-FS-' | dd of="$work/c.ntfs" bs=1 seek=3 conv=notrunc status=none
make_volume "$work/dirty.ntfs" $size mkdir Users volume-flags 0x0001
"$tests/mkdisk.sh" -f raw -T 5808C8AA-7E8F-42E0-85D2-E1E90434CFB3 "$work/disk.raw" \
	"$work/c.ntfs" "$work/dirty.ntfs"
refused "of two obstacles the first is told" 15 "partition 3: encrypted with BitLocker"

# --- the image ---
volume && disk
qemu-nbd -f raw -k "$work/nbd" "$work/disk.raw" & server=$!
# Its socket is there before it has locked the image.
wait_for "grep -q ':$(stat -c %i "$work/disk.raw") 100' /proc/locks" 5
refused "in use" 10 "in use by another process"
refused "in use, inspect" 10 "another process" inspect --format raw
kill $server
wait
qemu-system-x86_64 -S -display none -monitor none -serial none \
	-drive "file=$work/disk.raw,format=raw,if=virtio" & server=$!
wait_for "grep -q ':$(stat -c %i "$work/disk.raw") 201' /proc/locks" 20
refused "a paused guest has it" 10 "running guest"
refused "a paused guest has it, inspect" 10 "running guest" inspect --format raw
fails "inspect --live reads it all the same" 0 busflip inspect --live --format raw "$work/disk.raw"
like "and warns" "$output" "may be inconsistent"
kill $server
wait
chmod 444 "$work/disk.raw"
refused "read-only" 11 "read-only"
chmod 644 "$work/disk.raw"
refused "wrong format" 12 "not a qcow2 image: is that its format .*qemu-img info" \
	patch --format qcow2
refused "wrong format, which only QEMU sees" 12 "not of the given format.*qemu-img info" \
	patch --format vhdx
qemu-img convert -O vmdk -o subformat=streamOptimized "$work/disk.raw" "$work/disk.vmdk"
image=$work/disk.vmdk
refused "streamOptimized vmdk" 12 "streamOptimized" patch --format vmdk
image=

# Those that QEMU changes when it opens them for writing: a log, a repair, bitmaps. What is
# written to them before is where the volume has nothing.
volume text hiberfil.sys HIBR && disk
image=$work/log.vhdx
for ((n = 1; n < 60; n++)); do
	qemu-img convert -O vhdx -o block_size=1M "$work/disk.raw" "$image"
	LD_PRELOAD=$BUSFLIP_BUILD/tests/killer.so KILLER_AT=$n KILLER_WHO=all \
		qemu-io -f vhdx -c 'write 157M 2M' "$image" > /dev/null
	[[ $(qemu-io -r -f vhdx -c 'read 0 512' "$image" 2>&1) != *replayed* ]] || break
done 2> /dev/null
refused "vhdx with a log" 12 "$image: .*its log must be replayed first, by qemu-img check -r all" \
	patch --format vhdx
refused "vhdx with a log, inspect" 12 "its log must be replayed first" inspect --format vhdx
ok "vhdx: the cure" qemu-img check -q -r all "$image"
refused "vhdx, hibernated" 18 "hibernated" patch --format vhdx
image=$work/marked.qcow2
qemu-img convert -O qcow2 "$work/disk.raw" "$image"
qemu-img bitmap --add "$image" backup
refused "qcow2 with a bitmap" 18 "hibernated" patch --format qcow2

# left_open - a qcow2 that was not closed
left_open()
{
	qemu-img convert -O qcow2 -o lazy_refcounts=on "$work/disk.raw" "$image"
	qemu-io -f qcow2 -c 'write 157M 1M' -c abort "$image" > /dev/null
} 2> /dev/null

image=$work/open.qcow2
left_open
like "qcow2 that was not closed" "$(qemu-img check -f qcow2 "$image" 2>&1)" 'leaked|refcount|ERROR'
refused "qcow2 that was not closed" 18 "hibernated" patch --format qcow2
volume && disk
left_open
ok "one that is not refused is patched" busflip patch --format qcow2 --virtio-win "$work/vw" "$image"
ok "and is sound" qemu-img check -q -f qcow2 "$image"
image=
fails "no format: wrong usage" 2 busflip patch "$work/disk.raw"
like "says why" "$output" "never guesses"

# --- drivers, undo ---
refused "no driver at hand" 32 "no viostor driver in this Windows.*; set virtio_win in .*--virtio-win" patch --format raw
refused "virtio_win is not there" 32 "/nonexistent" patch --format raw \
	--virtio-win /nonexistent
rm -rf "$state"
refused "undo without a patch" 35 "there is no backup" undo --format raw
